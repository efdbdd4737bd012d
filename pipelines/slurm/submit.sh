#!/usr/bin/env bash
# Plans a scan and submits it to Slurm as a job array with the merge behind it:
#
#   pipelines/slurm/submit.sh RUN --genome ref.fa --model model.onnx [other options of tismscan plan]
#   pipelines/slurm/submit.sh RUN           # again, for what is missing: lost nodes, wall time, cancelled tasks
#
# RUN is a folder that all nodes see. Resources, by the environment, each for one task of the array:
#   CPUS=4  MEMORY=2G  TIME=4:00:00
# TASKS=1000 is how many tasks there are at most, each with several shards; AT_ONCE=200 how many run at a time.
# What the site wants besides, by sbatch's own variables: SBATCH_PARTITION, SBATCH_ACCOUNT, SBATCH_QOS, ...
# TISMSCAN names the program (default: this repository's build, else the one on the path).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
fail() {
  echo "error: $*" >&2
  exit 2
}

run=${1:-}
[ -n "$run" ] && [ "${run#-}" = "$run" ] || fail "say which folder first: submit.sh RUN [options of tismscan plan]"
shift
command -v sbatch >/dev/null || fail "there is no sbatch here: start this where jobs are submitted to Slurm"
built="$here/../../.build/release/tismscan"
[ -x "$built" ] || built=tismscan
tismscan=$(command -v "${TISMSCAN:-$built}") ||
  fail "there is no program ${TISMSCAN:-$built}: build it by make build, or set TISMSCAN"
tismscan=$(realpath "$tismscan")

if [ $# -gt 0 ]; then
  "$tismscan" plan "$@" --output "$run"
elif [ ! -e "$run/manifest.json" ]; then
  fail "$run has no plan yet: submit.sh $run --genome ref.fa --model model.onnx [other options of tismscan plan]"
fi
run=$(realpath "$run")
mkdir -p "$run/log"

state=$("$tismscan" status "$run" --json)
shards=$(sed -nE 's/^ *"shards" *: *([0-9]+),?$/\1/p' <<<"$state")
missing=$(sed -nE 's/^ *"missing" *: *"([-0-9, ]*)",?$/\1/p' <<<"$state")
tasks=${TASKS:-1000}
[[ "$tasks" =~ ^[1-9][0-9]*$ ]] || fail "TASKS=$tasks: a whole number of array tasks"
tasks=$((tasks < shards ? tasks : shards))
# Task K has the shards K, K + tasks, ...; only tasks with a missing shard are sent.
wanted=$(tr -d ' ' <<<"$missing" | tr ',' '\n' |
  awk -F- -v tasks="$tasks" 'NF { for (n = $1; n <= $NF; n++) print (n - 1) % tasks + 1 }' | sort -nu | paste -sd,)
[ "$wanted" != "$(seq -s, "$tasks")" ] || wanted="1-$tasks"
resources=(--nodes=1 --ntasks=1 --cpus-per-task="${CPUS:-4}" --mem="${MEMORY:-2G}" --time="${TIME:-4:00:00}"
  --requeue --open-mode=append)

dependency=()
if [ -n "$wanted" ]; then
  array=$(sbatch --parsable "${resources[@]}" --array="$wanted${AT_ONCE:+%$AT_ONCE}" --job-name=tismscan \
    --output="$run/log/scan-%a.txt" "$here/scan.sbatch" "$tismscan" "$run" "$tasks")
  array=${array%%;*}
  # After any end of the array, not only a good one: the merge is what says which shards are missing.
  dependency=(--dependency="afterany:$array")
  echo "submitted: array $array, tasks $wanted of $tasks, for $shards shards"
fi
merge=$(sbatch --parsable "${resources[@]}" "${dependency[@]}" --job-name=tismscan-merge \
  --output="$run/log/merge.txt" "$here/merge.sbatch" "$tismscan" "$run")
merge=${merge%%;*}
cat <<END
submitted: merge $merge
  squeue --jobs=${array:+$array,}$merge
      the jobs
  $tismscan status $run
      shards done, running and failed, and the time left
  $run/log
      what each task says
END
