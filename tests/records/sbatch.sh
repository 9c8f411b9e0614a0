#!/bin/bash
#SBATCH --job-name=highwater-duel-431a909e-1
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=32
#SBATCH --mem=0
#SBATCH --time=04:00:00
#SBATCH --signal=B:USR1@120
#SBATCH --open-mode=append
#SBATCH --partition=batch
#SBATCH --exclusive
#SBATCH --requeue

set -uo pipefail
umask 077
cd -- /shared/highwater || exit 1
. .venv/bin/activate || exit 1

# Every node and client shows the same token; it is on no command line.
export RAY_AUTH_MODE=token
export RAY_AUTH_TOKEN_PATH=/shared/secret/auth_token
export RAY_SYMMETRIC_RUN_CLUSTER_WAIT_TIMEOUT=300
export RAY_ENABLE_UV_RUN_RUNTIME_ENV=0
export RAY_USAGE_STATS_ENABLED=0
export RAY_task_oom_retries=3

head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
state=$(mktemp -d)
time_is_up=

# Only highwater hears of it: it finishes what runs and commits, and Ray stays up meanwhile.
drain() { [ ! -s "$state/pid" ] || kill -TERM "$(cat "$state/pid")"; }
trap 'time_is_up=yes; drain' USR1
trap drain TERM

# Compiled code is kept on each node's own disk, in a directory that nobody else could have prepared.
node='export HIGHWATER_CACHE_DIR=$(mktemp -d); "$@"; code=$?; rm -rf "$HIGHWATER_CACHE_DIR"; exit "$code"'
# The driver runs on the first node, where this script runs too, so its process id is at hand.
supervise='"${@:2}" & echo "$!" >"$1/pid"; wait "$!"; code=$?; echo "$code" >"$1/code"; exit "$code"'
srun --cpus-per-task="$SLURM_CPUS_PER_TASK" bash -c "$node" node \
    ray symmetric-run --address "$head:6379" --min-nodes "$SLURM_NNODES" --num-cpus "$SLURM_CPUS_PER_TASK" -- \
    bash -c "$supervise" supervise "$state" \
    highwater run configs/sweeps/duel.yaml --address auto &
steps=$!
while kill -0 "$steps" 2>/dev/null; do wait "$steps"; done

code=$(cat "$state/code" 2>/dev/null || echo 1)
rm -rf "$state"
if [ "$code" = 75 ] && [ -n "$time_is_up" ]; then scontrol requeue "$SLURM_JOB_ID"; fi
exit "$code"
