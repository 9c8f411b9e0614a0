"""Handout: a recommendation as the files that an administrator takes away: settings, their undo, a TuneD profile, and a card."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sweep.card import card
from sweep.sysctl import assignment, comment
from sweep.tuned import profile

if TYPE_CHECKING:
    from sweep.recommend import Recommendation
    from sweep.results import Results


def write_handout(results: Results, found: Recommendation, out: Path) -> tuple[Path, ...]:
    """Write the files into directory ``out``; "keep the default" is a card alone.

    Never writes to /proc or /etc by itself: ``out`` is where the caller says.
    """
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in _files(results, found):
        path = out / name
        path.parent.mkdir(exist_ok=True)
        half = path.with_name(f".{path.name}.part")
        half.write_text(text, encoding="utf-8")
        half.replace(path)
        written.append(path)
    return tuple(written)


def _files(results: Results, found: Recommendation) -> Iterator[tuple[str, str]]:
    yield "card.md", card(results, found)
    if found.keep_default:
        return
    name = f"highwater-{results.name}"
    yield f"80-{name}.conf", found.text
    undo = [f"Undo of 80-{name}.conf: remove that file, then `sysctl -p` this one. Kernel defaults of the machine that was simulated."]
    yield f"80-{name}.undo", "\n".join([comment(undo), *(assignment(change.name, change.default) for change in found.changes)]) + "\n"
    notes = [
        *found.text.split("\n\n", 1)[0].replace("# ", "").replace("#", "").splitlines(),
        "",
        f"Apply: copy to /etc/tuned/{name}/tuned.conf, then `tuned-adm profile {name}`; to keep another profile, add include=PROFILE under [main].",
        "Undo: `tuned-adm profile` with the profile before.",
        "Not beside a sysctl.d file with the same keys.",
    ]
    yield f"{name}/tuned.conf", profile(f"vm settings of Highwater, sweep {results.name}", [(c.name, c.value) for c in found.changes], notes)
