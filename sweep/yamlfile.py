"""Read a YAML 1.2 file into plain mappings, lists and scalars, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, NodeEvent

from sweep.errors import ConfigError, refusal, shown

MAX_BYTES: Final = 1 << 20
MAX_DEPTH: Final = 20
MAX_NODES: Final = 50_000  # bounds the time of the pure Python parser to about two seconds
MAX_INT: Final = (1 << 63) - 1

type_error = "mappings with text keys, lists, text, true, false, null, finite 64-bit numbers"

Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]


def load_mapping(path: Path) -> dict[str, Plain]:
    """The mapping that the file holds.

    Raises:
        ConfigError: unreadable, larger than 1 MiB, not YAML 1.2, a duplicate key, an alias, a tag, or not a mapping.
    """
    value = load_text(_read(path), str(path))
    if not isinstance(value, dict):
        raise refusal(path, "", value, "a mapping (key: value lines)")
    return value


def load_text(text: str, source: str) -> Plain:
    """Parse one YAML document; ``source`` is what errors name (a file or an option).

    Raises:
        ConfigError: see ``load_mapping``.
    """
    try:
        _check_events(text, source)
        value = _parser().load(text)
    except MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ConfigError(f"{source}{line}: {_one_line(error.problem)}; allowed: YAML 1.2, each key once") from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{source}: {_one_line(error)}; allowed: YAML 1.2") from None
    _check_plain(value, source, "")
    return value  # type: ignore[no-any-return]


def _parser() -> YAML:
    return YAML(typ="safe", pure=True)  # the C parser reads YAML 1.1, where `on` and `no` are booleans


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}; allowed: a readable YAML file") from None
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"{path}: larger than {MAX_BYTES} bytes; allowed: at most 1 MiB")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: byte {error.start} is not UTF-8; allowed: UTF-8 text") from None


def _check_events(text: str, source: str) -> None:
    """Refuse what could blow up or run code while the document is still a flat stream of events."""
    depth = 0
    for count, event in enumerate(_parser().parse(text)):
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        place = f"{source}:{event.start_mark.line + 1}"
        if count > MAX_NODES:
            raise ConfigError(f"{place}: more than {MAX_NODES} values; allowed: at most {MAX_NODES}")
        if depth > MAX_DEPTH:
            raise ConfigError(f"{place}: nested deeper than {MAX_DEPTH}; allowed: at most {MAX_DEPTH} levels")
        if isinstance(event, AliasEvent) or (isinstance(event, NodeEvent) and event.anchor):
            raise ConfigError(f"{place}: {shown(event.anchor)}: anchors and aliases are refused; allowed: values written out")
        if getattr(event, "tag", None):
            raise ConfigError(f"{place}: {shown(str(event.tag))}: tags are refused; allowed: untagged values")


def _check_plain(value: object, source: str, key: str) -> None:
    for child_key, child in _children(value, source, key):
        _check_plain(child, source, child_key)
    if isinstance(value, dict | list | str | bool) or value is None:
        return
    if isinstance(value, int) and abs(value) <= MAX_INT:
        return
    if isinstance(value, float) and math.isfinite(value):
        return
    raise refusal(source, key, value, type_error)


def _children(value: object, source: str, key: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, list):
        yield from ((f"{key}[{index}]", child) for index, child in enumerate(value))
    elif isinstance(value, dict):
        for name, child in value.items():
            if not isinstance(name, str):
                raise refusal(source, key, name, "text as key")
            yield f"{key}.{name}" if key else name, child


def _one_line(problem: object) -> str:
    return " ".join(str(problem).split())[:200]
