#!/usr/bin/env python3
"""Time and memory of plan, scan and merge from 10 kbp to 1 Gbp: scaling.py TISMSCAN FOLDER OUTPUT [LARGEST [SMALLEST]].

Random genomes of one contig and a network of one dense layer over windows of 1,000 bases, so that what is measured is the
way from a genome to tracks and not a network. Writes OUTPUT.tsv and OUTPUT.png. 1 Gbp takes 6 GB of disk."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

WINDOW = 1_000


def varint(n):
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + bytes([n]))


def field(number, value):
    """One field of a protobuf message: an integer, or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def model(path):
    """Flatten and one dense layer, [N, 4, WINDOW] -> [N, 1], as an ONNX file."""
    weights = (np.random.default_rng(0).standard_normal(4 * WINDOW) * 0.02).astype("<f4").tobytes()
    tensor = field(1, 4 * WINDOW) + field(1, 1) + field(2, 1) + field(8, "w") + field(9, weights)
    flatten = field(1, "x") + field(2, "f") + field(4, "Flatten")
    dense = field(1, "f") + field(1, "w") + field(2, "y") + field(4, "MatMul")

    def port(name, *sizes):
        dims = b"".join(field(1, field(2, s) if isinstance(s, str) else field(1, s)) for s in sizes)
        return field(1, name) + field(2, field(1, field(1, 1) + field(2, dims)))

    graph = (field(1, flatten) + field(1, dense) + field(2, "g") + field(5, tensor)
             + field(11, port("x", "n", 4, WINDOW)) + field(12, port("y", "n", 1)))
    path.write_bytes(field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 13)))


def genome(path, bases):
    """A FASTA of one random contig with its index, a line of 100 bases at a time."""
    generator = np.random.default_rng(1)
    letters = np.frombuffer(b"ACGT", dtype="u1")
    with open(path, "wb") as out:
        out.write(b">contig\n")
        for start in range(0, bases, 10_000_000):
            count = min(10_000_000, bases - start)
            lines = np.full((count // 100, 101), 10, dtype="u1")
            lines[:, :100] = letters[generator.integers(0, 4, count, dtype="u1")].reshape(-1, 100)
            out.write(lines.tobytes())
    Path(f"{path}.fai").write_text(f"contig\t{bases}\t8\t100\t101\n")


def measured(*command):
    """Seconds, processor seconds and the peak of resident memory in MiB of a command."""
    start = time.monotonic()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL)
    peak = 0
    # The peak that wait4 gives is also that of this program, which the process was forked from.
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        status = Path(f"/proc/{process.pid}/status").read_text()
        peak = max([peak] + [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")])
        time.sleep(0.01)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{command}: status {status}")
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, peak / 1024


def main(tismscan, folder, output, largest=1e9, smallest=1e4):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    model(folder / "model.onnx")
    rows = []
    bases = int(float(smallest))
    while bases <= float(largest):
        genome(folder / "genome.fa", bases)
        run = folder / "run"
        shutil.rmtree(run, ignore_errors=True)
        # Windows do not overlap and a window's prediction fills it: 1 Gbp is a million runs of equal values.
        steps = {
            "plan": ["plan", "--model", folder / "model.onnx", "--genome", folder / "genome.fa", "--method", "predict",
                     "--step", WINDOW, "--strand", "+", "--format", "bedgraph", "--output", run, "--quiet"],
            "scan": ["scan", "--run", run, "--quiet"],
            "merge": ["merge", run, "--quiet"],
        }
        for step, command in steps.items():
            seconds, processor, memory = measured(tismscan, *command)
            rows.append((bases, step, seconds, processor, memory))
            print(*rows[-1][:2], *(f"{value:.2f}" for value in rows[-1][2:]), sep="\t", flush=True)
        bases *= 10
    shutil.rmtree(folder)
    with open(f"{output}.tsv", "w") as out:
        out.write("bases\tstep\tseconds\tprocessor_seconds\tpeak_mib\n")
        out.writelines(f"{b}\t{s}\t{t:.2f}\t{c:.2f}\t{m:.1f}\n" for b, s, t, c, m in rows)
    draw(rows, f"{output}.png")


def draw(rows, path):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.5))
    for axis, column, label in [(axes[0], 3, "processor seconds"), (axes[1], 4, "peak memory, MiB")]:
        for step in ("plan", "scan", "merge"):
            own = [row for row in rows if row[1] == step]
            axis.plot([row[0] for row in own], [row[column] for row in own], "o-", label=step)
        axis.set(xscale="log", xlabel="bases", ylabel=label)
    axes[0].set_yscale("log")
    axes[1].set_ylim(bottom=0)
    axes[0].legend()
    figure.tight_layout()
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main(*sys.argv[1:])
