"""Results: a table of what the guest did, one row a point, kept in the repository."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from lab.cache import LabError, appearing
from lab.kernel import Kernel
from lab.point import Point
from lab.report import Run

TEXT: Final = ("point", "end", "config", "stream", "kernel", "image", "command", "qemu")
NUMBERS: Final = ("seed", "managed", "start_free", "psi_us", "latency_p50_ns", "latency_p99_ns", "nr_dirty_mean", "free_mean", "host_s")


@dataclass(frozen=True)
class Row:
    """One point as the guest did it.

    Attributes:
        point: its name.
        end: how the run ended.
        config: hash of machine, workload, policy and settings.
        stream: digest of the streams.
        kernel, image: release, and hash of the guest's program with its modules.
        command: that runs it.
        qemu: its version; rows without one are of 7.2.
        seed: of the streams.
        managed, start_free: pages that the guest's kernel manages, and free when the tasks start.
        psi_us: time that some task waited for memory.
        latency_p50_ns, latency_p99_ns: of the touches that took over 512 ns.
        nr_dirty_mean, free_mean: pages, mean over the second half.
        host_s: how long it took here.
        metrics: under the names of core.Outcome.
    """

    point: str
    end: str
    config: str
    stream: str
    kernel: str
    image: str
    command: str
    qemu: str
    seed: int
    managed: int
    start_free: int
    psi_us: int
    latency_p50_ns: int
    latency_p99_ns: int
    nr_dirty_mean: int
    free_mean: int
    host_s: int
    metrics: dict[str, int]

    @classmethod
    def of(cls, point: Point, run: Run, kernel: Kernel, image: str, campaign: str, qemu: str) -> Row:
        """The row of a run."""
        return cls(
            point=point.name,
            end=run.ending.how,
            config=point.config_hash,
            stream=point.streams.digest[:16],
            kernel=kernel.version,
            image=image,
            command=f"highwater lab campaign {campaign}",
            qemu=qemu,
            seed=point.seed,
            managed=run.samples[0].managed,
            start_free=run.start_free,
            psi_us=run.psi_us,
            latency_p50_ns=run.latency_ns(50),
            latency_p99_ns=run.latency_ns(99),
            nr_dirty_mean=round(run.mean("nr_dirty")),
            free_mean=round(run.mean("nr_free_pages")),
            host_s=round(run.ending.host_s),
            metrics=run.metrics,
        )

    @property
    def family(self) -> str:
        """The family of its campaign."""
        return self.point.rpartition("-")[0]

    @property
    def failed(self) -> bool:
        """A task was killed, or nothing moved any more."""
        return self.metrics["oom_kills"] > 0 or self.metrics["deadlock"] > 0


def load(path: Path) -> dict[str, Row]:
    """The rows of a table by point; none if there is no table.

    Raises:
        LabError: a table that was altered.
    """
    if not path.is_file():
        return {}
    rows = {}
    with path.open(newline="") as file:
        for number, fields in enumerate(csv.DictReader(file), 2):
            try:
                fields.setdefault("qemu", "7.2")  # tables of before it was kept
                own: dict[str, Any] = {name: fields.pop(name) for name in TEXT} | {name: int(fields.pop(name)) for name in NUMBERS}
                rows[own["point"]] = Row(**own, metrics={name: int(value) for name, value in fields.items() if value != ""})
            except (KeyError, ValueError, TypeError) as error:
                raise LabError(f"{path}:{number}: {error}; allowed: a row as `highwater lab campaign` writes it") from None
    return rows


def save(path: Path, rows: Iterable[Row]) -> None:
    """Write a table, whole or not at all."""
    rows = list(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = list(dict.fromkeys(name for row in rows for name in row.metrics))
    writer.writerow([*TEXT, *NUMBERS, *names])
    for row in rows:
        writer.writerow([*(getattr(row, name) for name in (*TEXT, *NUMBERS)), *(row.metrics.get(name, "") for name in names)])
    with appearing(path) as made:
        made.write_text(text.getvalue())
