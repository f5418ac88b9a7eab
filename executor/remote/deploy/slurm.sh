#!/bin/bash
# A pool for one script: a worker on each node, and the script on the first.
#   sbatch executor/remote/deploy/slurm.sh script.clv
#SBATCH --job-name=cleave
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=32
#SBATCH --mem=64G
#SBATCH --time=01:00:00
# Two minutes before the end workers hear of it, and finish what they have.
#SBATCH --signal=TERM@120
set -euo pipefail

script=${1:?give a script: sbatch slurm.sh script.clv}
port=${CLEAVE_PORT:-7711}
memory=$((SLURM_MEM_PER_NODE * 8 / 10))MiB
mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")

# A folder of the shared file system that only this user can read; it goes when the job ends.
umask 077
secrets=$(mktemp -d "${SLURM_SUBMIT_DIR}/.cleave-${SLURM_JOB_ID}-XXXXXX")
trap 'rm -rf "$secrets"' EXIT
cleave certs new "$secrets/certs" "${nodes[@]}" > /dev/null

srun --kill-on-bad-exit=0 bash -c '
  exec cleave worker --listen "$(hostname -i | cut -d" " -f1):'"$port"'" --tls-dir "'"$secrets"'/certs" \
    --threads "$SLURM_CPUS_PER_TASK" --memory "'"$memory"'" --name "$SLURMD_NODENAME" \
    --data-root "$SLURM_SUBMIT_DIR" --write-root "$SLURM_SUBMIT_DIR" --spill-dir "${TMPDIR:-/tmp}"' &
workers=$!

# A worker is ready when its port is.
for node in "${nodes[@]}"; do
  for _ in {1..60}; do
    if (exec 3<> "/dev/tcp/$node/$port") 2> /dev/null; then break; fi
    sleep 1
  done
done

pool=$(printf "%s:$port," "${nodes[@]}")
status=0
cleave run --tls-dir "$secrets/certs" --scheduler "workers://${pool%,}" "$script" || status=$?
kill -TERM "$workers" 2> /dev/null || true
wait "$workers" || true
exit "$status"
