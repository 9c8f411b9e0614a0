"""A scenario that takes no time: the load of the 2007 thread on a machine of 8 MiB."""

from __future__ import annotations

from pathlib import Path

TINY = """\
name: tiny
title: a small one
seeds: 3
machine:
  ram_mib: 8
  cpus: 2
  swap_mib: 64
  swap: {name: sda, read_mb_s: 50, write_mb_s: 50, latency_ns: 100000}
  file: {name: sdb, read_mb_s: 50, write_mb_s: 50, latency_ns: 100000}
workload: {kind: cyclic, size_mib: 16, text_pages: 4, op_ns: 1000, duration_s: 1}
set: {machine.swap.nr_requests: 64}
baseline: inline
ratios: [pswpout]
rows:
  - name: inline
    policy: inline
    expect: {killed: none, throughput: [1, 1]}
  - name: W1 postponed
    policy: postponed
    expect: {killed: all}
    expect_median: {killed_after_low_s: [0, 1]}
  - name: W1 slow
    policy: inline
    params: {min_free_kbytes: 400}
    set: {machine.swap.write_mb_s: 5}
    expect: {pswpout: [null, 0.99]}
  - name: mix
    policy: postponed
    workload: {kind: mix, anon_share: 0.8, footprint_mib: 12, text_mib: 1, duration_s: 0.3}
    baseline: mix
    expect: {killed: any}
"""


def write(directory: Path, text: str = TINY, name: str = "tiny.yaml") -> Path:
    """Write a scenario file and return its path."""
    path = directory / name
    path.write_text(text)
    return path
