"""The configurations for `ray up` are what Ray's own schema and preparation accept."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

REPOSITORY = Path(__file__).parents[2]
CONFIGS = sorted((REPOSITORY / "cluster").glob("ray_up*.yaml"))


def load(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(path.read_text())
    return loaded


def test_there_are_configurations() -> None:
    assert [path.name for path in CONFIGS] == ["ray_up.yaml", "ray_up_local.yaml"]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_ray_accepts_it(path: Path) -> None:
    schema = json.loads(files("ray").joinpath("autoscaler/ray-schema.json").read_text())
    jsonschema.validate(load(path), schema)

    from ray.autoscaler._private import util

    prepared = util.prepare_config(load(path))
    util.validate_config(prepared)
    assert prepared["head_node_type"] in prepared["available_node_types"]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_nothing_listens_without_a_token_or_beyond_the_loopback(path: Path) -> None:
    config = load(path)
    starts = [line for key in ("head", "worker") for line in config[f"{key}_start_ray_commands"] if "ray start" in line]
    assert len(starts) == 2
    assert all("RAY_AUTH_MODE=token" in line for line in starts)
    assert "--dashboard-host=127.0.0.1" in starts[0]
    assert "~/.ray/auth_token" in config["file_mounts"]
    assert "chmod 600 ~/.ray/auth_token" in config["setup_commands"]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_no_simulation_runs_beside_the_driver(path: Path) -> None:
    config = load(path)
    head_cpus = config.get("available_node_types", {}).get("head", {}).get("resources", {}).get("CPU")
    assert head_cpus == 0 or "--num-cpus=0" in config["head_start_ray_commands"][-1]
