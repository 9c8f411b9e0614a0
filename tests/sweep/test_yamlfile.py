"""YAML files: plain values come back, everything else is one line."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from sweep.errors import ConfigError
from sweep.yamlfile import MAX_BYTES, load_mapping, load_text


def test_yaml_1_2_has_no_surprising_booleans() -> None:
    assert load_text("a: on\nb: no\nc: true\nd: [1, 0.5, x, null]", "x.yaml") == {
        "a": "on",
        "b": "no",
        "c": True,
        "d": [1, 0.5, "x", None],
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: 2\na: 3\n", 'x.yaml:3: found duplicate key "a"'),
        ("a: &x 1\n", "x.yaml:1: x: anchors and aliases are refused"),
        ("a: !!python/object:os.system x\n", "tags are refused"),
        ("a: {b: [.nan]}\n", "x.yaml: a.b[0]: nan; allowed:"),
        ("a: -1.0e999\n", "x.yaml: a: -inf; allowed:"),
        ("a: 99999999999999999999\n", "x.yaml: a: 99999999999999999999; allowed:"),
        (f"a: {'9' * 5000}\n", "x.yaml: "),
        ("a: 2007-08-20\n", "x.yaml: a: datetime.date(2007, 8, 20); allowed:"),
        ("1: a\n", "x.yaml: 1; allowed: text as key"),
        ("a: [1, 2\n", "x.yaml:2: expected ',' or ']'"),
        ("a: 'x\n", "found unexpected end of stream"),
        ("a: \x00\n", "x.yaml: "),
        ("a: 1\n---\na: 2\n", "x.yaml:2: but found another document"),
    ],
)
def test_anything_else_is_refused_in_one_line(text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_text(text, "x.yaml")
    line = str(caught.value)
    assert problem in line
    assert line.isprintable(), "one line, no control characters"
    assert "; allowed: " in line


@pytest.mark.parametrize(
    "text",
    ["[" * 1_000_000, "a: " + "{a: " * 1_000, "- " * 100_000, "[" + "1," * 200_000 + "1]", "? " * 1_000],
    ids=["brackets", "braces", "dashes", "many", "keys"],
)
def test_a_bomb_is_refused_soon(text: str) -> None:
    began = time.process_time()
    with pytest.raises(ConfigError):
        load_text(text, "bomb.yaml")
    assert time.process_time() - began < 10


def test_a_file_is_read_only_if_it_is_small_text(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    with pytest.raises(ConfigError, match=r"x.yaml: No such file or directory; allowed: a readable YAML file"):
        load_mapping(path)
    path.write_bytes(b"a: 1\n#" + b"x" * MAX_BYTES)
    with pytest.raises(ConfigError, match="larger than 1048576 bytes; allowed: at most 1 MiB"):
        load_mapping(path)
    path.write_bytes(b"a: \xff\n")
    with pytest.raises(ConfigError, match="byte 3 is not UTF-8"):
        load_mapping(path)
    path.write_text("- 1\n")
    with pytest.raises(ConfigError, match="allowed: a mapping"):
        load_mapping(path)
