#!/usr/bin/env bash
# Starts the workflow: run.sh PROFILE [arguments of snakemake]. PROFILE is local, slurm, or a folder with an own profile.
# Run it again after an interruption: it goes on with what is missing.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
snakemake=${SNAKEMAKE:-snakemake}
fail() {
  echo "error: $*" >&2
  exit 2
}

profile=${1:-}
[ -n "$profile" ] || fail "say which profile: run.sh local|slurm|FOLDER [arguments of snakemake]"
shift
case "$profile" in
  */*) [ -f "$profile/config.yaml" ] || fail "profile $profile: there is no $profile/config.yaml" ;;
  *)
    known=$(cd "$here/profiles" && ls)
    [ -d "$here/profiles/$profile" ] ||
      fail "profile $profile is not known: choose among $(paste -sd' ' <<<"$known"), or name a folder with a profile"
    profile="$here/profiles/$profile"
    ;;
esac
if grep -qE '^executor: *slurm' "$profile/config.yaml" && ! command -v sbatch >/dev/null; then
  fail "there is no sbatch here: start this where jobs are submitted to Slurm, or use PROFILE=local"
fi
command -v "$snakemake" >/dev/null ||
  fail "there is no snakemake here: pip install -r pipelines/snakemake/requirements.txt, or use make cluster-scan"
exec "$snakemake" --snakefile "$here/Snakefile" --profile "$profile" "$@"
