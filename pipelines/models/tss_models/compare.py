"""Validation scores of checkpoints and of the means of their logits: what decides how many towers are shipped, and which.

    python -m tss_models.compare CHECKPOINT... >> comparisons.jsonl

One line for every subset, smallest first. The test part is not read.
"""

from __future__ import annotations

import argparse
import json
from itertools import combinations
from pathlib import Path

import numpy as np

from tss_models.baseline import LONGEST
from tss_models.dataset import label, parts
from tss_models.evaluate import load
from tss_models.genome import read_genome
from tss_models.predict import predict, quick_scores
from tss_models.sites import read_sites
from tss_models.train import EXAMPLES


def main() -> None:
    parser = argparse.ArgumentParser(description="Score checkpoints and their means on the validation part.")
    parser.add_argument("checkpoints", type=Path, nargs="+")
    parser.add_argument("--genome", type=Path, default=EXAMPLES / "NC_000913.3.fa.gz")
    parser.add_argument("--sites", type=Path, default=EXAMPLES / "tss_curated.bed")
    arguments = parser.parse_args()
    genome = read_genome(arguments.genome)
    labels = label(genome.length, read_sites(arguments.sites))
    networks, records = zip(*map(load, arguments.checkpoints), strict=True)
    part = parts(genome.length, max(LONGEST, *(n.architecture.reach for n in networks)))["validation"]
    logits = [predict(network, genome, part) for network in networks]
    names = [
        {"seed": r["settings"]["seed"], "step": r["validation"]["step"], "dropout": r["architecture"]["dropout"],
         "mutation": r["settings"]["mutation"], "auxiliary": r["settings"]["auxiliary"]} for r in records]
    for size in range(1, len(logits) + 1):
        for chosen in combinations(range(len(logits)), size):
            mean = np.mean([logits[i] for i in chosen], axis=0, dtype=np.float64).astype(np.float32)
            scores = quick_scores(mean, labels, part)
            print(json.dumps({"mean_of": [names[i] for i in chosen], "validation": scores}), flush=True)


if __name__ == "__main__":
    main()
