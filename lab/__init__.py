"""The lab: a real Linux kernel under QEMU runs the same operation streams as the simulator, and reports the same counters."""
