"""docs/constants.md says what the code says."""

from __future__ import annotations

import importlib
import re
from dataclasses import fields
from pathlib import Path

import pytest

from core.machine import Device, Machine
from core.policy import vm_tunables
from core.watermark import ERA_2_6_23, ERA_6_12

ROOT = Path(__file__).parents[2]


def rows(heading: str) -> list[list[str]]:
    """Cells of the rows of the table under a heading."""
    text = (ROOT / "docs/constants.md").read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| `")]


CONSTANTS = [(row[0].strip("`"), int(row[1]), row[4].strip("`")) for row in rows("In the code")]


@pytest.mark.parametrize(("name", "value", "path"), CONSTANTS, ids=[f"{path}:{name}" for name, _, path in CONSTANTS])
def test_a_constant_is_the_codes(name: str, value: int, path: str) -> None:
    module = importlib.import_module(path.removesuffix(".py").replace("/", "."))
    assert getattr(module, name) == value


def test_every_estimate_of_the_code_is_told() -> None:
    marked = set()
    for path in (ROOT / "core").rglob("*.py"):
        for name in re.findall(r"^([A-Z_]+): Final = .*#.*estimate", path.read_text(), re.MULTILINE):
            marked.add((name, path.relative_to(ROOT).as_posix()))
    assert marked
    assert marked <= {(name, path) for name, _, path in CONSTANTS}


def test_the_defaults_of_machines_are_the_codes() -> None:
    defaults = {field.name: field.default for owner in (Machine, Device) for field in fields(owner)}
    told = {row[0].strip("`"): int(row[1]) for row in rows("Defaults of a machine")}
    assert told == {name: defaults[name] for name in told}
    assert {name for name, value in defaults.items() if name.endswith("_ns") and isinstance(value, int) and value > 0} <= set(told)


@pytest.mark.parametrize(("era", "column"), [(ERA_2_6_23, 1), (ERA_6_12, 2)])
def test_the_defaults_of_tunables_are_the_codes(era: int, column: int) -> None:
    told = {row[0].strip("`"): row[column] for row in rows("Common tunables") if row[column] != "-"}
    assert told == {t.name: "computed" if t.default is None else str(t.default) for t in vm_tunables(era)}
