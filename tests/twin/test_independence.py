"""The twin shares with the engine only the values that go in and come out, and the policies' decisions."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

TWIN = Path(__file__).parent
CORE = TWIN.parents[1] / "core"
SHARED = {
    "core.arrivals",
    "core.decisions",
    "core.era",
    "core.gfp",
    "core.machine",
    "core.operations",
    "core.outcome",
    "core.policy",
    "core.region",
    "core.streams",
    "core.units",
}


def modules(source: str) -> Iterator[str]:
    """Full names of all modules that a source text imports, for type checkers too; ``from core import lru`` names core.lru."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            module = node.module or ""
            inside = [f"{module}.{alias.name}" for alias in node.names] if module in ("core", "tests.twin") else [module]
            yield from inside


def foreign(source: str) -> set[str]:
    """What a source text imports that the twin may not have."""
    return {m for m in modules(source) if m not in SHARED and not m.startswith("tests.twin.") and m.partition(".")[0] not in sys.stdlib_module_names}


def reached_from(name: str) -> dict[str, str]:
    """Sources of the module and of all it imports from tests.twin."""
    found: dict[str, str] = {}
    pending = [name]
    while pending:
        module = pending.pop()
        if module not in found:
            found[module] = (TWIN / f"{module.rpartition('.')[2]}.py").read_text()
            pending += [m for m in modules(found[module]) if m.startswith("tests.twin.")]
    return found


def test_the_twin_imports_nothing_of_the_engine() -> None:
    sources = reached_from("tests.twin.run")
    assert {"tests.twin.kernel", "tests.twin.vmscan_612", "tests.twin.device", "tests.twin.watermarks"} <= set(sources)
    assert {module: foreign(source) for module, source in sources.items() if foreign(source)} == {}


def test_every_file_of_the_twin_is_part_of_it() -> None:
    files = {f"tests.twin.{path.stem}" for path in TWIN.glob("*.py") if not path.stem.startswith("test_")}
    assert files - set(reached_from("tests.twin.run")) == {"tests.twin.cases"}


def test_an_engine_module_would_be_noticed() -> None:
    assert foreign("from core import gfp, lru\nfrom core.watermark import floor\nimport numpy") == {"core.lru", "core.watermark", "numpy"}
    assert foreign("from core.sched import WAIT_PAGE") == {"core.sched"}
    assert foreign("from core import simulate") == {"core.simulate"}


def test_what_is_shared_exists() -> None:
    assert {path.stem for path in CORE.glob("*.py")} >= {name.removeprefix("core.") for name in SHARED}
