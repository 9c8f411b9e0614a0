"""The processes that a test has started, by their parents: what may be killed."""

from __future__ import annotations

from pathlib import Path


def _parent_and_command(pid: int) -> tuple[int, str] | None:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return None
    state, parent = status.rpartition(")")[2].split()[:2]
    return None if state == "Z" else (int(parent), command)


def descendants(pid: int) -> dict[int, str]:
    """Command lines of all living descendants of a process, by pid."""
    everyone = {int(path.name): pair for path in Path("/proc").iterdir() if path.name.isdigit() and (pair := _parent_and_command(int(path.name)))}
    found: dict[int, str] = {}
    parents = {pid}
    while parents:
        children = {child: command for child, (parent, command) in everyone.items() if parent in parents and child not in found}
        found |= children
        parents = set(children)
    return found


def workers(pid: int) -> list[int]:
    """Workers of a run: of its pool, or of Ray while they compute."""
    family = descendants(pid)
    return sorted(child for child, command in family.items() if "spawn_main" in command or command.startswith("ray::_run"))
