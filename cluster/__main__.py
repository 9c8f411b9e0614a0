"""`python -m cluster`: print the launch of a sweep, or do it with --submit."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cluster import kuberay, ray_jobs, slurm
from cluster.errors import LaunchError
from cluster.job import Job, load_job


@dataclass(frozen=True)
class Launch:
    """What a subcommand came to: the text to print and the way to do it."""

    text: str
    submit: Callable[[], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line. Returns the exit code: 2 for a mistake of the user, else that of what was called."""
    words = list(sys.argv[1:] if argv is None else argv)
    words, arguments = _split(words)
    options = _parser().parse_args(words)
    try:
        job = load_job(options.file, arguments, options.attempt)
        launch: Launch = options.launch(job, options)
        if not options.submit:
            print(launch.text, end="" if launch.text.endswith("\n") else "\n")
            return 0
        return launch.submit()
    except LaunchError as error:
        print(f"cluster: {error}", file=sys.stderr)
        return 2
    except FileNotFoundError as error:
        print(f"cluster: {error.filename}: not installed here", file=sys.stderr)
        return 2


def _split(words: list[str]) -> tuple[list[str], tuple[str, ...]]:
    """Divide at the first `--`: ours before it, highwater's after it."""
    if "--" not in words:
        return words, ()
    at = words.index("--")
    return words[:at], tuple(words[at + 1 :])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cluster", description=__doc__, epilog=_EPILOG)
    commands = parser.add_subparsers(required=True, metavar="{ray-job,slurm,kuberay}")
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("file", type=Path, metavar="FILE", help="the sweep file")
    shared.add_argument("--submit", action="store_true", help="do it; without this, only print it")
    shared.add_argument("--attempt", type=int, default=1, help="to submit the same thing once more (default 1)")
    _add_ray_job(commands.add_parser("ray-job", parents=[shared], help=ray_jobs.__doc__))
    _add_slurm(commands.add_parser("slurm", parents=[shared], help=slurm.__doc__))
    _add_kuberay(commands.add_parser("kuberay", parents=[shared], help=kuberay.__doc__))
    return parser


def _add_ray_job(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--results", required=True, help="where the results go: an absolute path on the head's disk")
    parser.add_argument("--address", default=ray_jobs.RayCluster.address, help="the Jobs server (default %(default)s)")
    parser.add_argument("--working-dir", type=Path, default=Path(), help="what to upload (default: here)")
    parser.add_argument("--no-wait", action="store_true", help="do not follow the job's log")
    parser.set_defaults(launch=_ray_job)


def _ray_job(job: Job, options: argparse.Namespace) -> Launch:
    cluster = ray_jobs.RayCluster(options.results, options.address, options.working_dir, wait=not options.no_wait)
    return Launch(shlex.join(ray_jobs.submit_argv(job, cluster)), lambda: ray_jobs.submit(job, cluster))


def _add_slurm(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--nodes", type=int, required=True, help="whole nodes")
    parser.add_argument("--cpus", type=int, required=True, help="CPUs of a node")
    parser.add_argument("--time", default=slurm.Allocation.time, help="limit of one run (default %(default)s)")
    parser.add_argument("--directory", type=Path, default=Path(), help="checkout that all nodes see (default: here)")
    parser.add_argument("--token", type=Path, default=Path("~/.ray/auth_token"), help="default %(default)s")
    for option in ("partition", "account", "qos"):
        parser.add_argument(f"--{option}", default="", help="as the site wants it")
    parser.set_defaults(launch=_slurm)


def _slurm(job: Job, options: argparse.Namespace) -> Launch:
    allocation = slurm.Allocation(
        nodes=options.nodes,
        cpus=options.cpus,
        directory=options.directory.absolute(),
        token=options.token.expanduser().absolute(),
        time=options.time,
        partition=options.partition,
        account=options.account,
        qos=options.qos,
    )
    return Launch(slurm.script(job, allocation), lambda: slurm.submit(job, allocation))


def _add_kuberay(parser: argparse.ArgumentParser) -> None:
    defaults = kuberay.Pods
    parser.add_argument("--image", required=True, help="an image with highwater[cluster] installed")
    parser.add_argument("--claim", required=True, help="PersistentVolumeClaim for the results")
    parser.add_argument("--workers", type=int, default=defaults.workers, help="worker pods (default %(default)s)")
    parser.add_argument("--cpus", type=int, default=defaults.cpus, help="CPUs of a worker pod (default %(default)s)")
    parser.add_argument("--memory", default=defaults.memory, help="memory of a worker pod (default %(default)s)")
    parser.add_argument("--namespace", default="", help="default: kubectl's own")
    parser.set_defaults(launch=_kuberay)


def _kuberay(job: Job, options: argparse.Namespace) -> Launch:
    pods = kuberay.Pods(
        image=options.image,
        claim=options.claim,
        workers=options.workers,
        cpus=options.cpus,
        memory=options.memory,
        namespace=options.namespace,
    )
    return Launch(kuberay.manifest(job, pods), lambda: kuberay.submit(job, pods))


_EPILOG = "What follows a bare -- goes to `highwater run FILE` on the other side."

if __name__ == "__main__":
    sys.exit(main())
