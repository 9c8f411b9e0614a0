"""Marks: symbol, colour and words of every finding and place, the same in the picture, the page and the terminal.

Blue, orange and greys stay apart for every kind of colour blindness and in a grey print (luminances 0.15, 0.44, 0.62,
0.95); the symbol says the same once more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sweep.intervals import interval_text, percent
from sweep.ranking import Place, Standing
from sweep.verdict import Finding, Verdict


@dataclass(frozen=True)
class Mark:
    """How one finding or place looks.

    Attributes:
        symbol: one character.
        fill: background, as #rrggbb.
        ink: text on it.
        style: the nearest style of a terminal.
    """

    symbol: str
    fill: str
    ink: str
    style: str


FINDING_MARKS: Final[Mapping[Finding, Mark]] = {
    "win": Mark("W", "#0067a8", "#ffffff", "bold white on blue"),
    "loss": Mark("L", "#eda10c", "#1c1c1c", "bold black on yellow"),
    "tie": Mark("=", "#cdd2d8", "#1c1c1c", "black on white"),
    "undecided": Mark("?", "#ffffff", "#3c434b", "dim"),
}
PLACE_MARKS: Final[Mapping[Place, Mark]] = {
    "best": Mark("●", "#0067a8", "#ffffff", "bold white on blue"),
    "shared": Mark("◐", "#bcd8ed", "#1c1c1c", "blue"),
    "beaten": Mark("○", "#f6f7f8", "#3c434b", "dim"),
    "fails": Mark("✕", "#eda10c", "#1c1c1c", "bold black on yellow"),
    "unknown": Mark("?", "#ffffff", "#3c434b", "dim"),
}


def finding_words(finding: Finding, challenger: str, baseline: str) -> str:
    """A finding as a legend."""
    return {
        "win": f"{challenger} better",
        "loss": f"{baseline} better",
        "tie": "tie",
        "undecided": "undecided",
    }[finding]


def place_words(place: Place) -> str:
    """A place as a legend."""
    return {
        "best": "beats every other policy",
        "shared": "beaten by none",
        "beaten": "beaten by another",
        "fails": "out of memory in every replicate",
        "unknown": "not confirmed yet",
    }[place]


def cell_lines(verdict: Verdict) -> tuple[str, ...]:
    """What a cell of a map says in up to three short lines, the headline first."""
    first, second = verdict.oom
    deaths = f"{first.count} vs {second.count}"
    if verdict.n == 0:
        return ("not run",)
    if first.count == second.count == verdict.n:
        return "both fail", f"OOM {first}"
    if verdict.effect is None or verdict.by_deaths:
        return "OOM", deaths
    interval = f"[{interval_text(verdict.effect.low, verdict.effect.high)}]"
    seen = (f"OOM {deaths}",) if first.count or second.count else ()
    return percent(verdict.effect.value), interval, *seen


def standing_lines(standing: Standing) -> tuple[str, ...]:
    """What a cell of a small multiple says: deaths, or throughput relative to the fastest that survives."""
    if standing.place == "unknown":
        return ()
    if standing.oom.count:
        return "OOM", str(standing.oom)
    return ("fastest" if standing.relative == 0 else percent(standing.relative or 0.0),)
