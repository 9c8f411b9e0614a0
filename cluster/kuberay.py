"""A sweep as a Kubernetes RayJob: the operator makes a Ray cluster, runs the sweep on its head, and removes it."""

from __future__ import annotations

import re
import shlex
import subprocess
from dataclasses import dataclass

from cluster.errors import require
from cluster.job import Job
from cluster.yamltext import Value, dump

RAY_VERSION = "2.60.0"  # what constraints.txt pins, so what the image holds
_IMAGE = re.compile(r"[a-z0-9][A-Za-z0-9._/:@-]*")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_QUANTITY = re.compile(r"[1-9][0-9]*(m|[KMGT]i?)?")
SWEEP_MOUNT = "/etc/highwater"
RESULTS_MOUNT = "/results"


@dataclass(frozen=True)
class Pods:
    """What to ask Kubernetes for.

    Attributes:
        image: an image with `highwater[cluster]` installed.
        claim: PersistentVolumeClaim for the results. The store lives there, so a new cluster goes on where one died.
        workers: worker pods.
        cpus: CPUs of a worker pod; its simulations run one a CPU.
        memory: memory of a worker pod, as a Kubernetes quantity.
        namespace: where it runs, or empty for kubectl's own default.
        deadline_s: the whole job is given up after this long.
        retries: how often a new cluster is tried.
    """

    image: str
    claim: str
    workers: int = 2
    cpus: int = 4
    memory: str = "8Gi"
    namespace: str = ""
    deadline_s: int = 86_400
    retries: int = 3

    def __post_init__(self) -> None:
        require(bool(_IMAGE.fullmatch(self.image)), "image", self.image, "an image reference")
        require(bool(_LABEL.fullmatch(self.claim)), "claim", self.claim, "a Kubernetes name")
        require(self.namespace == "" or bool(_LABEL.fullmatch(self.namespace)), "namespace", self.namespace, "a name")
        require(bool(_QUANTITY.fullmatch(self.memory)), "memory", self.memory, "a quantity such as 8Gi")
        require(1 <= self.workers <= 5000, "workers", self.workers, "1 to 5000")
        require(1 <= self.cpus <= 512, "cpus", self.cpus, "1 to 512")
        require(self.deadline_s >= 60, "deadline", self.deadline_s, "at least 60 seconds")
        require(0 <= self.retries <= 100, "retries", self.retries, "0 to 100")


def manifest(job: Job, pods: Pods) -> str:
    """The manifest: a ConfigMap with the sweep file and a RayJob that runs it. Pure."""
    return f"{dump(_sweep_file(job, pods))}---\n{dump(_ray_job(job, pods))}"


def submit(job: Job, pods: Pods) -> int:
    """Hand the manifest to kubectl, which refuses a job that exists; kubectl's exit code."""
    command = ["kubectl", "create", "-f", "-"]
    return subprocess.run(command, input=manifest(job, pods), text=True, check=False).returncode


def _metadata(job: Job, pods: Pods) -> dict[str, Value]:
    metadata: dict[str, Value] = {"name": job.name, "labels": {"app.kubernetes.io/name": "highwater"}}
    return metadata | ({"namespace": pods.namespace} if pods.namespace else {})


def _sweep_file(job: Job, pods: Pods) -> Value:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _metadata(job, pods),
        "immutable": True,
        "data": {"sweep.yaml": job.text},
    }


def _ray_job(job: Job, pods: Pods) -> Value:
    command = (*job.command(f"{SWEEP_MOUNT}/sweep.yaml"), "--results", f"{RESULTS_MOUNT}/{job.label}-{job.digest}")
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayJob",
        "metadata": _metadata(job, pods),
        "spec": {
            "entrypoint": shlex.join(command),
            "jobId": job.name,
            "submissionMode": "SidecarMode",
            "shutdownAfterJobFinishes": True,
            "ttlSecondsAfterFinished": 600,
            "activeDeadlineSeconds": pods.deadline_s,
            "backoffLimit": pods.retries,
            "rayClusterSpec": {
                "rayVersion": RAY_VERSION,
                "authOptions": {"mode": "token"},
                "headGroupSpec": _head(job, pods),
                "workerGroupSpecs": [_workers(pods)],
            },
        },
    }


def _head(job: Job, pods: Pods) -> Value:
    container = _container("ray-head", pods, cpus=1, memory="4Gi")
    mounts: list[Value] = [
        {"name": "sweep", "mountPath": SWEEP_MOUNT, "readOnly": True},
        {"name": "results", "mountPath": RESULTS_MOUNT},
    ]
    volumes: list[Value] = [
        {"name": "sweep", "configMap": {"name": job.name}},
        {"name": "results", "persistentVolumeClaim": {"claimName": pods.claim}},
    ]
    container["volumeMounts"] = mounts
    pod: Value = {"restartPolicy": "Never", "containers": [container], "volumes": volumes}
    # The head only drives: no simulation is placed beside the driver and the store.
    return {"rayStartParams": {"num-cpus": "0"}, "template": {"spec": pod}}


def _workers(pods: Pods) -> Value:
    return {
        "groupName": "workers",
        "replicas": pods.workers,
        "minReplicas": pods.workers,
        "maxReplicas": pods.workers,
        "rayStartParams": {},
        "template": {"spec": {"containers": [_container("ray-worker", pods, pods.cpus, pods.memory)]}},
    }


def _container(name: str, pods: Pods, cpus: int, memory: str) -> dict[str, Value]:
    share: dict[str, Value] = {"cpu": str(cpus), "memory": memory}
    return {"name": name, "image": pods.image, "resources": {"requests": share, "limits": share}}
