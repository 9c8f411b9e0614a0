"""TuneD: a recommendation as a profile for TuneD, the daemon that Red Hat's systems tune themselves with.

A profile is /etc/tuned/<name>/tuned.conf: an INI file whose [sysctl] section sets keys and [main] may include another profile. TuneD reads it with Python's
configparser (tuned/profiles/loader.py, tuned/utils/config_parser.py, 2.24), "=" alone between key and value, "#" for comments.
"""

from __future__ import annotations

import configparser
from collections.abc import Iterable, Mapping
from typing import Final

from sweep.sysctl import comment

# The kernel clears one key of a pair when the other is written, so a profile with both says nothing certain.
PAIRS: Final[Mapping[str, str]] = {
    "dirty_ratio": "dirty_bytes",
    "dirty_background_ratio": "dirty_background_bytes",
    "dirty_bytes": "dirty_ratio",
    "dirty_background_bytes": "dirty_background_ratio",
}


def profile(summary: str, settings: Iterable[tuple[str, int]], notes: Iterable[str]) -> str:
    """The text of tuned.conf.

    Args:
        summary: one line.
        settings: names without vm., and values.
        notes: comment lines, evidence and undo.

    Raises:
        ValueError: both keys of a pair.
    """
    values = dict(settings)
    for name in values:
        if PAIRS.get(name) in values:
            raise ValueError(f"{name} and {PAIRS[name]}: allowed: one of them, the kernel clears the other")
    lines = [comment(notes), "", "[main]", f"summary={_plain(summary)}", "", "[sysctl]", *(f"vm.{name}={value}" for name, value in values.items())]
    text = "\n".join(lines) + "\n"
    assert read(text) == {f"vm.{name}": str(value) for name, value in values.items()}, "a profile that does not read back"
    return text


def _plain(text: str) -> str:
    return comment([text], width=10_000).removeprefix("# ").replace("#", "")


def read(text: str) -> dict[str, str]:
    """The [sysctl] section of a profile, as TuneD reads it.

    Raises:
        ValueError: it is no profile.
    """
    parser = configparser.ConfigParser(delimiters=("=",), inline_comment_prefixes=("#",), strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise ValueError(str(error).splitlines()[0]) from None
    return dict(parser["sysctl"]) if parser.has_section("sysctl") else {}
