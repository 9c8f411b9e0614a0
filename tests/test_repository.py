"""What holds for every file of the repository: links resolve, versions are exact, and no machine shows through."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REPOSITORY = Path(__file__).parents[1]
GENERATED = {".git", ".venv", "results", "mlruns", "mlartifacts", "build", "dist", "__pycache__"}

# Absolute paths that name a machine, an account or somebody's checkout.
MACHINE_PATH = re.compile(r"(?<![\w.~/-])/(?:tmp|home|root|work|Users)(?![\w-])")
# Files that have a reason to spell such a path, with the reason.
PATHS_ALLOWED = {
    "tests/test_repository.py": "names what it looks for",
}


def files() -> Iterator[Path]:
    """The files that belong to the repository: everything that is not made by running something."""
    for path in sorted(REPOSITORY.rglob("*")):
        parts = path.relative_to(REPOSITORY).parts
        made = any(part in GENERATED or part.endswith((".egg-info", "_cache")) or part == ".hypothesis" for part in parts)
        if path.is_file() and not made and not path.match("slurm-*.out"):
            yield path


def texts() -> Iterator[tuple[str, str]]:
    """Relative path and content of every text file."""
    for path in files():
        try:
            yield path.relative_to(REPOSITORY).as_posix(), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def anchors(markdown: str) -> set[str]:
    """The anchors that headings of a Markdown text get."""
    headings = re.findall(r"^#+\s+(.+?)\s*$", markdown, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(markdown: str) -> list[str]:
    """Targets of the links and images of a Markdown text, code left out."""
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", markdown, flags=re.DOTALL)
    return re.findall(r"\]\(\s*<?([^)\s>]+)", prose)


def test_every_relative_link_resolves() -> None:
    broken = []
    for name, text in texts():
        for target in links(text) if name.endswith(".md") else []:
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            there = (REPOSITORY / name).parent / path if path else REPOSITORY / name
            if not there.exists() or (anchor and anchor not in anchors(there.read_text())):
                broken.append(f"{name}: {target}")
    assert not broken, "\n".join(broken)


def test_every_file_that_the_documentation_names_exists() -> None:
    gone = [
        f"{name}: {path}"
        for name, text in texts()
        if name.startswith("docs/") or name == "README.md"
        for path in re.findall(r"(?<![\w/.~-])((?:core|sweep|cluster|configs|tests|benchmarks|docs)/[\w/.-]+\.\w+)", text)
        if not (REPOSITORY / path).exists() and path != "configs/sweeps/x.yaml"
    ]
    assert not gone, "\n".join(gone)


def test_no_file_names_a_machine() -> None:
    found = [
        f"{name}:{number}: {line.strip()[:120]}"
        for name, text in texts()
        if name not in PATHS_ALLOWED
        for number, line in enumerate(text.splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('open("/tmp/x")', True),
        ("see /home/somebody/file", True),
        ('dir = "/work"', True),
        ("~/.ray/auth_token and results/tmp/x", False),
        ("https://example.org/home/x", False),
        ("/workers and /rootless", False),
    ],
)
def test_a_machine_path_is_told_from_a_word(line: str, found: bool) -> None:
    assert bool(MACHINE_PATH.search(line)) is found


def constraints() -> dict[str, str]:
    lines = (REPOSITORY / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    malformed = [line for line in pins if not re.fullmatch(r"[a-z0-9-]+==[A-Za-z0-9.!+]+", line)]
    assert not malformed, f"only name==version, normalised: {malformed}"
    names = [pin.partition("==")[0] for pin in pins]
    assert names == sorted(set(names))
    return dict(pin.split("==") for pin in pins)


def test_constraints_pin_every_dependency_within_its_range() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(line for extra in project["optional-dependencies"].values() for line in extra),
    ]
    pins = constraints()
    wrong = []
    for requirement in map(Requirement, wanted):
        version = pins.get(canonicalize_name(requirement.name))
        if version is None or not requirement.specifier.contains(version):
            wrong.append(f"{requirement}: constraints.txt has {version}")
    assert not wrong, "\n".join(wrong)


def test_the_changelog_tells_about_this_version() -> None:
    version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    assert f"## [{version}]" in (REPOSITORY / "CHANGELOG.md").read_text()


def test_ci_runs_the_readme_test_command() -> None:
    command = "./bootstrap test"
    assert command in (REPOSITORY / "README.md").read_text()
    assert (REPOSITORY / ".ci/run").read_text().rstrip().endswith(command)


@pytest.mark.parametrize("script", ["bootstrap", ".ci/run"])
def test_a_script_is_executable_and_parses(script: str) -> None:
    path = REPOSITORY / script
    assert path.stat().st_mode & 0o111
    shell = path.read_text().splitlines()[0].rpartition("/")[2].split()[-1]
    subprocess.run([shell, "-n", str(path)], check=True)


@pytest.mark.parametrize(
    ("environment", "arguments", "message"),
    [
        ({"PYTHON": "no-such-python"}, ["setup"], "bootstrap: PYTHON=no-such-python: no such program\n"),
        ({}, ["tset"], "bootstrap: unknown command 'tset'; known: run, test, setup\n"),
    ],
)
def test_a_wrong_call_of_bootstrap_is_one_line(environment: dict[str, str], arguments: list[str], message: str) -> None:
    command = [str(REPOSITORY / "bootstrap"), *arguments]
    path = {"PATH": "/usr/bin:/bin"}
    result = subprocess.run(command, env={**path, **environment}, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (1, message)


def test_an_old_python_is_named_in_one_line(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = -V ] && echo "Python 3.9.2" && exit 0\nexit 1\n')
    old.chmod(0o755)
    environment = {"PATH": "/usr/bin:/bin", "PYTHON": str(old)}
    command = [str(REPOSITORY / "bootstrap"), "setup"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    message = f"bootstrap: PYTHON={old} is Python 3.9.2; needed: Python 3.11, 3.12 or 3.13\n"
    assert (result.returncode, result.stderr) == (1, message)
    assert sys.version_info[:2] in {(3, 11), (3, 12), (3, 13)}
