"""A real Slurm for the tests that need one, and the repository's own data. Run by `make cluster-test`."""

import hashlib
import os
import subprocess
from pathlib import Path

import pytest
from slurm import Slurm

ROOT = Path(__file__).resolve().parents[2]
GENOME = ROOT / "examples/ecoli/NC_000913.3.fa.gz"
MODEL = ROOT / "models/ecoli-tss-cnn.onnx"
TISMSCAN = os.environ.get("TISMSCAN", str(ROOT / ".build/release/tismscan"))
SNAKEMAKE = os.environ.get("SNAKEMAKE", str(ROOT / ".venv-snakemake/bin/snakemake"))


@pytest.fixture(scope="session")
def slurm(tmp_path_factory):
    with Slurm(tmp_path_factory.mktemp("slurm")) as cluster:
        yield cluster


def command(*arguments, expect=0, **options):
    """Runs a command; fails with its messages when the exit code is another."""
    run = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, **options)
    assert run.returncode == expect, f"{arguments}: exit {run.returncode}\n{run.stdout}\n{run.stderr}"
    return run


def results(folder):
    """Digests of everything that a run must give alike however its work was done."""
    names = [p for p in folder.iterdir() if p.suffix == ".bw" or p.name in ("run.json", "chrom.sizes")]
    assert any(p.suffix == ".bw" for p in names) and folder / "run.json" in names, sorted(folder.iterdir())
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in names}


def texts(folder):
    """What the jobs of a run said, for the message of a failed test."""
    return "\n".join(f"--- {p}\n{p.read_text()}" for p in sorted((folder / "log").glob("*.txt")))
