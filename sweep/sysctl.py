"""Sysctl: which settings a kernel takes under vm.*, in which range, and the text of a sysctl.d file.

Nothing here opens /proc. Ranges are the kernel's own (kernel/sysctl.c and mm/*, v2.6.23, v6.1 and v6.12), not our opinion of
what is wise: whether a setting is dangerous is the simulator's to show.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

Kernel = tuple[int, int]  # major and minor version

_INT_MAX: Final = 2**31 - 1
MOST_BYTES: Final = 1 << 40  # of the simulator; the kernel takes any unsigned long
_PLAIN: Final = str.maketrans({"−": "-", "×": "x", "±": "+-", "…": "...", "·": "-"})


@dataclass(frozen=True)
class Key:
    """One file under /proc/sys/vm.

    Attributes:
        name: without the vm. in front.
        low: least value the kernel takes.
        high: largest value the kernel takes, by era of the policy; an era that is missing has no such file.
        summary: unit and meaning, for a comment.
        since: version of the first kernel that has it.
        raised: the versions from which the largest value was larger, and what it was before.
    """

    name: str
    low: int
    high: Mapping[str, int]
    summary: str
    since: Kernel = (2, 6)
    raised: tuple[tuple[Kernel, int], ...] = ()


_ALL: Final = ("2.6.23", "6.1", "6.12")
_NEW: Final = _ALL[1:]
KEYS: Final[Mapping[str, Key]] = {
    key.name: key
    for key in (
        Key("min_free_kbytes", 0, dict.fromkeys(_ALL, _INT_MAX), "kB kept free, the watermarks follow from it"),
        Key(
            "watermark_scale_factor",
            1,
            dict.fromkeys(_NEW, 3000),
            "distance between the watermarks, 1/10000 of a zone",
            since=(4, 6),
            raised=(((5, 18), 1000),),
        ),  # commits 795ae7a0de6b, 39c65a94cd96
        Key("dirty_background_ratio", 0, dict.fromkeys(_ALL, 100), "% of dirtyable memory, above it the flusher writes"),
        Key("dirty_ratio", 0, dict.fromkeys(_ALL, 100), "% of dirtyable memory, above it writers wait"),
        Key("dirty_background_bytes", 0, dict.fromkeys(_NEW, MOST_BYTES), "bytes, above them the flusher writes; clears dirty_background_ratio"),
        Key("dirty_bytes", 2 * 4096, dict.fromkeys(_NEW, MOST_BYTES), "bytes, above them writers wait; clears dirty_ratio"),
        Key(
            "swappiness", 0, {"2.6.23": 100} | dict.fromkeys(_NEW, 200), "how readily anonymous memory is swapped", raised=(((5, 8), 100),)
        ),  # commit c843966c556d
    )
}


def is_sysctl(name: str, era: str) -> bool:
    """Does a kernel of this era have the key, and do we know it?"""
    return name in KEYS and era in KEYS[name].high


def problem(name: str, value: int, era: str, ram_kib: int, kernel: Kernel | None = None) -> str:
    """Why the kernel would refuse the value, or what makes it senseless; empty if nothing.

    Args:
        name: key without vm.
        value: to be written.
        era: "2.6.23", "6.1" or "6.12".
        ram_kib: RAM of the machine in KiB.
        kernel: its version, where it is known; None: the era's.
    """
    if not is_sysctl(name, era):
        return f"vm.{name}: no such key in kernels of {era}"
    if kernel and kernel < KEYS[name].since:
        return f"vm.{name}: no such key before {'.'.join(map(str, KEYS[name].since))}"
    low, high = limits(name, era, ram_kib, kernel)
    return "" if low <= value <= high else f"vm.{name}: {value}; allowed: {low} to {high}"


def limits(name: str, era: str, ram_kib: int, kernel: Kernel | None = None) -> tuple[int, int]:
    """The least and the greatest value of a key; arguments as for ``problem``."""
    key = KEYS[name]
    before = [most for version, most in key.raised if kernel and kernel < version]
    high = min(key.high[era], *before) if before else key.high[era]
    return key.low, min(high, ram_kib) if name == "min_free_kbytes" else high


def assignment(name: str, value: int) -> str:
    """One line of a sysctl.d file."""
    return f"vm.{name} = {value}"


def comment(lines: Iterable[str], width: int = 100) -> str:
    """Comment lines of a sysctl.d file, wrapped; whatever the text, nothing in it can become an assignment."""
    wrapped: list[str] = []
    for line in lines:
        plain = re.sub(r"[^\x20-\x7e]", "?", line.translate(_PLAIN).replace("\n", " "))
        indent = " " * (len(plain) - len(plain.lstrip()))
        wrapped += textwrap.wrap(plain.strip(), width, initial_indent=indent, subsequent_indent=f"{indent}    ", break_on_hyphens=False) or [""]
    return "\n".join(f"# {line}".rstrip() for line in wrapped)


def parse(text: str) -> dict[str, str]:
    """Assignments of a sysctl.d file by the rules of sysctl.d(5).

    Empty lines and lines that begin with "#" or ";" are ignored; a leading "-" on the key means that a failure may be
    ignored; "/" and "." separate the parts of a key alike; the last assignment of a key wins.

    Raises:
        ValueError: a line that is neither.
    """
    found: dict[str, str] = {}
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        key, equals, value = line.partition("=")
        key = key.strip().removeprefix("-").replace("/", ".")
        if not equals or not re.fullmatch(r"[a-z0-9_.]+", key):
            raise ValueError(f"line {number}: {line!r} is not `key = value`")
        found[key] = value.strip()
    return found
