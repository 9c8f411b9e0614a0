"""A policy of one's own that is poison at some values of its tunable, and a sweep that tries them."""

from __future__ import annotations

from pathlib import Path

from tests import tinysweep

# What the tunable does at each value; every other value is wholesome. The ends of the range are looked at by the driver.
KILLED, SEGFAULT, ENDLESS, RAISES, EXITS = 1, 2, 3, 4, 5

POLICY = '''"""Poison for the platform's tests: wholesome but at a few values of its own tunable.

Source:  this test.
Differs: it kills its process, never ends, or raises.
Expect:  the sweep goes on.
"""

import ctypes
import os
import signal

from core.decisions import WRITE
from core.jit import decision
from core.policy import Policy, Tunable


@decision
def dirty_page(is_kswapd, anon, marked, node_dirty, priority, own):
    turns = 1
    while own[0] == 3 and turns != 0:  # an endless loop in compiled code
        turns = turns % 7 + 1
    return WRITE


class Poisonous(Policy):
    def resolve(self, machine, params):
        what = params.get("dose", 0)
        if what == 2:
            ctypes.string_at(0)
        if what == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        if what == 4:
            raise ArithmeticError("this dose is poison")
        if what == 5:
            os._exit(7)
        return super().resolve(machine, params)


POLICY = Poisonous(
    name="poisonous",
    title="poison at some doses",
    source="a test of the platform",
    era="2.6.23",
    decides={"dirty_page": dirty_page},
    own=(Tunable("dose", 0, 9, 0, "", "1 to 5 are poison"),),
)
'''

SWEEP = """\
name: poisoned
seed: 6
machine:
  ram_mib: 8
  cpus: 2
  swap_mib: 64
  swap: {name: sda, read_mb_s: 50, write_mb_s: 50, latency_ns: 100000}
  file: {name: sdb, read_mb_s: 50, write_mb_s: 50, latency_ns: 100000}
workload: {kind: mix, anon_share: 0.9, footprint_mib: 12, text_mib: 1, duration_s: 0.1}
policies: [inline, poisonous]
compare: {challenger: poisonous, baseline: inline}
search:
  sampler: qmc
  trials: 8
  batch: 4
  replicates: 2
  confirm: 2
  params:
    dose: {low: 0, high: 9}
"""


def write(directory: Path) -> Path:
    """Write the policy and the sweep; returns the directory of the policy."""
    policies = directory / "policies"
    policies.mkdir(exist_ok=True)
    (policies / "poisonous.py").write_text(POLICY)
    tinysweep.write(directory, SWEEP, "poisoned.yaml")
    return policies
