"""A PostgreSQL of one's own: a new cluster in a directory, on the loopback interface, for as long as a test needs it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faulty import free_port


def programs() -> Path | None:
    """Where Debian keeps them, newest version first; None if there are none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]), reverse=True)
    on_path = shutil.which("initdb")
    return found[0].parent if found else Path(on_path).parent if on_path else None


@contextmanager
def cluster(programs: Path) -> Iterator[str]:
    """A running server with an empty database; gives its SQLAlchemy URI. It refuses to run as root, so root lends it the user postgres."""
    as_whom: dict[str, int] = {}
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        as_whom = {"user": user.pw_uid, "group": user.pw_gid}
    with tempfile.TemporaryDirectory(prefix="pg") as name:
        if as_whom:
            os.chown(name, as_whom["user"], as_whom["group"])
        data, port = Path(name) / "data", free_port()

        def call(program: str, *arguments: str) -> None:
            command = [str(programs / program), *arguments]
            subprocess.run(command, check=True, capture_output=True, cwd=name, timeout=120, **as_whom)  # type: ignore[call-overload]

        call("initdb", "-D", str(data), "-U", "highwater", "-A", "trust", "--no-sync", "--no-instructions")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={name} -c fsync=off"
        call("pg_ctl", "-D", str(data), "-o", options, "-w", "-l", str(Path(name) / "log"), "start")
        try:
            yield f"postgresql+psycopg2://highwater@127.0.0.1:{port}/postgres"
        finally:
            call("pg_ctl", "-D", str(data), "-m", "immediate", "stop")
