"""What is dumped is read back unchanged, by a YAML 1.2 and by a YAML 1.1 reader."""

from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from cluster.yamltext import dump

words = st.text(st.characters(blacklist_categories=["Cs"]))
values: st.SearchStrategy[Any] = st.recursive(
    words | st.integers(-(2**53), 2**53) | st.booleans(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_any_data_comes_back(value: Any) -> None:
    assert yaml.safe_load(dump(value)) == value
    assert YAML(typ="safe", pure=True).load(dump(value)) == value


def test_it_reads_as_a_person_would_write_it() -> None:
    pod = {"name": "head", "ports": [6379, 8265], "labels": {"app/x": "y"}, "args": [], "on": True}
    assert dump({"spec": [pod]}) == (
        'spec:\n  - name: "head"\n    ports:\n      - 6379\n      - 8265\n    labels:\n      "app/x": "y"\n    args: []\n    "on": true\n'
    )
