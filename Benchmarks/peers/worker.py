"""One cell of the table: one tool, one work, one network, a number of threads. Sets up, then answers requests on standard
input, a line of JSON each; `tismscan-bench serve` speaks the same protocol (README.md).

    python -m peers.worker --tool onnxruntime --work ism --network basset --root FOLDER --threads 1 [--settings JSON]

Without `--settings` it tries the tool's settings on the work, prints the best and ends.
"""

from __future__ import annotations

import argparse
import importlib
import json
import resource
import sys
import time
from pathlib import Path

from .cell import Cell
from .networks import BY_NAME

TOOLS = {
    "onnxruntime": "onnxruntime_cells", "pytorch": "pytorch_cells", "tangermeme": "tangermeme_cells",
    "tangermeme-slow": "tangermeme_cells", "yuzu": "yuzu_cells", "captum": "captum_cells", "fastISM": "fastism_cells",
}
"""Tool: the module of this package that measures it."""
TRIAL_SECONDS = 0.7
TOO_LONG = 4.0
"""Seconds of a single call beyond which larger batches are not tried."""
PAST_ITS_BEST = 0.9
"""Larger batches are tried until the rate falls below this share of the family's best."""


def reply(value: object) -> None:
    print(json.dumps(value), file=OUTPUT, flush=True)


def timed(cell: Cell, seconds: float) -> dict[str, float]:
    """Works for at least `seconds`. A call says how many windows, edits or sequences it did, and may say that it stands for
    more seconds than it took."""
    start, processor = time.perf_counter(), time.process_time()
    count = counted = 0.0
    while True:
        before = time.perf_counter()
        done, stands_for = cell.call()
        after = time.perf_counter()
        count += done
        counted += after - before if stands_for is None else stands_for
        if after - start >= seconds:
            break
    return {"count": count, "rate": count / counted, "seconds": after - start,
            "cpuSeconds": time.process_time() - processor, "sampled": True}


def search(make, quick: bool) -> dict:
    """The fastest of the cell's settings; those of a family (all but the batch) are tried in growing batches."""
    best, best_rate, tried, skipped = None, 0.0, [], set()
    best_of: dict[tuple, float] = {}
    candidates = make.candidates()
    if len(candidates) == 1:
        return {"best": candidates[0], "tried": []}
    for settings in candidates:
        family = tuple(sorted((k, v) for k, v in settings.items() if k != "batch"))
        if family in skipped:
            continue
        try:
            cell = make(settings)
            cell.call()  # warm-up, and whatever is compiled at first use
            trial = timed(cell, TRIAL_SECONDS)
            rate = trial["rate"]
        except Exception as error:  # a setting that a network does not allow is not a candidate
            tried.append({**settings, "error": " ".join(f"{type(error).__name__}: {error}".split())[:300]})
            skipped.add(family)
            continue
        tried.append({**settings, "rate": rate})
        best_of[family] = max(rate, best_of.get(family, 0.0))
        if trial["seconds"] > TOO_LONG or rate < PAST_ITS_BEST * best_of[family]:
            skipped.add(family)
        if rate > best_rate:
            best, best_rate = settings, rate
        del cell
        if quick:
            break
    return {"best": best, "tried": tried}


def peak_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tool", required=True, choices=sorted(TOOLS))
    parser.add_argument("--work", required=True)
    parser.add_argument("--network", required=True, choices=sorted(BY_NAME))
    parser.add_argument("--root", required=True, type=Path)
    parser.add_argument("--threads", required=True, type=int)
    parser.add_argument("--settings", type=json.loads)
    parser.add_argument("--quick", action="store_true", help="take the first setting that works")
    arguments = parser.parse_args()
    module = importlib.import_module(f".{TOOLS[arguments.tool]}", __package__)
    make = module.factory(
        arguments.tool, arguments.work, BY_NAME[arguments.network], arguments.root, arguments.threads)
    if arguments.settings is None:
        reply(search(make, arguments.quick))
        return
    cell = make(arguments.settings)
    for _ in range(2):
        cell.call()  # warm-up, and whatever is compiled at first use
    reply({"tool": arguments.tool, "settings": arguments.settings, "version": module.version()})
    for line in sys.stdin:
        words = line.split()
        if words[0] == "measure":
            reply(timed(cell, float(words[1])))
        elif words[0] == "scores":
            columns = [range(*map(int, part.split("-"))) for part in words[2].split(",")]
            reply(cell.scores(int(words[1]), [c for part in columns for c in part]))
        elif words[0] == "memory":
            reply({"peakMemory": peak_memory()})
        else:
            raise SystemExit(f"'{line.strip()}': measure SECONDS, scores SEQUENCES COLUMNS or memory")


if __name__ == "__main__":
    # Libraries may print; replies go where nothing else does.
    OUTPUT = sys.stdout
    sys.stdout = sys.stderr
    main()
