"""The built program and the repository's own data. Run by `make test-system`."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GENOME = ROOT / "examples/ecoli/NC_000913.3.fa.gz"
MODEL = ROOT / "models/ecoli-tss-cnn.onnx"
TISMSCAN = os.environ.get("TISMSCAN", str(ROOT / ".build/release/tismscan"))


def tismscan(*arguments, expect=0):
    """Runs the program; fails with its messages when the exit code is another."""
    run = subprocess.run([TISMSCAN, *map(str, arguments)], capture_output=True, text=True, cwd=ROOT)
    assert run.returncode == expect, f"exit {run.returncode}\n{run.stdout}\n{run.stderr}"
    return run


def sequence(contig, start, end, strand="+"):
    """Bases of the genome by samtools, 0-based half-open, in strand direction."""
    run = subprocess.run(
        ["samtools", "faidx", *(["-i"] if strand == "-" else []), str(GENOME), f"{contig}:{start + 1}-{end}"],
        capture_output=True, text=True, check=True)
    return "".join(run.stdout.splitlines()[1:]).upper()


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """The demo, made once by its own script."""
    folder = tmp_path_factory.mktemp("demo")
    run = subprocess.run(
        [ROOT / "scripts/demo.sh", folder, str(os.cpu_count()), "regions"], capture_output=True, text=True,
        env={**os.environ, "TISMSCAN": TISMSCAN})
    assert run.returncode == 0, run.stdout + run.stderr
    return folder
