"""`pipelines/slurm`: a whole genome as a job array over two nodes, one of which is lost in the middle of its work."""

import json
import os
import signal
from pathlib import Path

import pytest
from conftest import GENOME, MODEL, ROOT, TISMSCAN, command, results, texts

PLAN = ["--genome", GENOME, "--model", MODEL, "--method", "predict,tism"]
SUBMIT = ROOT / "pipelines/slurm/submit.sh"


@pytest.fixture(scope="module")
def one_process(tmp_path_factory):
    folder = tmp_path_factory.mktemp("one") / "run"
    command(TISMSCAN, "scan", *PLAN, "--output", folder)
    return folder


def submit(slurm, run, *plan, **resources):
    environment = {**slurm.environment, "TISMSCAN": TISMSCAN, "CPUS": "1", "MEMORY": "900M", "TIME": "30", **resources}
    said = command(SUBMIT, run, *plan, env=environment).stdout
    jobs = said.split("squeue --jobs=")[1].split()[0].split(",")
    return said, jobs


def ended(slurm, job):
    return all(state not in ("PENDING", "RUNNING", "COMPLETING", "SUSPENDED", "REQUEUED")
               for state, _ in slurm.queue(job).values())


def scanner(slurm, node):
    """The scanning process on a node, once it writes a shard."""
    for process in slurm.processes():
        try:
            environment = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
            program = os.readlink(f"/proc/{process}/exe")
        except OSError:
            continue
        if program == os.path.realpath(TISMSCAN) and f"SLURMD_NODENAME={node}".encode() in environment:
            return process
    return None


def events(run, process):
    """Lines of the log of the process with this id."""
    lines = [[json.loads(line) for line in log.read_text().splitlines()] for log in (run / "log").glob("*.jsonl")]
    return next((own for own in lines if own and own[0].get("process") == process), [])


def shards(run, process):
    return {event["shard"] for event in events(run, process) if event["event"] == "shard"}


def test_a_lost_node_changes_nothing(slurm, one_process, tmp_path):
    run = tmp_path / "run"
    _, (array, merge) = submit(slurm, run, *PLAN, "--shards", "24", TASKS="4")

    # Both nodes scan; one has a shard done and others before it.
    slurm.wait("both nodes", lambda: {n for s, n in slurm.queue(array).values() if s == "RUNNING"} == {"red", "blue"})
    orphan = slurm.wait("a scan on red", lambda: scanner(slurm, "red"))
    slurm.wait("a shard of red", lambda: shards(run, orphan), 300)
    task = next(i for i, (state, node) in slurm.queue(array).items() if (state, node) == ("RUNNING", "red"))

    # The node is lost. What it ran goes on, but for the test not before the task runs again. (A stopped process group that
    # loses its parent gets SIGHUP from the kernel, which ends the first start: then only what it left is there.)
    assert slurm.fail_node("red"), "a step daemon was killed"
    os.kill(orphan, signal.SIGSTOP)
    slurm.wait("the requeue", lambda: slurm.queue(array)[task][0] == "PENDING", 180)
    goes_on = Path(f"/proc/{orphan}").exists()

    # The node comes back; the task starts anew while the step of its first start writes on.
    slurm.start_node("red")
    number = task.split("_")[1]
    slurm.wait("the second start", lambda: "start 1" in (run / f"log/scan-{number}.txt").read_text(), 300)
    if goes_on:
        os.kill(orphan, signal.SIGCONT)
    slurm.wait("the merge", lambda: ended(slurm, merge), 600)

    assert {state for state, _ in {**slurm.queue(array), **slurm.queue(merge)}.values()} == {"COMPLETED"}, texts(run)
    slurm.wait("the end of the first start", lambda: not Path(f"/proc/{orphan}").exists(), 120)
    starts = [lines for log in (run / "log").glob("*.jsonl")
              if (lines := [json.loads(line) for line in log.read_text().splitlines()])
              and lines[0].get("command") == "scan"]
    others = {e["shard"] for lines in starts if lines[0]["process"] != orphan for e in lines if e["event"] == "shard"}
    assert not goes_on or shards(run, orphan) & others, "both starts of the task wrote the same shard"
    assert not list((run / "shards").glob(".*")), "nothing temporary is left"
    assert results(run) == results(one_process)


def test_what_is_missing_is_submitted_again(slurm, tmp_path):
    run = tmp_path / "run"
    region = ["--region", "NC_000913.3:1,000,001-1,400,000", "--shards", "6"]
    _, jobs = submit(slurm, run, *PLAN, *region, TASKS="3")
    slurm.wait("the merge", lambda: ended(slurm, jobs[-1]), 300)
    first = results(run)

    (run / "run.json").unlink()
    (run / "shards/000005.shard").unlink()
    said, jobs = submit(slurm, run, TASKS="3")
    slurm.wait("the merge", lambda: ended(slurm, jobs[-1]), 300)
    assert "tasks 2 of 3" in said
    assert results(run) == first, texts(run)
    said, jobs = submit(slurm, run)
    assert len(jobs) == 1, "only the merge is left, which has nothing to do"
    slurm.wait("the merge", lambda: ended(slurm, jobs[-1]), 60)


def test_a_task_that_stopped_early_goes_back_to_the_queue(slurm, tmp_path):
    run = tmp_path / "run"
    _, (array, merge) = submit(slurm, run, *PLAN, "--region", "NC_000913.3:1-500,000", "--shards", "8", TASKS="1")
    scan = slurm.wait("a scan", lambda: scanner(slurm, "red") or scanner(slurm, "blue"))
    slurm.wait("a shard", lambda: shards(run, scan), 300)
    # What the scan does by itself when its wall time is near: the rest is left, exit 4.
    os.kill(scan, signal.SIGUSR1)
    slurm.wait("the merge", lambda: ended(slurm, merge), 300)
    said = (run / "log/scan-1.txt").read_text()
    assert "start 0" in said and "start 1" in said, said
    assert {state for state, _ in {**slurm.queue(array), **slurm.queue(merge)}.values()} == {"COMPLETED"}, texts(run)
    assert (run / "run.json").exists()
