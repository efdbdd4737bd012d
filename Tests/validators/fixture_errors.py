"""Scores every fixture by the command line and compares with its float64 truth.

    fixture_errors.py TISMSCAN [FIXTURES]

Prints a table of largest errors: predictions over max(1, largest magnitude of the case), TISM and ISM over the largest magnitude
of their target. Ends with status 1 when one is not within its limit, or nothing was compared; plain float32 ISM has no limit:
it shows what differences save. Fixtures without targets (a json) are for other tests.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

CONVOLUTIONAL, MIXING = 2e-6, 2e-5
"""Limits of scores: of convolutional networks, and of those with attention, recurrence or gates over the whole sequence."""
MIXES = ("transformer", "lstm", "gru", "squeeze")


def target(description: dict) -> str:
    """As the command line takes it. Every summed target of the fixtures is a contiguous range."""
    if "index" in description:
        return f"{description['output']}:{description['index']}"
    entries = description["sum"]
    assert entries == list(range(entries[0], entries[-1] + 1))
    return f"{description['output']}:{entries[0]}-{entries[-1] + 1}"


def score(tismscan: str, model: Path, sequences: np.ndarray, targets: list[str], *options: str) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        fasta, output = Path(folder, "sequences.fa"), Path(folder, "scores.npz")
        fasta.write_text("".join(
            f">{number}\n{''.join('ACGTN'[code] for code in codes)}\n" for number, codes in enumerate(sequences)))
        command = [tismscan, "score", "--model", model, "--sequences", fasta, "--output", output, "--quiet",
                   "--output-kind", "window", *options]
        subprocess.run([str(part) for part in command + [x for t in targets for x in ("--target", t)]], check=True)
        with np.load(output) as arrays:
            return dict(arrays)


def relative(found: np.ndarray, truth: np.ndarray) -> float:
    """Largest error of (n, T, 4, L) scores over the largest magnitude of the same target."""
    axes = (0, 2, 3)
    return float((np.abs(found - truth).max(axes) / np.abs(truth).max(axes)).max())


def errors(tismscan: str, model: Path) -> dict[str, float]:
    truth = np.load(model.with_suffix(".npz"))
    targets = [target(t) for t in json.loads(model.with_suffix(".json").read_text())["targets"]]
    found = {
        method: score(tismscan, model, truth["sequences"], targets, *options)
        for method, options in {
            "TISM": ("--method", "tism"), "ISM": ("--method", "ism"),
            "ISM naive": ("--method", "ism", "--engine", "naive")}.items()}
    prediction = truth["prediction"]
    return {
        "prediction": float(
            np.abs(found["TISM"]["prediction"] - prediction).max() / max(1, np.abs(prediction).max())),
        "TISM": relative(found["TISM"]["tism"], truth["tism"]), "ISM": relative(found["ISM"]["ism"], truth["ism"]),
        "ISM naive": relative(found["ISM naive"]["ism"], truth["ism"])}


def main() -> None:
    tismscan = sys.argv[1]
    fixtures = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent.parent / "Fixtures"
    failed, compared = False, 0
    print("| case | prediction | TISM | exact ISM | ISM by float32 passes |\n|---|---:|---:|---:|---:|")
    for model in sorted(fixtures.glob("*.onnx")):
        if not model.with_suffix(".json").exists() or not model.with_suffix(".npz").exists():
            continue
        compared += 1
        found = errors(tismscan, model)
        limit = MIXING if any(name in model.stem for name in MIXES) else CONVOLUTIONAL
        # Not a number is within no limit.
        within = [found["prediction"] <= CONVOLUTIONAL, found["TISM"] <= limit, found["ISM"] <= limit]
        failed |= not all(within)
        print(f"| {model.stem} | " + " | ".join(f"{error:.1e}" for error in found.values()) + " |", flush=True)
    sys.exit(failed or not compared)


if __name__ == "__main__":
    main()
