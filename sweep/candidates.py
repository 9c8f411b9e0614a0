"""Candidates: the settings that a sysctl file could carry, and the arms that show what they do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from sweep.arms import Arm, arms, trial_params
from sweep.sysctl import is_sysctl

if TYPE_CHECKING:
    from core import Machine
    from sweep.results import Results

Params = tuple[tuple[str, int], ...]
Retest = Callable[[int, str, Params], Arm]  # (cell, policy, params) -> its confirm replicates, run now


class Candidates:
    """The arms that a recommendation may look at: those of the sweep, and those that `retest` runs.

    With `retest`, the defaults are run again too, so that both sides have the same number of replicates.
    """

    def __init__(self, results: Results, policy: str, retest: Retest | None = None) -> None:
        """Args: as for `sweep.recommend.recommend`."""
        from core.policies import load

        self.policy = policy
        self.era = load(policy).era
        self.mechanics = load(policy).mechanics
        self._retest = retest
        self._trials = results.trials[results.trials["n_not_run"] == 0] if "n_not_run" in results.trials else results.trials
        self._default = {c: arm for (c, p), arm in arms(results, "default").items() if p == policy}
        self._tuned = {c: arm for (c, p), arm in arms(results, "tuned").items() if p == policy}
        self._runs: dict[tuple[int, Params], Arm] = {}
        self._machines: dict[int, dict[str, Any]] = {int(str(cell)): json.loads(str(text)) for cell, text in results.cells["machine"].to_dict().items()}

    @property
    def cells(self) -> tuple[int, ...]:
        """Those in which the study has begun."""
        return tuple(self._default)

    def ram_mib(self, cell: int) -> int:
        """RAM of the cell's machine."""
        return int(self._machines[cell]["ram_mib"])

    def machine(self, cell: int) -> Machine:
        """The cell's machine."""
        from core import Machine
        from sweep.fields import build

        return build(Machine, self._machines[cell])

    def defaults(self, cell: int) -> Params:
        """Kernel defaults of every tunable in a cell; empty if the study has not begun."""
        arm = self._default.get(cell)
        return arm.params if arm else ()

    def changes(self, cell: int) -> Params:
        """The sysctls that the cell's tuned best sets unlike the default; empty if there are none."""
        return self._changed(cell, sysctls=True)

    def foreign(self, cell: int) -> Params:
        """The tunables that the cell's tuned best sets unlike the default and that no sysctl sets."""
        return self._changed(cell, sysctls=False)

    def best_changes(self, cell: int, n: int) -> list[Params]:
        """The changes of the cell's ``n`` best search trials that run in full, sysctls alone; fewest OOMs first, then the fastest."""
        from core.pairs import in_force

        before = dict(self.defaults(cell))
        frame = self._trials[(self._trials["cell"] == cell) & (self._trials["policy"] == self.policy)]
        frame = frame.sort_values(["oom_rate", "throughput", "trial"], ascending=[True, False, True])
        found: dict[Params, None] = {}
        for row in frame.to_dict("records"):
            values = dict(trial_params(row))
            if any(not is_sysctl(n, self.era) and v != before.get(n) for n, v in values.items()):
                continue
            found[tuple((n, v) for n, v in in_force(values).items() if v != before.get(n))] = None
        found.pop((), None)
        return list(found)[:n]

    def settings(self, cells: Iterable[int], limit: int) -> list[Params]:
        """The distinct changes that the cells' tuned bests make, most promising first.

        With `retest` at most `limit` of them: they are ranked by what the sweep saw of each in its own cell, on other
        streams than those of the retest, so this choice does not flatter the winner.
        """
        found: dict[Params, tuple[float, float]] = {}
        for cell in cells:
            changes = self.changes(cell)
            if changes:
                found[changes] = min(found.get(changes, (1.0, 0.0)), self._promise(cell))
        ranked = sorted(found, key=lambda changes: (*found[changes], changes))
        return ranked[:limit] if self._retest else ranked

    def _promise(self, cell: int) -> tuple[float, float]:
        """Fewer OOMs and more throughput than the defaults of the cell; less is better."""
        tuned, default = self._tuned[cell], self._default[cell]
        if not tuned.n or not default.n:
            return 1.0, 0.0
        deaths = tuned.n_oom / tuned.n - default.n_oom / default.n
        return deaths, -tuned.mean_throughput / max(default.mean_throughput, 1e-9)

    def default_arm(self, cell: int) -> Arm | None:
        """What kernel defaults do in a cell; None if they were not confirmed."""
        arm = self._default.get(cell)
        if arm is None:
            return None
        return self._run(cell, arm.params) if self._retest else (arm if arm.n else None)

    def arm(self, cell: int, changes: Params) -> Arm | None:
        """What the defaults of the cell with these changes do there; None if nobody ran exactly that."""
        from core.pairs import written

        default, tuned = self._default.get(cell), self._tuned.get(cell)
        if default is None:
            return None
        params = written(dict(default.params), dict(changes))
        if self._retest:
            return self._run(cell, tuple(params.items()))
        return tuned if tuned is not None and tuned.n and dict(tuned.params) == params else None

    def _run(self, cell: int, params: Params) -> Arm:
        assert self._retest is not None
        if (cell, params) not in self._runs:
            self._runs[cell, params] = self._retest(cell, self.policy, params)
        return self._runs[cell, params]

    def _changed(self, cell: int, *, sysctls: bool) -> Params:
        from core.pairs import in_force

        tuned, before = self._tuned.get(cell), dict(self.defaults(cell))
        if tuned is None or not before:
            return ()
        return tuple((n, v) for n, v in in_force(dict(tuned.params)).items() if is_sysctl(n, self.era) == sysctls and v != before.get(n))
