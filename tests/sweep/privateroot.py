"""A root directory of a test's own, in which the real systemd-sysctl and TuneD may write to what they take for /proc/sys."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

SYSTEMD_SYSCTL = Path("/usr/lib/systemd/systemd-sysctl")
TUNED = Path(os.environ.get("HIGHWATER_TUNED", "/")) / "usr/lib/python3/dist-packages"
LIBRARY = re.compile(r"(/\S+) \(0x")
CALLING = Path(__file__).with_name("tunedcall.py")


class PrivateRoot:
    """One chroot; the machine's /proc is not in it.

    Attributes:
        path: where it lies.
    """

    def __init__(self, path: Path) -> None:
        if os.geteuid() and not shutil.which("unshare"):
            pytest.skip("chroot needs root or unshare (Debian: apt-get install util-linux)")
        self.path = path
        self._as_root = ["unshare", "--user", "--map-root-user"] if os.geteuid() else []
        if subprocess.run([*self._as_root, "true"], check=False, capture_output=True).returncode:
            pytest.skip("chroot needs root or user namespaces")

    def keys(self, values: Mapping[str, str]) -> None:
        """Make /proc/sys/vm anew, with these keys and values."""
        directory = self.path / "proc/sys/vm"
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        for name, value in values.items():
            (directory / name).write_text(f"{value}\n")

    def now(self) -> dict[str, str]:
        """The keys and their values."""
        return {one.name: one.read_text().strip() for one in (self.path / "proc/sys/vm").iterdir()}

    def systemd_sysctl(self, text: str) -> list[str]:
        """Let systemd-sysctl apply a file of /etc/sysctl.d; what it says, a line each."""
        if not SYSTEMD_SYSCTL.exists():
            pytest.skip(f"{SYSTEMD_SYSCTL} is not installed (Debian: apt-get install systemd)")
        (program,) = self._with_libraries([SYSTEMD_SYSCTL])
        file = self.path / "etc/sysctl.d/90.conf"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        (self.path / "dev").mkdir(exist_ok=True)
        return self._call(["chroot", self.path, program])

    def tuned(self, text: str) -> list[str]:
        """Let TuneD load a profile and its sysctl plugin apply it; what it logs, a line each. It puts the files of sysctl.d on top, so there are none."""
        if not (TUNED / "tuned").is_dir():
            pytest.skip(f"TuneD is not installed below {TUNED} (.ci/run unpacks it; HIGHWATER_TUNED names the directory)")
        shutil.rmtree(self.path / "etc/sysctl.d", ignore_errors=True)
        file = self.path / "etc/tuned/highwater/tuned.conf"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return self._call([sys.executable, CALLING, TUNED, self.path, "highwater"])

    def _call(self, words: Iterable[str | Path]) -> list[str]:
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "SYSTEMD_LOG_TARGET": "console", "SYSTEMD_LOG_LEVEL": "info"}
        done = subprocess.run([*self._as_root, *words], check=False, capture_output=True, text=True, env=environment, timeout=60)
        assert done.returncode in (0, 1), done.stderr
        assert "Traceback" not in done.stderr, done.stderr
        return (done.stdout + done.stderr).splitlines()

    def _with_libraries(self, programs: Iterable[Path]) -> list[Path]:
        """Copy programs and what they load into the root; their paths there."""
        for program in programs:
            loaded = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
            for path in (program, *map(Path, LIBRARY.findall(loaded))):
                copy = self.path / path.relative_to("/")
                if not copy.exists():
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(path, copy)
        return list(programs)
