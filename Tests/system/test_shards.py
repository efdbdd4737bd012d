"""Shards of the E. coli genome: the same bytes whatever the cut, order, threads, instruction set and interruptions; kills at
random moments, a full disk, signals, too little memory."""

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest
from conftest import GENOME, MODEL, TISMSCAN, tismscan

REGION = "NC_000913.3:3,350,001-3,620,000"
# What a run is known by is left out: how the work is cut, and what byte identity does not cover.
OWN = {"manifest.json", "request.json"}

# Name, options, and whether shards may be cut anywhere.
KINDS = [
    ("exact", ["--method", "predict", "ism", "--reduce", "importance", "alt", "--calls", "0.2", "--region",
               "NC_000913.3:3,400,001-3,420,000"], True),
    ("hybrid", ["--method", "tism", "--audit", "600", "--hybrid", "0.02", "--region", REGION], False),
    ("tism", ["--method", "predict", "tism", "--audit", "0", "--format", "bigwig,bedgraph", "--region", REGION], True),
]


def plan(run, options, shards):
    return tismscan("plan", "--model", MODEL, "--genome", GENOME, *options, "--shards", shards, "--output", run)


def digests(run):
    """sha256 of every output of a run, by name."""
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(run.iterdir())
            if p.is_file() and p.name not in OWN}


def count(run):
    return len(json.loads((run / "manifest.json").read_text())["shards"])


def start(*arguments, **environment):
    return subprocess.Popen([TISMSCAN, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                            env={**os.environ, **environment})


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind[0])
def kind(request, tmp_path_factory):
    """Options of a run, and what one go with one thread gives."""
    name, options, anywhere = request.param
    folder = tmp_path_factory.mktemp(name)
    run = folder / "whole"
    tismscan("scan", "--model", MODEL, "--genome", GENOME, *options, "--threads", 1, "--output", run)
    outputs = digests(run)
    assert {"run.json", "chrom.sizes", "igv_session.xml"} < set(outputs) and len(outputs) >= 5
    print(f"\n{name}:", *(f"\n  {digest}  {file}" for file, digest in outputs.items()))
    return folder, options, anywhere, outputs


@pytest.mark.parametrize("shards", [1, 7, 500])
def test_any_cut_and_order(kind, shards):
    folder, options, anywhere, outputs = kind
    run = folder / f"cut{shards}"
    planned = plan(run, options, shards)
    # 270 kb touch 5 blocks of 65,536 bases, which audits keep whole.
    assert count(run) == (shards if anywhere else min(shards, 5))
    assert ("blocks of 65536 bases" in planned.stderr) == (not anywhere and shards > 5)
    order = list(range(1, count(run) + 1))
    random.Random(shards).shuffle(order)
    # A part of the shards on a node without AVX-512, some one by one, the rest with all threads.
    half = ",".join(map(str, order[: len(order) // 2]))
    if half:
        subprocess.run([TISMSCAN, "scan", "--run", run, "--shard", half, "--quiet"], check=True,
                       env={**os.environ, "TISMSCAN_ISA": "v3"})
    for number in order[len(order) // 2:][:3]:
        tismscan("scan", "--run", run, "--shard", number, "--threads", 1)
    tismscan("scan", "--run", run, "--threads", 4)
    tismscan("merge", run)
    assert digests(run) == outputs


def kill_at_random(generator, kills, begin):
    """Begins processes and kills them at random moments until `kills` of them did not end before. How long they are let
    run follows from how long they take here and now, so that the kills fall on all of their work."""
    longest, rounds = 1.0, 0
    while kills > 0:
        rounds += 1
        assert rounds < 300, "the processes end before they can be killed"
        processes = begin()
        time.sleep(generator.uniform(0, longest))
        for process in processes:
            process.kill()
        killed = [process.wait() == -signal.SIGKILL for process in processes]
        kills -= sum(killed)
        longest *= 1.3 if all(killed) else 0.7


def test_killed_and_resumed(kind):
    """Scans and merges killed at random moments, two at a time."""
    folder, options, _, outputs = kind
    run = folder / "killed"
    plan(run, options, 40)
    begin = time.monotonic()

    def two_scans():
        # What was done is lost in part, so that there is always work to be killed at.
        for path in (run / "shards").glob("*.shard"):
            if generator.random() < 0.4:
                path.unlink()
        part = f"{generator.randint(1, 3)}/3"
        return [start("scan", "--run", run, "--threads", 2),
                start("scan", "--run", run, "--part", part, TISMSCAN_ISA="v3")]

    generator = random.Random()
    kill_at_random(generator, 40, two_scans)
    tismscan("scan", "--run", run)
    kill_at_random(generator, 8, lambda: [start("merge", run)])
    tismscan("merge", run)
    print(f"\n48 processes killed in {time.monotonic() - begin:.0f} s")
    assert digests(run) == outputs
    assert not [p for p in run.rglob(".*")]


def test_signals(tmp_path):
    run = tmp_path / "run"
    plan(run, KINDS[2][1], 30)
    for number, expected in [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGUSR1, 4)]:
        process = start("scan", "--run", run, "--threads", 1)
        done = len(list((run / "shards").glob("*.shard")))
        while len(list((run / "shards").glob("*.shard"))) == done:
            assert process.poll() is None
            time.sleep(0.01)
        running = json.loads(tismscan("status", run, "--json").stdout)["running"]
        assert [worker["process"] for worker in running] == [process.pid]
        process.send_signal(number)
        assert process.wait() == expected
        assert not [p for p in run.rglob(".*")]
    assert tismscan("scan", "--run", run, "--stop-after", "0.5s", expect=4).stderr.count("run the same command again")
    status = json.loads(tismscan("status", run, "--json").stdout)
    assert 3 <= status["done"] < 30 and status["failed"] == [] and status["running"] == []


def test_time_too_short_for_a_shard(tmp_path):
    """No pause that the same command would go on from: the first shard is not done, and would not be the next time."""
    run = tmp_path / "run"
    plan(run, ["--method", "ism", "--region", "NC_000913.3:1-60,000"], 1)
    failed = tismscan("scan", "--run", run, "--threads", 1, "--stop-after", "4s", expect=1)
    assert "too short for a whole shard" in failed.stderr and "plan more shards" in failed.stderr
    assert not list((run / "shards").iterdir())


def test_full_disk(tmp_path):
    """A disk that fills up while a scan writes: an error, nothing half-written, and the rest once there is room."""
    if subprocess.run(["unshare", "-rm", "true"]).returncode:
        pytest.skip("no mount namespaces here")
    script = tmp_path / "script.sh"
    script.write_text(f"""set -eu
mount -t tmpfs -o size=12m tmpfs "$1"
{TISMSCAN} plan --model {MODEL} --genome {GENOME} --method tism --audit 0 --region {REGION} --shards 30 \
  --output "$1/run" > /dev/null
{TISMSCAN} scan --run "$1/run" 2> "$1.messages" &
while [ -z "$(ls "$1/run/shards")" ]; do sleep 0.01; done
cat /dev/zero > "$1/filler" 2> /dev/null || true
wait $! || echo $? > "$1.code"
find "$1/run" -name '.*' > "$1.left"
ls "$1/run/shards" | wc -l > "$1.done"
# Now it is known beforehand.
{TISMSCAN} scan --run "$1/run" 2>> "$1.messages" || echo $? >> "$1.code"
rm "$1/filler"
{TISMSCAN} scan --run "$1/run"
{TISMSCAN} merge "$1/run"
cp -r "$1/run" "$1.kept"
""")
    disk = tmp_path / "disk"
    disk.mkdir()
    ended = subprocess.run(["unshare", "-rm", "bash", script, disk], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    messages = (tmp_path / "disk.messages").read_text()
    assert (tmp_path / "disk.code").read_text().split() == ["1", "1"], messages
    assert "No space left on device" in messages and "make room" in messages
    assert 1 <= int((tmp_path / "disk.done").read_text()) < 30
    assert (tmp_path / "disk.left").read_text() == ""
    whole = tmp_path / "whole"
    tismscan("scan", "--model", MODEL, "--genome", GENOME, "--method", "tism", "--audit", "0", "--region", REGION,
             "--output", whole)
    # The session names the genome by its way from the folder.
    assert digests(tmp_path / "disk.kept") | {"igv_session.xml": ""} == digests(whole) | {"igv_session.xml": ""}


# Starts a program and prints its peak in KiB. Not from here: a process begins with the peak of the one that it was forked
# from, and this one is large.
PEAK = """import os, sys
_, status, used = os.wait4(os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ), 0)
print(used.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))"""


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("options", [["--audit", "0"], ["--audit", "600"], ["--hybrid", "0.02"]], ids=["tism", "audit", "hybrid"])
def test_memory_stays_below_the_limit(tmp_path, options, threads):
    for limit in (160, 400):
        run = tmp_path / f"run{limit}"
        measured = subprocess.run(
            [sys.executable, "-S", "-c", PEAK, TISMSCAN, "scan", "--model", MODEL, "--genome", GENOME, "--method", "tism",
             *options, "--region", "NC_000913.3:1-200,000", "--threads", str(threads), "--max-memory", f"{limit}M",
             "--output", run], capture_output=True, text=True)
        if measured.returncode:  # Where one block with its audit is too much.
            assert measured.returncode == 1 and limit == 160 and "0" not in options, measured.stderr
            assert "give at least --max-memory" in measured.stderr
            continue
        assert ("audit" in json.loads((run / "manifest.json").read_text())["settings"]) == (options[1] == "600")
        peak = int(measured.stdout)
        print(*options, threads, "threads:", peak // 1024, "of", limit, "MiB")
        assert 10 * 1024 < peak < limit * 1024


def test_too_little_memory(tmp_path):
    """Refused by name where even one thread is too much."""
    run = tmp_path / "run"
    plan(run, ["--method", "tism", "--audit", "0"], 1)
    refused = tismscan("scan", "--run", run, "--max-memory", "8M", expect=1)
    assert "give at least --max-memory" in refused.stderr
