"""Notes: the Markdown that MLflow shows beside an experiment and its runs, with searches ready to copy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from sweep.verdict import Verdict, summary

if TYPE_CHECKING:
    from sweep.results import Results

RUN_ID: Final = "{run_id}"  # stands for the id of the run that a note belongs to


def searches(results: Results) -> tuple[tuple[str, str], ...]:
    """What people ask, and the filter that MLflow's search box takes for it."""
    policy = str(list(results.config["policies"])[-1])
    knobs = [c.removeprefix("param:") for c in results.trials.columns if c.startswith("param:")]
    knob = "watermark_scale_factor" if "watermark_scale_factor" in knobs else (knobs or ["min_free_kbytes"])[0]
    return (
        ("studies only, best trial in the columns", "tags.level = 'study'"),
        (
            "trials of one policy without one OOM",
            f"tags.level = 'trial' and tags.policy = '{policy}' and metrics.oom_rate = 0",
        ),
        (
            f"settings with OOM rate below 1 % and {knob} above 100",
            f'metrics.oom_rate < 0.01 and metrics."x/{knob}" > 100',
        ),
        ("kernel defaults", "tags.default = 'true'"),
        ("tuned bests", "tags.role = 'best'"),
        ("what ran out of memory", "tags.status_reason LIKE 'oom%'"),
        ("the map and the tables", "tags.level = 'map'"),
        *_of_axes(results),
    )


def _of_axes(results: Results) -> tuple[tuple[str, str], ...]:
    """The upper half of the first axis of numbers, as an example."""
    for axis in results.config.get("axes") or ():
        values = [value for value in axis["values"] if isinstance(value, (int, float))]
        if len(values) > 1 and len(values) == len(axis["values"]):
            middle = sorted(values)[(len(values) - 1) // 2]
            return ((f"studies with {axis['name']} above {middle:g}", f"tags.level = 'study' and metrics.\"axis/{axis['name']}\" > {middle:g}"),)
    return ()


def experiment_note(results: Results, verdicts: Sequence[Verdict]) -> str:
    """The note of the experiment."""
    sentence = f" {quoted(summary(verdicts))}" if verdicts else ""
    lines = [f"**Sweep {quoted(results.name)}**: page-reclaim policies {_policies(results)}.{sentence}"]
    lines += [
        "",
        "The map is an artifact of the run `map`. A parent run is a study (one policy in one cell), its children are "
        "trials. `oom_rate` and `throughput` (operations per second) are over search replicates, with an exact 95 % "
        "interval in `oom_rate_ci_lo` and `oom_rate_ci_hi`; `confirm/...` are over fresh replicates. A parent shows its "
        "best trial. `x/...` are the settings again, and `axis/...` where the cell lies, as numbers that can be compared and charted.",
        "",
        "Searches to copy into the box above the table:",
        "",
        *(f"- {what}: `{query}`" for what, query in searches(results)),
        "",
        f"Config sha256 `{results.config_sha256}`, seed {results.config['seed']}.",
    ]
    return "\n".join(lines)


def study_note(policy: str, label: str, verdict: Verdict | None) -> str:
    """The note of a parent run, with RUN_ID where its id will be."""
    lines = [f"Study: the search for policy **{quoted(policy)}** in cell **{quoted(label)}**."]
    if verdict is not None:
        lines += ["", f"{quoted(verdict.challenger)} against {quoted(verdict.baseline)}, each at its tuned best: "
                      f"**{verdict.finding}** ({quoted(verdict.reason)})."]  # fmt: skip
    lines += ["", "Searches to copy into the box above the table of runs:", ""]
    lines += [f"- {what}: `{query}`" for what, query in study_searches(label)]
    return "\n".join(lines)


def study_searches(label: str) -> tuple[tuple[str, str], ...]:
    """What people ask from a parent run, with RUN_ID where its id will be."""
    mine = f"tags.mlflow.parentRunId = '{RUN_ID}'"
    found = [
        ("its trials", mine),
        ("its trials without one OOM", f"{mine} and metrics.oom_rate = 0"),
        ("its tuned best and the kernel's defaults, on fresh streams", f'{mine} and metrics."confirm/n_replicates" > 0'),
    ]
    quote = "'" if "'" not in label else '"'
    if quote not in label and "`" not in label:
        found.append(("all policies in this cell", f"tags.level = 'study' and tags.cell = {quote}{label}{quote}"))
    return tuple(found)


def map_note(verdicts: Sequence[Verdict]) -> str:
    """The note of the run that carries the map."""
    sentence = quoted(summary(verdicts)) if verdicts else "Nothing is compared yet."
    pages = "Open **map/map.html** among the artifacts, or **map/report.html** if a report was written"
    return f"{sentence}\n\n{pages}; `tables/` holds every trial and replicate as CSV."


def quoted(text: str) -> str:
    """Text that Markdown shows as it is."""
    return re.sub(r"([\\`*_{}\[\]<>#|])", r"\\\1", text)


def _policies(results: Results) -> str:
    return ", ".join(quoted(str(policy)) for policy in results.config["policies"])
