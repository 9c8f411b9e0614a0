"""Shortlist: which settings are worth a retest in several cells together.

A sweep searches each cell for itself, and what is best in one is often bad in another. So more is tried out than the tuned bests: the best trials of each
cell, the tuned bests with the keys of one subsystem alone, and what lies half-way between these and the defaults. Each is run on a few streams in
every cell, other streams than those of the search and of the retest, so the choice flatters nobody.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final

from sweep.arms import Arm, pairs
from sweep.baselines import BYTES
from sweep.tuned import PAIRS

if TYPE_CHECKING:
    from sweep.candidates import Candidates, Params, Retest

TRYOUTS: Final = 4  # streams a setting and cell
POOL: Final = 24
TRIALS_A_CELL: Final = 3
HOPELESS: Final = math.log(0.9)  # a setting 10 % slower in one cell is not run in the others
SUBSYSTEMS: Final = (("min_free_kbytes", "watermark_scale_factor"), tuple(PAIRS), ("swappiness",))


def pool(candidates: Candidates, cells: Iterable[int], default: Params) -> list[Params]:
    """The distinct changes to try out, at most POOL of them, the tuned bests of all cells first."""
    cells = list(cells)
    bests = [changes for cell in cells if (changes := candidates.changes(cell))]
    others = [changes for cell in cells for changes in candidates.best_changes(cell, TRIALS_A_CELL)]
    parts = [part for best in bests for part in _parts(best)]
    ranks = [bests, parts, [_half(one, dict(default)) for one in (*bests, *parts)], others]
    found = dict.fromkeys(changes for rank in ranks for changes in rank if changes)
    return list(found)[:POOL]


def _parts(best: Params) -> Iterator[Params]:
    for names in SUBSYSTEMS:
        part = tuple((name, value) for name, value in best if name in names)
        if part and part != best:
            yield part


def _half(best: Params, default: dict[str, int]) -> Params:
    """Half-way to the defaults, on a logarithmic scale; bytes, which have no default, stay."""
    half = ((name, value if name in BYTES else round(math.sqrt(max(value, 1) * max(default[name], 1)))) for name, value in best)
    return tuple((name, value) for name, value in half if value != default[name])


def shortlist(candidates: Candidates, cells: Iterable[int], settings: Iterable[Params], tryout: Retest, limit: int, worst: bool) -> list[Params]:
    """The most promising settings, best first.

    Args:
        candidates: with the defaults of each cell.
        cells: where they must do.
        settings: to try out.
        tryout: runs a few streams.
        limit: how many to keep.
        worst: by the worst cell, else by the mean.
    """
    chosen = list(cells)
    scores = {changes: _score(candidates, chosen, changes, tryout, worst) for changes in settings}
    ranked = sorted((score, len(changes), changes) for changes, score in scores.items() if score is not None)
    return [changes for _, _, changes in ranked[:limit]]


def _score(candidates: Candidates, cells: list[int], changes: Params, tryout: Retest, worst: bool) -> tuple[int, float] | None:
    """Deaths more than with the defaults, and minus the gain in log throughput; None: hopeless, or refused by the kernel."""
    from core.pairs import written

    deaths, gains = 0, []
    for cell in cells:
        default = dict(candidates.defaults(cell))
        try:
            before, after = (tryout(cell, candidates.policy, tuple(written(default, dict(part)).items())) for part in ((), changes))
        except ValueError:
            return None
        more, gain = after.n_oom - before.n_oom, _gain(after, before)
        if more > 0 or (more == 0 and gain < HOPELESS):
            return None
        deaths += more
        gains.append(gain)
    return deaths, -(min(gains) if worst else math.fsum(gains) / len(gains))


def _gain(after: Arm, before: Arm) -> float:
    alive = [p.throughput for p in pairs(after, before) if not any(p.oom) and min(p.throughput) > 0]
    return math.fsum(math.log(a / b) for a, b in alive) / len(alive) if alive else 0.0


Shortlist = Callable[["Candidates", list[int]], "list[Params]"]
