"""Handout: a recommendation as the files that an administrator takes away: settings, their undo, a TuneD profile, and a card."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sweep.card import card
from sweep.errors import ConfigError
from sweep.sysctl import assignment, comment
from sweep.tuned import profile
from sweep.undo import undone

if TYPE_CHECKING:
    from sweep.recommendation import Recommendation
    from sweep.results import Results

CONF: Final = ".conf"


def write_handout(results: Results, found: Recommendation, out: Path) -> tuple[Path, ...]:
    """Write the files; never to /proc or /etc by itself, ``out`` is where the caller says.

    Args:
        results: of the sweep.
        found: the recommendation.
        out: a directory, where "keep the default" is a card alone; or NAME.conf, the settings, beside which NAME.undo, NAME.md and NAME-tuned/ are
            written: then the settings are always there, if only as comments.

    Raises:
        ConfigError: they cannot be written.
    """
    names = _named(out) if out.suffix == CONF else _numbered(out, f"highwater-{results.name}")
    files = {"card": card(results, found)} if found.keep_default else {"card": card(results, found), **_files(results, found, names)}
    if found.keep_default and out.suffix == CONF:
        files["conf"] = found.text
    try:
        return tuple(_write(names[kind], text) for kind, text in files.items())
    except OSError as error:
        raise ConfigError(f"--out: {out}: {error.strerror}; allowed: a directory, or a file NAME{CONF}, that can be written") from None


def _named(out: Path) -> dict[str, Path]:
    base = out.with_suffix("")
    return {"conf": out, "undo": out.with_suffix(".undo"), "card": out.with_suffix(".md"), "tuned": base.with_name(f"{base.name}-tuned") / "tuned.conf"}


def _numbered(out: Path, name: str) -> dict[str, Path]:
    return {"conf": out / f"80-{name}.conf", "undo": out / f"80-{name}.undo", "card": out / "card.md", "tuned": out / name / "tuned.conf"}


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.part")
    half.write_text(text, encoding="utf-8")
    half.replace(path)
    return path


def _files(results: Results, found: Recommendation, names: Mapping[str, Path]) -> dict[str, str]:
    before = "as captured" if found.present else "kernel defaults of the machine that was simulated"
    undo = [f"Undo of {names['conf'].name}: remove that file, then `sysctl -p` this one. Values: {before}."]
    profile_name = names["tuned"].parent.name
    notes = [
        *found.text.split("\n\n", 1)[0].replace("# ", "").replace("#", "").splitlines(),
        "",
        f"Apply: copy to /etc/tuned/{profile_name}/tuned.conf, then `tuned-adm profile {profile_name}`.",
        "To keep another profile, add include=PROFILE under [main].",
        "Undo: `tuned-adm profile` with the profile before.",
        "Not beside a sysctl.d file with the same keys.",
    ]
    return {
        "conf": found.text,
        "undo": "\n".join([comment(undo), *(assignment(name, value) for name, value in undone(found))]) + "\n",
        "tuned": profile(f"vm settings of Highwater, sweep {results.name}", [(c.name, c.value) for c in found.changes], notes),
    }
