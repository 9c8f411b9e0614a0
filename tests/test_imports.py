"""The import arrow: sweep -> core, cluster alone, and every heavy library behind one door."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import NamedTuple

import pytest

import core
import sweep

REPOSITORY = Path(__file__).parents[1]
PACKAGES = ("core", "sweep", "cluster", "lab")
LAB_DOOR = "sweep/labcli.py"  # the only file outside the lab that imports it, when one of its commands runs

# Which files may import a library at all. Paths relative to the repository.
DOORS = {
    "numba": {"core/jit.py", "core/reference.py", "core/table.py", "core/thrift.py"},
    "llvmlite": {"core/jit.py", "core/reference.py", "core/table.py"},  # Numba's own back end
    "ray": {"sweep/executor.py"},
    "mlflow": {"sweep/tracking.py"},
    "optuna": {"sweep/search.py", "sweep/figures/importance.py"},
    "ruamel": {"sweep/config.py", "sweep/yamlfile.py"},
}
# What takes long to import and must not be imported by importing these files.
HEAVY = {"mlflow", "ray", "optuna", "pandas", "matplotlib", "scipy", "plotly", "pyarrow"}
LIGHT_FILES = ("sweep/__init__.py", "sweep/arguments.py", *sorted(path.relative_to(REPOSITORY).as_posix() for path in REPOSITORY.glob("sweep/*cli.py")))
# A worker imports these and nothing else of sweep; neither they nor what they import may load a platform library.
WORKER_MODULES = ("sweep.trial", "sweep.workloads")


class Import(NamedTuple):
    """One imported module: its full name, the line, and whether importing the file runs it."""

    name: str
    line: int
    at_top: bool

    @property
    def library(self) -> str:
        return self.name.partition(".")[0]


def imports(source: str) -> Iterator[Import]:
    """Every import of a source text. Those for type checkers alone are left out: they never run."""
    pending: list[tuple[ast.AST, bool]] = [(ast.parse(source), True)]
    while pending:
        node, at_top = pending.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            pending.extend((child, at_top) for child in node.orelse)
            continue
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, at_top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield Import("." * node.level + (node.module or ""), node.lineno, at_top)
        inside = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        pending.extend((child, at_top and not inside) for child in ast.iter_child_nodes(node))


def breach(path: str, imported: Import) -> str | None:
    """Why a file may not have this import, or None if it may."""
    package, library = path.partition("/")[0], imported.library
    if library == "":
        return "relative import; write it in full"
    if path not in DOORS.get(library, {path}):
        return f"only {', '.join(sorted(DOORS[library]))} may import {library}"
    if package == "core" and library not in {"core", "numpy", "numba", "llvmlite", *sys.stdlib_module_names}:
        return "core imports numpy, the standard library and itself"
    if package == "cluster" and library not in {"cluster", *sys.stdlib_module_names}:
        return "cluster imports the standard library and itself"
    if package == "sweep" and library in {"cluster", "tests", "benchmarks"}:
        return f"sweep does not know {library}"
    if package == "sweep" and library == "lab" and (path != LAB_DOOR or imported.at_top):
        return f"only {LAB_DOOR} may import the lab, inside its commands"
    if package == "lab" and library in {"cluster", "tests", "benchmarks"}:
        return f"lab does not know {library}"
    if path in LIGHT_FILES and imported.at_top and library in HEAVY:
        return f"{library} is slow to import; import it where it is used"
    return None


def sources() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (REPOSITORY / package).rglob("*.py"))


def test_the_arrow_points_one_way() -> None:
    breaches = []
    for path in sources():
        relative = path.relative_to(REPOSITORY).as_posix()
        for imported in imports(path.read_text()):
            if reason := breach(relative, imported):
                breaches.append(f"{relative}:{imported.line}: imports {imported.name}: {reason}")
    assert not breaches, "\n".join(sorted(breaches))


@pytest.mark.parametrize(
    ("path", "source", "line"),
    [
        ("core/lru.py", "import os\n\nimport numba\n", 3),
        ("core/policies/inline.py", "from sweep.errors import SweepError\n", 1),
        ("core/state.py", "def f():\n    import pandas\n", 2),
        ("sweep/runner.py", "try:\n    import ray.exceptions\nexcept ImportError:\n    pass\n", 2),
        ("sweep/store.py", "class A:\n    from optuna import Study\n", 2),
        ("sweep/maps.py", "from cluster import slurm\n", 1),
        ("sweep/cli.py", "import pandas as pd\n", 1),
        ("sweep/cells.py", "from .errors import SweepError\n", 1),
        ("sweep/runner.py", "def f():\n    from lab import point\n", 2),
        ("sweep/labcli.py", "from lab import point\n", 1),
        ("core/engine.py", "def f():\n    import lab\n", 2),
        ("lab/point.py", "from cluster import slurm\n", 1),
        ("cluster/slurm.py", "import core\n", 1),
        ("cluster/slurm.py", "import yaml\n", 1),
    ],
)
def test_a_breach_is_found(path: str, source: str, line: int) -> None:
    found = [imported.line for imported in imports(source) if breach(path, imported)]
    assert found == [line]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("core/jit.py", "import numba\nimport numpy as np\n"),
        ("sweep/labcli.py", "import typer\n\ndef run():\n    from lab.running import run\n"),
        ("lab/point.py", "from core import Machine\nfrom sweep.cells import Cell\n"),
        ("sweep/cli.py", "import typer\n\ndef run():\n    import pandas\n"),
        ("sweep/verdict.py", "from core import Machine\nimport pandas as pd\n"),
        ("sweep/cli.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pandas\n"),
    ],
)
def test_what_is_allowed_is_not_a_breach(path: str, source: str) -> None:
    assert [imported for imported in imports(source) if breach(path, imported)] == []


def test_core_and_sweep_are_ours() -> None:
    for package in (core, sweep):
        assert package.__file__ is not None
        assert Path(package.__file__).is_relative_to(REPOSITORY)
    distributions = packages_distributions()
    for name in PACKAGES:
        assert set(distributions.get(name, [])) <= {"highwater"}, name


def test_no_test_directory_shadows_a_package() -> None:
    assert list((REPOSITORY / "tests").rglob("__init__.py")) == []


def loaded_by(statement: str) -> set[str]:
    """Which of the heavy libraries and numba a fresh interpreter has loaded after a statement."""
    wanted = sorted(HEAVY | {"numba"})
    code = f"import sys\n{statement}\nprint(*(name for name in {wanted} if name in sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return set(result.stdout.split())


def test_the_command_line_loads_nothing_heavy() -> None:
    assert loaded_by("import sweep.cli") == set()


def test_a_worker_loads_the_simulator_and_no_platform() -> None:
    # Numba itself loads SciPy's top level, to look at its version.
    assert loaded_by(f"import {', '.join(WORKER_MODULES)}") <= {"numba", "scipy"}
