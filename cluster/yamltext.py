"""Plain data as YAML text: block style, every string in double quotes. Enough for a manifest, without a library."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

_PLAIN_KEY = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
# Words that YAML 1.1, which kubectl reads, does not take for strings.
_WORDS = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
# Characters that JSON allows raw inside a string and YAML does not.
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")

Value = str | int | bool | Sequence["Value"] | Mapping[str, "Value"]


def dump(value: Value) -> str:
    """A YAML document. JSON strings and numbers are YAML as they stand, so no string can change its meaning."""
    return "\n".join(_lines(value)) + "\n"


def _lines(value: Value) -> Iterator[str]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _entry(f"{_key(key)}:", item, "  ")
    elif isinstance(value, Sequence) and not isinstance(value, str) and value:
        for item in value:
            lines = list(_lines(item))
            yield f"- {lines[0]}"
            yield from (f"  {line}" for line in lines[1:])
    elif isinstance(value, str):
        yield _quoted(value)
    else:
        yield json.dumps(value if isinstance(value, (int, Mapping)) else list(value))


def _entry(head: str, item: Value, indent: str) -> Iterator[str]:
    lines = list(_lines(item))
    if isinstance(item, (Mapping, Sequence)) and not isinstance(item, str) and item:
        yield head
        yield from (f"{indent}{line}" for line in lines)
    else:
        yield f"{head} {lines[0]}"


def _key(key: str) -> str:
    return key if _PLAIN_KEY.fullmatch(key) and key.lower() not in _WORDS else _quoted(key)


def _quoted(text: str) -> str:
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(text, ensure_ascii=False))
