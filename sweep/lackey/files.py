"""Files of the recorded program: descriptors, positions and the page cache pages that each call touches."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

O_ACCMODE: Final = 3
O_TRUNC: Final = 0o1000
O_APPEND: Final = 0o2000
PAGE: Final = 4096
UNCACHED: Final = ("/dev/", "/proc/", "/sys/")  # reads and writes there have no page cache


@dataclass
class File:
    """One file: its name's last part, its number, its length in pages as far as seen, how often it is open."""

    name: str
    number: int
    pages: int = 0
    length: int = 0
    opened: int = 0
    linked: bool = True


@dataclass
class Descriptor:
    """An open file description, shared by descriptors made by dup."""

    file: File
    path: str
    position: int = 0
    append: bool = False
    last: tuple[int, int] = field(default=(-1, -1))


@dataclass(frozen=True)
class Span:
    """Consecutive pages of a file."""

    file: File
    first: int
    pages: int


class Files:
    """Follows open, close, dup, lseek, rename, unlink and truncate."""

    def __init__(self) -> None:
        self.all: list[File] = []
        self._by_path: dict[str, File] = {}
        self._open: dict[int, Descriptor] = {}

    def get(self, fd: int) -> Descriptor | None:
        """The open file of ``fd``; None for pipes, terminals and what was open before the recording."""
        return self._open.get(fd)

    def open(self, fd: int, path: str, flags: int) -> Span | None:
        """A successful open; returns the pages that O_TRUNC threw away."""
        if path.startswith(UNCACHED):
            return None
        file = self._by_path.get(path)
        if file is None:
            file = File(path.rsplit("/", 1)[-1], len(self.all))
            self.all.append(file)
            self._by_path[path] = file
        file.opened += 1
        self._open[fd] = Descriptor(file, path, 0, bool(flags & O_APPEND))
        return self.truncate(file, 0) if flags & O_TRUNC and flags & O_ACCMODE else None

    def dup(self, fd: int, new: int) -> Span | None:
        """dup, dup2 or fcntl(F_DUPFD); returns what closing ``new`` threw away."""
        gone = self.close(new)
        if (descriptor := self._open.get(fd)) is not None:
            descriptor.file.opened += 1
            self._open[new] = descriptor
        return gone

    def close(self, fd: int) -> Span | None:
        """Close; the last close of an unlinked file throws its pages away."""
        descriptor = self._open.pop(fd, None)
        if descriptor is None:
            return None
        descriptor.file.opened -= 1
        return self._drop(descriptor.file)

    def unlink(self, path: str) -> Span | None:
        """The name is gone; so are the pages unless the file is still open."""
        file = self._by_path.pop(path, None)
        if file is None:
            return None
        if file.opened == 0:
            # The next file of that name starts empty on the same numbers.
            self._by_path[path] = file
            return self.truncate(file, 0)
        file.linked = False
        return None

    def rename(self, old: str, new: str) -> Span | None:
        """The file takes another name; a file that had it is unlinked."""
        gone = self.unlink(new)
        if (file := self._by_path.pop(old, None)) is not None:
            self._by_path[new] = file
        return gone

    def truncate(self, file: File, length: int) -> Span | None:
        """The file now has ``length`` bytes; returns the pages behind them."""
        first = -(-length // PAGE)
        cached = -(-file.length // PAGE)
        file.length = min(file.length, length)
        return Span(file, first, cached - first) if cached > first else None

    def transfer(self, descriptor: Descriptor, kind: int, size: int, at: int | None) -> Span | None:
        """A read or write of ``size`` bytes at the file position or at byte ``at``; returns the pages it touches.

        A call that begins in the page where the one before it ended does not touch that page again: the kernel, too,
            marks
        it once.
        """
        start = at if at is not None else (descriptor.file.length if descriptor.append else descriptor.position)
        if at is None:
            descriptor.position = start + size
        first, last = start // PAGE, (start + size - 1) // PAGE
        file = descriptor.file
        file.pages = max(file.pages, last + 1)
        file.length = max(file.length, start + size)
        if descriptor.last == (kind, first):
            first += 1
        descriptor.last = (kind, last)
        return Span(file, first, last + 1 - first) if last >= first else None

    def path(self, fd: int) -> str:
        """Path under which ``fd`` was opened, empty if unknown."""
        descriptor = self._open.get(fd)
        return descriptor.path if descriptor else ""

    def _drop(self, file: File) -> Span | None:
        return self.truncate(file, 0) if not file.linked and file.opened == 0 else None
