"""One job and one wish for every way of launching, and the golden records of what comes out.

Renew the records with `HIGHWATER_RECORD=1 pytest tests/cluster` after looking at the difference.
"""

import os
from pathlib import Path

from cluster.job import Job
from cluster.kuberay import Pods
from cluster.slurm import Allocation

SHARED = Path("/shared/highwater")
TEXT = "name: duel\nseed: 2007\n"
DUEL = Job(SHARED / "configs/sweeps/duel.yaml", TEXT)

# Everything a shell would love to run, in every place where a user's word can stand.
HOSTILE_WORDS = ("$(touch pwned)", "`touch pwned`", "a b;touch pwned", "'\"\\", "--", "-x", "*", "~", "#", "@COMMAND@")
HOSTILE_FILE = "$(touch pwned) '; touch pwned #.yaml"
HOSTILE = Job(SHARED / HOSTILE_FILE, TEXT, HOSTILE_WORDS)

ALLOCATION = Allocation(nodes=4, cpus=32, directory=SHARED, token=Path("/shared/secret/auth_token"), partition="batch")
PODS = Pods(image="registry.example/highwater:0.1.0", claim="highwater-results")

RECORDS = Path(__file__).parent / "records"


def assert_as_recorded(text: str, name: str) -> None:
    """Compare with the text that was last looked at."""
    path = RECORDS / name
    if os.environ.get("HIGHWATER_RECORD"):
        path.write_text(text)
    assert text == path.read_text(), f"differs from tests/records/{name}; look at it, then renew the record"
