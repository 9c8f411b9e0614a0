"""Where named machines, workloads and sweeps are: beside the user's sweep file, then those that came with Highwater."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from sweep.errors import ConfigError, refusal
from sweep.yamlfile import Plain, load_mapping

Kind = Literal["machine", "workload", "sweep"]


def shipped() -> Path:
    """The directory with the configurations that came with this installation."""
    package = Path(__file__).resolve().parent
    installed = package / "_configs"  # the wheel carries configs/ inside the package
    return installed if installed.is_dir() else package.parent / "configs"


def sweep_file(name_or_path: str) -> Path:
    """The sweep file a user means: a path, or the bare name of a shipped sweep.

    Raises:
        ConfigError: neither exists.
    """
    path = Path(name_or_path)
    if path.is_file():
        return path
    named = shipped() / "sweeps" / f"{name_or_path}.yaml"
    if path.name == name_or_path and named.is_file():
        return named
    raise refusal(path, "", "no such file", f"a sweep file, or a shipped sweep: {_listed([named.parent])}")


def find(kind: Kind, name: str, beside: Path, key: str = "") -> Path:
    """The file of a named machine or workload.

    Args:
        kind: "machine" or "workload".
        name: the name as written in the sweep file.
        beside: the sweep file; ``<dir>/machines`` and ``<dir>/../machines`` are looked into before the shipped ones.
        key: key path in the sweep file, for the error.

    Raises:
        ConfigError: no such file; the line lists the known names.
    """
    folder = f"{kind}s"
    places = [beside.parent / folder, beside.resolve().parent.parent / folder, shipped() / folder]
    if name and "/" not in name and "\0" not in name:
        for place in places:
            if (place / f"{name}.yaml").is_file():
                return place / f"{name}.yaml"
    raise refusal(beside, key or kind, name, f"{_listed(places)}, or the keys of a {kind} written inline")


def load_named(kind: Kind, name: str, beside: Path, key: str = "") -> tuple[dict[str, Plain], Path]:
    """The mapping of a named machine or workload, and the file it came from."""
    path = find(kind, name, beside, key)
    mapping = load_mapping(path)
    if mapping.setdefault("name", name) != name:
        raise ConfigError(f"{path}: name: {mapping['name']}; allowed: {name}, the name of the file")
    return mapping, path


def _listed(places: list[Path]) -> str:
    names = sorted({path.stem for place in places if place.is_dir() for path in place.glob("*.yaml")})
    return ", ".join(names) or "none found"
