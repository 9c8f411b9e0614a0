"""From docs/findings/*.csv to the tables of docs/findings.md: every figure in that page stands in a file beside it.

    python -m benchmarks.study.tables

A block of the page between `<!-- table NAME -->` and `<!-- end -->` is written anew; tests/sweep/test_findings.py compares page and files.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Final

DOCS: Final = Path(__file__).parents[2] / "docs"
PAGE: Final = DOCS / "findings.md"
BLOCK: Final = re.compile(r"(<!-- table ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
MAPS: Final = ("laundry-memory", "laundry-limits", "laundry-allocators")
ATS: Final = (("default", "as posted"), ("tuned", "at its best"))
FINDINGS: Final = ("win", "loss", "tie", "undecided")
FIXES: Final = ("launder_keeps_memalloc", "launder_each_priority", "laundry_counts_as_lru", "recursion")
Row = Mapping[str, str]


def rows(name: str) -> list[dict[str, str]]:
    """A file of docs/findings."""
    with (DOCS / "findings" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def rendered(page: str) -> str:
    """The page with every block written from the files."""
    return BLOCK.sub(lambda match: match[1] + "\n" + "\n".join(block(match[2])) + "\n\n" + match[3], page)


def block(name: str) -> list[str]:
    """The lines of one block."""
    kind, _, rest = name.partition("-")
    makers: dict[str, Callable[[str], Iterator[str]]] = {
        "standing": _standing, "sentences": _sentences, "axes": _axes, "fixes": _fixes, "best": _best, "deaths": _deaths,
        "published": _published, "clear": _clear, "danger": _danger, "left": _left, "provenance": _provenance,
    }  # fmt: skip
    return list(makers[kind](rest))


def _table(head: Sequence[str], lines: Iterable[Iterable[object]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for line in lines:
        yield f"| {' | '.join(str(part) for part in line)} |"


def _cells(name: str, at: str, policy: str) -> list[dict[str, str]]:
    return [row for row in rows("laundry.csv") if (row["map"], row["at"], row["policy"]) == (f"laundry-{name}", at, policy)]


def _policies(name: str) -> list[str]:
    return list(dict.fromkeys(row["policy"] for row in rows("laundry.csv") if row["map"] == f"laundry-{name}" and row["verdict"]))


def counts(found: Sequence[Row]) -> str:
    """better / worse / tie / undecided."""
    seen = Counter(row["verdict"] for row in found)
    return " / ".join(str(seen[finding]) for finding in FINDINGS)


def percent(value: str | float) -> str:
    """A relative difference: 0.31 as +31 %; from tenfold on as a factor."""
    number = float(value)
    if number >= 9.995:
        return f"×{1 + number:.0f}"
    digits = 0 if abs(number) >= 0.0995 else 1
    text = f"{100 * number:+.{digits}f}"
    return ("0" if float(text) == 0 else text.replace("-", "−")) + " %"


def _standing(name: str) -> Iterator[str]:
    head = ["policy"]
    for _, words in ATS:
        head += [f"{words}: better / worse / tie / undecided", "throughput, median (least, most)", "runs killed or stuck, inline's"]
    yield from _table(head, (_stands(name, policy) for policy in _policies(name)))


def _stands(name: str, policy: str) -> Iterator[object]:
    yield f"`{policy}`"
    for at, _ in ATS:
        found = _cells(name, at, policy)
        effects = [float(row["effect"]) for row in found if row["effect"]]
        yield counts(found)
        yield f"{percent(median(effects))} ({percent(min(effects))}, {percent(max(effects))})"
        yield f"{sum(int(row['oom']) for row in found)}, {sum(int(row['oom_baseline']) for row in found)} of {sum(int(row['n']) for row in found)}"


def _sentences(rest: str) -> Iterator[str]:
    """Of a policy on a map, `memory-postponed`."""
    name, _, policy = rest.partition("-")
    for row in rows("sentences.csv"):
        if row["map"] == f"laundry-{name}" and row["policy"] == policy.replace("-", "_"):
            yield f"- {row['sentence']}"


def _axes(_: str) -> Iterator[str]:
    head = ["policy", *(f"{name}, {words}" for name in MAPS for _, words in ATS)]
    weighed = [row for row in rows("sentences.csv") if "variance" in row["sentence"]]
    said = {(row["map"], row["at"], row["policy"]): row["sentence"].partition(": ")[2].rstrip(".") for row in weighed}
    policies = list(dict.fromkeys(policy for _, _, policy in said))
    yield from _table(head, ((f"`{policy}`", *(said.get((name, at, policy), "nothing differs") for name in MAPS for at, _ in ATS)) for policy in policies))


def _fixes(_: str) -> Iterator[str]:
    """What the best trials of postponed set of its own tunables."""
    head = ["map", "cells", *(f"`{fix}` on" for fix in FIXES)]
    yield from _table(head, (_fixed(name) for name in MAPS))


def _fixed(name: str) -> Iterator[object]:
    found = _cells(name.partition("-")[2], "tuned", "postponed")
    yield from (name, len(found))
    for fix in FIXES:
        yield sum(bool(re.search(rf"\b{fix}=[1-9]", row["params"])) for row in found)


def _best(_: str) -> Iterator[str]:
    """In how many cells no other policy beats one."""
    head = ["policy", *(f"{name}, {words}" for name in MAPS for _, words in ATS)]
    seen = Counter((row["map"], row["at"], row["policy"]) for row in rows("laundry.csv") if row["place"] in ("best", "shared"))
    total = Counter((row["map"], row["at"], row["policy"]) for row in rows("laundry.csv"))
    policies = list(dict.fromkeys(policy for _, _, policy in total))
    lines = ((f"`{policy}`", *(f"{seen[key]} of {total[key]}" for name in MAPS for at, _ in ATS for key in [(name, at, policy)])) for policy in policies)
    yield from _table(head, lines)


def _deaths(_: str) -> Iterator[str]:
    """Where a policy was killed or stood still in at least half of the runs, and inline was not."""
    dead = [row for row in rows("laundry.csv") if row["verdict"] and 2 * int(row["oom"]) >= int(row["n"]) > 2 * int(row["oom_baseline"])]
    words = dict(ATS)
    lines = ((row["map"], words[row["at"]], f"`{row['policy']}`", row["label"], f"{row['oom']} of {row['n']}", row["oom_baseline"]) for row in dead)
    yield from _table(("map", "", "policy", "cell", "killed or stuck", "inline"), lines)


def _published(_: str) -> Iterator[str]:
    found = rows("defaults.csv")
    maps = list(dict.fromkeys(row["map"] for row in found))
    settings = list(dict.fromkeys(row["setting"] for row in found))
    head = ["setting", *(name.partition("-")[2] for name in maps)]
    lines = ((setting, *(_or_none([row for row in found if (row["map"], row["setting"]) == (name, setting)]) for name in maps)) for setting in settings)
    yield from _table(head, lines)


def _or_none(found: Sequence[Row]) -> str:
    return counts(found) if found else "not run"


def _clear(finding: str) -> Iterator[str]:
    """All cells in which a published setting wins, or loses, against the kernel's defaults."""
    found = sorted((row for row in rows("defaults.csv") if row["verdict"] == finding), key=lambda row: row["setting"])
    yield from _table(("setting", "map", "cell", "throughput", "OOM, default's", "99 % of stalls below, ms, default's"), (_graded(row) for row in found))


def _graded(row: Row) -> Iterator[object]:
    yield from (row["setting"], row["map"].partition("-")[2], row["label"].replace(" duration_s=6", ""))
    yield f"{percent(row['effect'])} [{percent(row['low'])}, {percent(row['high'])}]" if row["effect"] else "too few survive"
    yield f"{row['oom']}, {row['oom_default']} of {row['n']}"
    yield f"{row['stall_p99_ms']}, {row['stall_p99_default_ms']}"


def _danger(_: str) -> Iterator[str]:
    """Where a published setting died more often than the defaults."""
    found = [row for row in rows("defaults.csv") if int(row["oom"]) > int(row["oom_default"])]
    head = ("setting", "what it sets", "map", "cell", "OOM, default's", "verdict")
    lines = ((r["setting"], r["params"], r["map"].partition("-")[2], r["label"], f"{r['oom']}, {r['oom_default']} of {r['n']}", r["verdict"]) for r in found)
    yield from _table(head, lines)


def _left(_: str) -> Iterator[str]:
    seen: dict[tuple[str, str], list[str]] = {}
    for row in rows("left-out.csv"):
        seen.setdefault((row["setting"], row["why"]), []).append(row["map"].partition("-")[2])
    yield from _table(("setting", "why it is not run", "on"), ((setting, why, ", ".join(maps)) for (setting, why), maps in sorted(seen.items())))


def _provenance(_: str) -> Iterator[str]:
    found: dict[str, dict[str, str]] = {}
    for row in rows("provenance.csv"):
        found.setdefault(row["sweep"], {})[row["what"]] = row["value"]
    head = ("sweep", "cells", "trials", "simulations", "simulator", "config sha256")
    lines = ((name, r["cells"], r["trials"], r["simulations"], f"`{r['simulator']}`", f"`{r['config_sha256'][:12]}`") for name, r in found.items())
    yield from _table(head, lines)


if __name__ == "__main__":
    PAGE.write_text(rendered(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
