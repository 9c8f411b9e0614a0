"""Read a sweep file, or another file with machines and workloads, with the settings of the command line put over it.

A sweep file with ``maps:`` is several sweeps that share all that the entries of that list do not say; each is named after the file's name and its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError

from sweep.config import Sweep
from sweep.errors import ConfigError, refusal
from sweep.explain import explain, key_path
from sweep.library import Kind, load_named
from sweep.yamlfile import Plain, load_mapping, load_text

M = TypeVar("M", bound=BaseModel)

MAPS: Final = "maps"
NAMED: Final[tuple[Kind, ...]] = ("machine", "workload")


def load_sweep(path: Path, sets: Sequence[str] = ()) -> Sweep:
    """Read and validate a sweep file, after ``sets`` ("a.b=value") are applied to it.

    Raises:
        ConfigError: one line naming the file, the key, the value and what is allowed.
    """
    return load_config(Sweep, path, sets)


def load_config(model: type[M], path: Path, sets: Sequence[str] = ()) -> M:
    """Read and validate a file of ``model``; see ``load_sweep``."""
    raw = load_mapping(path)
    overridden = [_override(raw, text, path) for text in sets]
    return _validated(model, raw, path, overridden)


def load_sweeps(path: Path, sets: Sequence[str] = ()) -> tuple[Sweep, ...]:
    """All sweeps of a file: one, or one for each entry of ``maps``; errors as for ``load_sweep``.

    A mapping of an entry is put over the file's own key by key, anything else takes its place.
    """
    raw = load_mapping(path)
    overridden = [_override(raw, text, path) for text in sets]
    entries = raw.pop(MAPS, None)
    if entries is None:
        return (_validated(Sweep, raw, path, overridden),)
    found: list[Sweep] = []
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise refusal(path, f"{MAPS}[{len(found)}]", entry, "a mapping with a name, and with what it says otherwise than the file")
        named = {"name": f"{raw.get('name')}-{entry['name']}"}
        found.append(_validated(Sweep, _over(raw, entry) | named, path, overridden))
        if found[-1].name in [sweep.name for sweep in found[:-1]]:
            raise refusal(path, f"{MAPS}[{len(found) - 1}].name", entry["name"], "each name once")
    if not found:
        raise refusal(path, MAPS, entries, "a list of mappings, one for each map")
    return tuple(found)


def _over(base: Mapping[str, Plain], entry: Mapping[str, Plain]) -> dict[str, Plain]:
    found = dict(base)
    for key, value in entry.items():
        below = found.get(key)
        found[key] = _over(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return found


def _validated(model: type[M], raw: Mapping[str, Plain], path: Path, overridden: Sequence[str]) -> M:
    try:
        return model.model_validate_json(json.dumps(raw))
    except ValidationError as error:
        line = explain(error, "", model)
    from_option = any(str(line).startswith(f": {key}") for key in overridden)
    raise ConfigError(f"{'--set' if from_option else path}{line}")


def _override(raw: dict[str, Plain], text: str, path: Path) -> str:
    """Apply one ``a.b=value`` to the raw mapping; the value is parsed as YAML. Returns the key path."""
    key, equals, value = text.partition("=")
    parts = key.split(".")
    if not equals or not all(parts):
        raise refusal("--set", "", text, "key.path=value")
    for kind in NAMED:
        name = raw.get(kind)
        if parts[0] == kind and len(parts) > 1 and isinstance(name, str):
            raw[kind] = load_named(kind, name, path)[0]  # written out, so that one of its keys can be set
    here: Plain = raw
    for part in parts[:-1]:
        here = _step(here, part, key)
    parsed = load_text(value, f"--set {key}")
    if isinstance(here, dict):
        here[parts[-1]] = parsed
    elif isinstance(here, list) and parts[-1].isdecimal() and int(parts[-1]) < len(here):
        here[int(parts[-1])] = parsed
    else:
        raise ConfigError(f"--set {key}: no such key; allowed: keys of the file, numbers for list entries")
    return key_path(tuple(int(part) if part.isdecimal() else part for part in parts))


def _step(here: Plain, part: str, key: str) -> Plain:
    if isinstance(here, dict):
        return here.setdefault(part, {})
    if isinstance(here, list) and part.isdecimal() and int(part) < len(here):
        return here[int(part)]
    raise ConfigError(f"--set {key}: {part} is not a key; allowed: keys of the file, numbers for list entries")
