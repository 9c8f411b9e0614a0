"""The table of a scenario's results, as text for people and as CSV."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sweep.compare import RowResult
from sweep.errors import DiskError

UNDEFINED: Final = "-"
GAP: Final = "  "

Plain = str | int | float | None


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        head: above it, in the text; lines that "|" separates.
        key: above it, in the CSV.
        value: of a row, unrounded.
        text: of a row, for people.
        is_left: left aligned.
    """

    head: str
    key: str
    value: Callable[[RowResult], Plain]
    text: Callable[[RowResult], str]
    is_left: bool = False


def columns(results: Sequence[RowResult], ratios: Sequence[str] = (), extra: Sequence[str] = ()) -> list[Column]:
    """The columns of the table.

    Args:
        results: of the rows.
        ratios: measures whose ratios against the baseline are shown beside that of the throughput.
        extra: measures whose medians are shown as well.
    """
    compared = [_ratio(name) for name in dict.fromkeys(("throughput", *ratios))] if any(r.baseline for r in results) else []
    expecting = any(result.row.expect or result.row.expect_median for result in results)
    shown = [
        Column("row", "row", lambda r: r.row.name, lambda r: r.row.name, is_left=True),
        Column("policy", "policy", lambda r: r.row.policy, lambda r: r.row.policy, is_left=True),
        Column("seeds", "seeds", lambda r: len(r.replicates), lambda r: str(len(r.replicates))),
        _count("killed"),
        _count("deadlock"),
        _median("throughput", "ops/s"),
        *compared,
        _median("nr_free_min_seen", "free min|pages"),
        _median("reserve_per_freed", "reserve/|freed"),
        Column("killed after|low, s", "killed_after_low_s", lambda r: r.median("killed_after_low_s"), _seconds),
        _median("atomic_fail", "atomic|fail"),
    ]
    further = [name for name in dict.fromkeys(extra) if name not in {column.key for column in shown}]
    shown += [_median(name, name.replace("_", "_|", 1) if len(name) > 12 else name) for name in further]
    if expecting:
        shown.append(Column("as|expected", "as_expected", _holds, lambda r: _holds(r) or "", is_left=True))
    return shown


def text(results: Sequence[RowResult], shown: Sequence[Column]) -> str:
    """Lines of aligned columns."""
    heads = [column.head.split("|") for column in shown]
    depth = max(len(head) for head in heads)
    lines = [[head[i] if i < len(head) else "" for head in heads] for i in range(depth)]
    lines += [[column.text(result) for column in shown] for result in results]
    widths = [max(len(line[i]) for line in lines) for i in range(len(shown))]
    aligned = ([cell.ljust(w) if c.is_left else cell.rjust(w) for cell, w, c in zip(line, widths, shown, strict=True)] for line in lines)
    return "\n".join(GAP.join(line).rstrip() for line in aligned)


def write_csv(results: Sequence[RowResult], shown: Sequence[Column], out: Path) -> None:
    """The same with nothing rounded; an undefined value is empty.

    Raises:
        DiskError: ``out`` cannot be written.
    """
    beside = out.with_name(f".{out.name}.tmp")  # never half a file
    try:
        with beside.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([column.key for column in shown])
            writer.writerows([column.value(result) for column in shown] for result in results)
        beside.replace(out)
    except OSError as error:
        raise DiskError(f"{out}: {error.strerror or error}; allowed: a file that can be written") from None


def number(value: float | None) -> str:
    """For people: whole numbers in groups of three digits, others with three digits."""
    if value is None:
        return UNDEFINED
    if value == round(value) or abs(value) >= 1000:
        return f"{round(value):,}".replace(",", " ")
    return f"{value:.3g}"


def _count(measure: str) -> Column:
    return Column(measure, measure, lambda r: r.count(measure), lambda r: f"{r.count(measure)}/{len(r.replicates)}")


def _median(measure: str, head: str) -> Column:
    return Column(head, measure, lambda r: r.median(measure), lambda r: number(r.median(measure)))


def _ratio(measure: str) -> Column:
    def shown(result: RowResult) -> str:
        found = result.ratio(measure)
        return UNDEFINED if found is None else f"{found:.3g}"

    name = "ops/s" if measure == "throughput" else measure
    return Column(f"{name}|of base", f"{measure}_ratio", lambda r: r.ratio(measure), shown)


def _seconds(result: RowResult) -> str:
    """The median, and the range if it is one."""
    found = [value for value in result.values("killed_after_low_s") if value is not None]
    if not found:
        return UNDEFINED
    low, middle, high = f"{min(found):.2f}", f"{result.median('killed_after_low_s'):.2f}", f"{max(found):.2f}"
    return middle if low == high else f"{middle} ({low}–{high})"


def _holds(result: RowResult) -> str | None:
    if not result.row.expect and not result.row.expect_median:
        return None
    known = "; ".join(result.known_misses())
    return "NO" if any(result.failures()) else f"miss (known): {known}" if known else "yes"
