"""Highwater's simulator of Linux page reclaim: numpy and numba, no I/O, no platform library."""

from core import policies
from core.builder import Builder
from core.machine import Device, Machine
from core.outcome import Outcome
from core.policy import Policy, Tunable
from core.simulator import InvariantError, simulate
from core.streams import Streams

__all__ = ["Builder", "Device", "InvariantError", "Machine", "Outcome", "Policy", "Streams", "Tunable", "policies", "simulate"]
