"""Launch only: where the workers of a sweep live. Nothing here knows what a sweep does.

`ray_jobs` submits to a Ray cluster that runs already, `slurm` and `kuberay` make one for the time of a sweep, and
`ray_up.yaml` and `ray_up_local.yaml` describe one for `ray up`. `python -m cluster` prints what it would do; with
`--submit` it does it.

Only the standard library is imported, so that a login node needs no more than Python.
"""
