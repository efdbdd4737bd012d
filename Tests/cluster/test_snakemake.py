"""`pipelines/snakemake` on this machine and on Slurm, against one process; what both pipelines say to a user's errors."""

import json
import os
import re
import shutil

import pytest
from conftest import GENOME, MODEL, ROOT, SNAKEMAKE, TISMSCAN, command, results

RUN = ROOT / "pipelines/snakemake/run.sh"
REGION = "NC_000913.3:2,000,001-2,400,000"
# The test's Slurm has no accounting, and its jobs are short.
SITE = ["--slurm-no-account", "--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "2",
        "--latency-wait", "10"]


@pytest.fixture(scope="module")
def one_process(tmp_path_factory):
    folder = tmp_path_factory.mktemp("one") / "run"
    command(TISMSCAN, "scan", "--genome", GENOME, "--model", MODEL, "--method", "tism", "--region", REGION,
            "--output", folder)
    return folder


def workflow(folder, profile, *arguments, environment=os.environ, expect=0, **changes):
    """Starts the workflow in a folder; keys of the configuration that are None are left out."""
    small = {"threads": 1, "mem_mb": 900, "runtime": 20}
    config = {"genome": GENOME, "model": MODEL, "tismscan": TISMSCAN, "options": f"--method tism --region {REGION}",
              "output": "run", "shards": 6, "tasks": 3, "plan": small, "scan": small, "merge": small, **changes}
    settings = {key: value for key, value in config.items() if value is not None}
    (folder / "config.yaml").write_text(json.dumps(settings, default=str))
    run = command(RUN, profile, "--configfile", "config.yaml", "--nocolor", *arguments, expect=expect, cwd=folder,
                  env={**environment, "SNAKEMAKE": SNAKEMAKE, "HOME": str(folder)})
    return run.stdout + run.stderr


def jobs(said):
    """How many jobs of each rule Snakemake counts: {'scan': 3, ...}."""
    return {rule: int(count) for rule, count in re.findall(r"^(all|plan|scan|merge) +(\d+)$", said, re.MULTILINE)}


def test_slurm_gives_the_bytes_of_one_process(slurm, one_process, tmp_path):
    slurm.wait("two idle nodes", lambda: set(slurm.states().values()) == {"idle"})
    workflow(tmp_path, "slurm", *SITE, environment=slurm.environment)
    assert results(tmp_path / "run") == results(one_process)
    assert len(list((tmp_path / "run/log").glob("scan-*-of-3.txt"))) == 3
    assert jobs(workflow(tmp_path, "slurm", *SITE, "--dry-run", environment=slurm.environment)) == {}


def test_only_what_is_missing_runs(one_process, tmp_path):
    assert jobs(workflow(tmp_path, "local", "--dry-run")) == {"all": 1, "plan": 1, "scan": 3, "merge": 1}
    assert not (tmp_path / "run").exists(), "a dry run makes nothing"
    workflow(tmp_path, "local")
    assert results(tmp_path / "run") == results(one_process)

    (tmp_path / "run/.pipeline/scan-2-of-3.done").unlink()
    (tmp_path / "run/run.json").unlink()
    (tmp_path / "run/shards/000005.shard").unlink()
    assert jobs(workflow(tmp_path, "local", "--dry-run")) == {"all": 1, "scan": 1, "merge": 1}
    workflow(tmp_path, "local")
    assert results(tmp_path / "run") == results(one_process)


def test_another_plan_is_refused(one_process, tmp_path):
    shutil.copytree(one_process, tmp_path / "run")
    said = workflow(tmp_path, "local", expect=1, options="--method predict")
    assert "holds a run with other settings" in said, "the log of a failed job is shown"
    assert results(tmp_path / "run") == results(one_process)


@pytest.mark.parametrize("changes, words", [
    ({"genome": None}, "'genome' is a required property"),
    ({"shard": 3}, "'shard' was unexpected"),
    ({"scan": {"threads": 0}}, "scan: threads: 0 is less than the minimum of 1"),
    ({"tasks": 1001}, "tasks: 1001 is greater than the maximum of 1000"),
    ({"genome": "genome.fa"}, "samtools faidx genome.fa"),
    ({"model": "none.onnx"}, "there is no file none.onnx"),
    ({"tismscan": "no-such-program"}, "no-such-program is no program here"),
])
def test_configuration_errors(tmp_path, changes, words):
    (tmp_path / "genome.fa").write_text(">a\nACGT\n")
    said = workflow(tmp_path, "local", "--dry-run", expect=1, **changes)
    assert words in said
    assert len(said.splitlines()) < 12, "no dump of the schema"


def test_profiles(tmp_path):
    assert "choose among local slurm" in workflow(tmp_path, "slrum", expect=2)
    assert "there is no mine/config.yaml" in workflow(tmp_path, "mine/", expect=2).replace("//", "/")


@pytest.mark.parametrize("script, arguments", [
    ("snakemake/run.sh", ["slurm"]), ("slurm/submit.sh", ["run", "--genome", "g.fa", "--model", "m.onnx"])])
def test_no_slurm_here(tmp_path, script, arguments):
    for tool in ("bash", "dirname", "grep", "ls", "paste"):
        (tmp_path / tool).symlink_to(shutil.which(tool))
    run = command(ROOT / "pipelines" / script, *arguments, expect=2, cwd=tmp_path, env={"PATH": str(tmp_path)})
    assert run.stderr.startswith("error: there is no sbatch here")
    assert list(tmp_path.glob("run*")) == []
