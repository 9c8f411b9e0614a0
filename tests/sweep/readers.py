"""Readers of what a recommendation writes, by the rules of those who read it; no code of theirs or of ours."""

from __future__ import annotations

import configparser


def systemd_sysctl(text: str) -> dict[str, str]:
    """A file of /etc/sysctl.d as sysctl.d(5) and systemd-sysctl(8) have it.

    A line is stripped; empty ones and those that begin with # or ; are comments; the rest is KEY = VALUE at the first "=", both stripped; "-" before the
    key lets it fail; if the first separator of the key is ".", dots and slashes change places, and the path below /proc/sys is what is left; a later line of
    the same path wins. "-KEY" without "=" excludes a path from globs.

    Raises:
        ValueError: a line that is none of these.
    """
    found: dict[str, str] = {}
    for line in (raw.strip() for raw in text.splitlines()):
        if not line or line[0] in "#;":
            continue
        if "=" not in line:
            if line[0] != "-":
                raise ValueError(line)
            continue
        key, value = (part.strip() for part in line.split("=", 1))
        key = key[1:].strip() if key[:1] == "-" else key
        first = min((key.find(mark) for mark in "./" if mark in key), default=-1)
        if first >= 0 and key[first] == ".":
            key = key.translate(str.maketrans("./", "/."))
        if not key or not value:
            raise ValueError(line)
        found[key] = value
    return found


def tuned(text: str) -> dict[str, dict[str, str]]:
    """Sections of a tuned.conf, as TuneD 2.20 loads one: configparser, "=" alone, "#" for comments in a line, names as written, values raw."""
    parser = configparser.ConfigParser(delimiters=("=",), inline_comment_prefixes=("#",), strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return {section: {option: parser.get(section, option, raw=True) for option in parser.options(section)} for section in parser.sections()}
