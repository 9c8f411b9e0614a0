"""Where named machines, workloads, sweeps and scenarios are: beside the user's file, then those that came with Highwater."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from sweep.errors import ConfigError, refusal
from sweep.yamlfile import Plain, load_mapping

Kind = Literal["machine", "workload", "sweep", "scenario"]


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
    return config_file(name_or_path, "sweep")


def config_file(name_or_path: str, *kinds: Kind) -> Path:
    """The file of one of ``kinds`` a user means: a path, or the bare name of a shipped one; of two, the first kind's.

    Raises:
        ConfigError: neither exists.
    """
    path = Path(name_or_path)
    if path.is_file():
        return path
    folders = [shipped() / f"{kind}s" for kind in kinds]
    for folder in folders:
        if path.name == name_or_path and (folder / f"{name_or_path}.yaml").is_file():
            return folder / f"{name_or_path}.yaml"
    known = ", or ".join(f"a shipped {kind}: {_listed([folder])}" for kind, folder in zip(kinds, folders, strict=True))
    raise refusal(path, "", "no such file", f"a {' or '.join(kinds)} file, or {known}")


def shipped_files(kind: Kind) -> list[Path]:
    """All that came with this installation, by name."""
    return sorted((shipped() / f"{kind}s").glob("*.yaml"))


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
