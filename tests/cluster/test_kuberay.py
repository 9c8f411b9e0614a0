"""The RayJob manifest: as recorded, and with the promises that Kubernetes must keep for us."""

import dataclasses
import shlex
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from cluster.errors import LaunchError
from cluster.kuberay import RAY_VERSION, Pods, manifest
from tests.launches import DUEL, HOSTILE, HOSTILE_WORDS, PODS, TEXT, assert_as_recorded

REPOSITORY = Path(__file__).parents[2]


def load(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    sweep_file, ray_job = YAML(typ="safe").load_all(text)
    return sweep_file, ray_job


def test_as_recorded() -> None:
    assert_as_recorded(manifest(DUEL, PODS), "rayjob.yaml")


def test_the_sweep_file_travels_along_unchanged() -> None:
    sweep_file, ray_job = load(manifest(DUEL, PODS))
    assert sweep_file["data"] == {"sweep.yaml": TEXT}
    pod = ray_job["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]
    assert {"name": "sweep", "configMap": {"name": sweep_file["metadata"]["name"]}} in pod["volumes"]
    assert "/etc/highwater/sweep.yaml" in ray_job["spec"]["entrypoint"]


def test_a_retry_finds_the_store_of_the_last_try() -> None:
    first, second = (load(manifest(dataclasses.replace(DUEL, attempt=n), PODS))[1]["spec"] for n in (1, 2))
    assert first["entrypoint"] == second["entrypoint"]
    assert first["jobId"] != second["jobId"]
    assert first["backoffLimit"] == 3


def test_a_token_is_asked_for_and_the_head_simulates_nothing() -> None:
    cluster = load(manifest(DUEL, PODS))[1]["spec"]["rayClusterSpec"]
    assert cluster["authOptions"] == {"mode": "token"}
    assert cluster["headGroupSpec"]["rayStartParams"] == {"num-cpus": "0"}
    assert cluster["workerGroupSpecs"][0]["replicas"] == PODS.workers


def test_hostile_words_stay_single_words() -> None:
    _, ray_job = load(manifest(HOSTILE, PODS))
    words = shlex.split(ray_job["spec"]["entrypoint"])
    assert tuple(words[5:-2]) == HOSTILE_WORDS
    assert ray_job["metadata"]["name"].startswith("highwater-touch-pwned")


def test_the_ray_version_is_the_one_that_is_pinned() -> None:
    assert f"ray=={RAY_VERSION}" in (REPOSITORY / "constraints.txt").read_text().splitlines()


def test_a_namespace_is_named_only_when_asked_for() -> None:
    for document in load(manifest(DUEL, dataclasses.replace(PODS, namespace="tuning"))):
        assert document["metadata"]["namespace"] == "tuning"
    assert "namespace" not in manifest(DUEL, PODS)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("image", "a b"), ("claim", "Claim"), ("namespace", "-x"), ("memory", "8 GiB"), ("memory", "0Gi")),
        *(("workers", 0), ("cpus", 0), ("deadline_s", 1), ("retries", -1)),
    ],
)
def test_what_kubernetes_would_refuse_is_refused_here(option: str, value: object) -> None:
    with pytest.raises(LaunchError, match=f"{option.removesuffix('_s')}: .*; allowed: "):
        Pods(**{**dataclasses.asdict(PODS), option: value})
