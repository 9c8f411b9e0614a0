"""System calls as valgrind prints them, put together from the two lines that a blocking call takes."""

from __future__ import annotations

import re
from dataclasses import dataclass

_HEAD = re.compile(r"SYSCALL\[(\d+),(\d+)\]\(\s*\d+\) ")
_CALL = re.compile(r"(?:sys_)?(\w+)(?:\[[^\]]*\])? ?\((.*)\) ?(?:\[sync\]|--> \[pre-success\]|--> \[async\])")
_RESULT = re.compile(r"(Success|Failure)\((0x[0-9a-f]+)(?:, 0x[0-9a-f]+)?\)")
_NUMBER = re.compile(r"0x[0-9a-f]+|-?\d+")
_PATH = re.compile(r"0x[0-9a-f]+\(")


@dataclass(frozen=True)
class Call:
    """One finished, successful system call.

    Attributes:
        name: kernel name without ``sys_``.
        args: its numbers, addresses of paths included.
        paths: its paths, in order.
        result: what it returned.
    """

    name: str
    args: tuple[int, ...]
    paths: tuple[str, ...]
    result: int

    def arg(self, index: int) -> int:
        """Argument ``index``, 0 where valgrind printed fewer."""
        return self.args[index] if index < len(self.args) else 0


class CallParser:
    """Pairs the lines of blocking calls by thread and keeps the calls that succeeded."""

    def __init__(self) -> None:
        self._pending: dict[str, tuple[str, tuple[int, ...], tuple[str, ...]]] = {}
        self.process: str | None = None

    def parse(self, line: str) -> Call | None:
        """The call that ends on this line, or None: another line, a failed call, one that has not ended, a child's."""
        head = _HEAD.match(line)
        if head is None:
            return None
        process, thread = head.groups()
        if self.process is None:
            self.process = process
        if process != self.process:
            return None
        rest = line[head.end() :]
        if rest.startswith("..."):
            started = self._pending.pop(thread, None)
        else:
            started = _started(rest)
            if started is not None and rest.rstrip().endswith("--> [async] ..."):
                self._pending[thread] = started
                return None
        result = _RESULT.search(rest, rest.rfind("-->"))
        if started is None or result is None or result.group(1) == "Failure":
            return None
        return Call(*started, int(result.group(2), 16))


def _started(text: str) -> tuple[str, tuple[int, ...], tuple[str, ...]] | None:
    call = _CALL.match(text)
    if call is None:
        return None
    args, paths = _arguments(call.group(2))
    return call.group(1), args, paths


def _arguments(text: str) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Numbers and paths; a path may hold commas and brackets, it ends at the bracket before the next argument."""
    numbers: list[int] = []
    paths: list[str] = []
    at = 0
    while found := _NUMBER.search(text, at):
        numbers.append(int(found.group(), 0))
        at = found.end()
        if _PATH.match(text, found.start()):
            following = re.compile(r"\)(?=, (?:0x[0-9a-f]+|-?\d+)|\s*$)").search(text, at)
            end = following.start() if following else len(text)
            paths.append(text[at + 1 : end])
            at = end + 1
    return tuple(numbers), tuple(paths)
