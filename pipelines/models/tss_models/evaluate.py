"""Scores the mean of checkpoints beside the baseline scan and writes every figure of the model card as JSON.

    python -m tss_models.evaluate CHECKPOINT... CARD.json [--part test]

Temperature and shift are found on the validation part, and the folded logits are what is scored. Each reading of the test part is
entered in ``test_readings.jsonl``, and the earlier ones come with the figures. The curated sites are the truth;
bases within five of a site, other than the site, do not count. Intervals are the 2.5 and 97.5 percentiles of a bootstrap
over blocks of 10 kb (both strands of a block together).
"""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from tss_models.baseline import LONGEST, describe, fit_baseline, scan_part
from tss_models.calibrate import calibrate, log_loss
from tss_models.calls import call_peaks, match_calls
from tss_models.dataset import TEST, VALIDATION, Labels, Part, label, parts
from tss_models.genome import Genome, read_genome, to_strand
from tss_models.metrics import average_precision, expected_calibration_error, recall_at_precision, roc_auc
from tss_models.network import Architecture, Ensemble, TssNetwork
from tss_models.sites import Site, read_sites
from tss_models.predict import predict, quick_scores, rows
from tss_models.train import EXAMPLES

READINGS = Path(__file__).resolve().parents[1] / "test_readings.jsonl"
BLOCK = 10_000
BOOTSTRAPS = 1000
RADIUS, TOLERANCE = 10, 5
CALIBRATION_EDGES = np.array([0, 1e-4, 1e-3, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0])


@dataclass(frozen=True)
class Track:
    """Scores of one part and what they are compared with; strand rows 5' to 3'."""

    scores: np.ndarray
    positive: np.ndarray
    counted: np.ndarray

    def blocks(self) -> np.ndarray:
        """Block number of every base, equal for the two strands of one place: int [2, L]."""
        forward = np.arange(self.scores.shape[1]) // BLOCK
        return np.stack([forward, forward[::-1]])


@dataclass(frozen=True)
class Calls:
    """Calls of both strands, and the blocks of the calls and of the sites."""

    scores: np.ndarray
    hits: np.ndarray
    offsets: np.ndarray
    """Call minus site in strand direction, of the matched calls."""
    blocks: np.ndarray
    site_blocks: np.ndarray


def call_sites(track: Track) -> Calls:
    """Calls on both strands, matched to the sites one to one."""
    pieces: dict[str, list[np.ndarray]] = {name: [] for name in ("scores", "hits", "offsets", "blocks", "sites")}
    blocks = track.blocks()
    for strand in (0, 1):
        peaks = call_peaks(track.scores[strand], RADIUS)
        sites = np.flatnonzero(track.positive[strand])
        matched = match_calls(peaks, sites, TOLERANCE)
        hit = matched >= 0
        pieces["scores"].append(track.scores[strand][peaks])
        pieces["hits"].append(hit)
        pieces["offsets"].append(np.where(hit, peaks - sites[matched], 0))
        pieces["blocks"].append(blocks[strand][peaks])
        pieces["sites"].append(blocks[strand][sites])
    joined = {name: np.concatenate(arrays) for name, arrays in pieces.items()}
    return Calls(joined["scores"], joined["hits"], joined["offsets"], joined["blocks"], joined["sites"])


def within_two(calls: Calls) -> dict:
    """Where the matched calls lie, for all matches and for those at precision 0.5 or better."""
    order = np.argsort(-calls.scores, kind="stable")
    precision = np.cumsum(calls.hits[order]) / np.arange(1, order.size + 1)
    reached = np.flatnonzero(precision >= 0.5)
    confident = np.zeros(order.size, dtype=bool)
    if reached.size:
        confident[order[: reached[-1] + 1]] = True
    result = {}
    for name, chosen in {"all": calls.hits, "at_precision_0.5": calls.hits & confident}.items():
        offsets = calls.offsets[chosen]
        result[name] = {
            "matched": int(chosen.sum()),
            "share_exact": float(np.mean(offsets == 0)) if offsets.size else None,
            "share_within_2": float(np.mean(np.abs(offsets) <= 2)) if offsets.size else None,
            "histogram": {str(d): int((offsets == d).sum()) for d in range(-TOLERANCE, TOLERANCE + 1)},
        }
    return result


def statistics(track: Track, calls: Calls, weights: np.ndarray | None = None) -> dict[str, float]:
    """The ranked scores, with each block counted ``weights`` times."""
    if weights is None:
        weights = np.ones(int(track.blocks().max()) + 1)
    counted = track.counted
    base = weights[track.blocks()[counted]]
    total = float(weights[calls.site_blocks].sum())
    call = weights[calls.blocks]
    return {
        "base_average_precision": average_precision(track.scores[counted], track.positive[counted], base),
        "calls_average_precision": average_precision(calls.scores, calls.hits, call, total),
        "calls_recall_at_precision_0.5": recall_at_precision(calls.scores, calls.hits, 0.5, call, total),
    }


def bootstrap(tracks: dict[str, Track], calls: dict[str, Calls], seed: int, count: int) -> dict[str, dict]:
    """95 % intervals of each track's statistics, and of the ratio model / baseline, over the same resamples."""
    random = np.random.default_rng(seed)
    thinned = {name: thin(track) for name, track in tracks.items()}
    blocks = int(next(iter(tracks.values())).blocks().max()) + 1
    draws: dict[str, dict[str, list[float]]] = {}
    for _ in range(count):
        weights = np.bincount(random.integers(0, blocks, blocks), minlength=blocks).astype(float)
        values = {name: ranked_statistics(thinned[name], calls[name], weights) for name in tracks}
        model, baseline = values["model"], values["baseline"]
        values["ratio"] = {k: model[k] / baseline[k] for k in model if baseline[k] > 0}
        for name, row in values.items():
            for key, value in row.items():
                draws.setdefault(name, {}).setdefault(key, []).append(value)
    return {
        name: {key: [float(q) for q in np.percentile(v, [2.5, 97.5])] for key, v in table.items()}
        for name, table in draws.items()
    }


@dataclass(frozen=True)
class Ranked:
    """The counted bases down to the last site, best first, without what no statistic can see."""

    blocks: np.ndarray
    hits: np.ndarray
    scores: np.ndarray


def thin(track: Track) -> Ranked:
    """Sorts once for all resamples; bases that score below every site never change an average precision."""
    scores, hits = track.scores[track.counted], track.positive[track.counted]
    blocks = track.blocks()[track.counted]
    seen = scores >= scores[hits].min()
    order = np.argsort(-scores[seen], kind="stable")
    return Ranked(blocks[seen][order], hits[seen][order], scores[seen][order])


def ranked_statistics(ranked: Ranked, calls: Calls, weights: np.ndarray) -> dict[str, float]:
    """``statistics`` over rows already sorted; ties are broken by place, which floats make rare."""
    weight = weights[ranked.blocks]
    made, positive = np.cumsum(weight), weight * ranked.hits
    at = np.flatnonzero(positive)
    base = float(np.sum(positive[at] * np.cumsum(positive)[at] / made[at]) / positive.sum())
    total, call = float(weights[calls.site_blocks].sum()), weights[calls.blocks]
    return {
        "base_average_precision": base,
        "calls_average_precision": average_precision(calls.scores, calls.hits, call, total),
        "calls_recall_at_precision_0.5": recall_at_precision(calls.scores, calls.hits, 0.5, call, total),
    }


def calibration(logits: np.ndarray, positive: np.ndarray) -> dict:
    """Expected calibration error, reliability table and log loss."""
    probabilities = 1 / (1 + np.exp(-logits.astype(np.float64)))
    error, table = expected_calibration_error(probabilities, positive, CALIBRATION_EDGES)
    return {"expected_calibration_error": error, "log_loss": log_loss(logits, positive), "reliability": table}


def load(checkpoint: Path) -> tuple[TssNetwork, dict]:
    """The network of a checkpoint, cut to its curated track, and the checkpoint's own record with a digest of its weights."""
    record = torch.load(checkpoint, weights_only=True)
    fields = dict(record["architecture"])
    fields["dilations"] = tuple(fields["dilations"])
    architecture = Architecture(**{**fields, "outputs": 1})
    state = dict(record.pop("state"))
    record["digest"] = hashlib.sha256(b"".join(t.numpy().tobytes() for t in state.values())).hexdigest()[:16]
    state["head.weight"], state["head.bias"] = state["head.weight"][:1], state["head.bias"][:1]
    network = TssNetwork(architecture)
    network.load_state_dict(state)
    return network.eval(), record


def towers(members: list[np.ndarray], labels: Labels, validation: Part) -> list[dict]:
    """Validation scores of the mean of the first one, the first two, ... of the members' logits."""
    sums = np.cumsum(members, axis=0, dtype=np.float64)
    return [
        {"towers": count, **quick_scores((total / count).astype(np.float32), labels, validation)}
        for count, total in enumerate(sums, 1)]


def reading(result: dict) -> dict:
    """What the register of the test part's readings keeps of an evaluation."""
    members = [{"seed": m["settings"]["seed"], "step": m["validation"]["step"], "digest": m["digest"]}
               for m in result["training"]["members"]]
    scores = {key: entry for key, entry in result["model"].items() if key not in ("offsets", "calls")}
    return {"members": members, **scores, "share_within_2": result["model"]["offsets"]["all"]["share_within_2"]}


def enter(result: dict, register: Path) -> list[dict]:
    """Enters a reading of the test part unless those weights are there; the readings of other weights, oldest first."""
    new = reading(result)
    lines = [json.loads(line) for line in register.read_text().splitlines()] if register.exists() else []
    if not any(line["members"] == new["members"] for line in lines):
        with register.open("a") as stream:
            stream.write(json.dumps(new) + "\n")
    known = next((i for i, line in enumerate(lines) if line["members"] == new["members"]), len(lines))
    return lines[:known]


def evaluate(
    network: Ensemble, genome: Genome, labels: Labels, sites: list[Site], pieces: dict[str, Part], part_name: str,
    bootstraps: int,
) -> dict:
    """All figures of one part; the calibration is folded into ``network``."""
    validation, part = pieces["validation"], pieces[part_name]
    counted = rows(labels.counted, validation)
    raw = predict(network, genome, validation)[counted]
    found = calibrate(raw, rows(labels.positive, validation)[counted])
    before = predict(network, genome, part)
    found.fold(network)
    truth = rows(labels.positive, part), rows(labels.counted, part)
    training = [
        (s.strand, int(to_strand(s.position, s.strand, genome.length)))
        for s in sites if pieces["train"].contains(s.position, genome.length)]
    scan = fit_baseline(genome, pieces["train"], training)
    tracks = {
        "model": Track(predict(network, genome, part), *truth),
        "baseline": Track(scan_part(scan, genome, part), *truth),
    }
    calls = {name: call_sites(track) for name, track in tracks.items()}
    intervals = bootstrap(tracks, calls, seed=1, count=bootstraps)
    result: dict = {
        "part": part_name,
        "split": {"test": TEST, "validation": VALIDATION, "border": pieces["test"].start - TEST[0]},
        "sites": {name: sum(p.contains(s.position, genome.length) for s in sites) for name, p in pieces.items()},
        "bases_scored": int(truth[1].sum()),
        "prevalence": float(truth[0].sum() / truth[1].sum()),
        "bootstrap": {"block": BLOCK, "resamples": bootstraps},
        "calibration": {
            **asdict(found),
            "before": calibration(before[truth[1]], truth[0][truth[1]]),
            "after": calibration(tracks["model"].scores[truth[1]], truth[0][truth[1]]),
        },
        "baseline_scan": describe(scan),
        "architecture": {
            **network.architecture.to_json(), "reach": network.architecture.reach,
            "towers": len(network.members),
            "multiply_adds_per_base": network.multiply_adds,
            "parameters": sum(p.numel() for p in network.parameters()),
        },
    }
    values = {name: statistics(track, calls[name]) for name, track in tracks.items()}
    values["ratio"] = {k: v / values["baseline"][k] for k, v in values["model"].items() if values["baseline"][k] > 0}
    for name, table in values.items():
        result[name] = {k: {"value": v, "interval": intervals[name].get(k)} for k, v in table.items()}
    for name, track in tracks.items():
        result[name]["roc_auc"] = roc_auc(track.scores[track.counted], track.positive[track.counted])
        result[name]["offsets"] = within_two(calls[name])
        result[name]["calls"] = int(calls[name].scores.size)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description="Score the mean of checkpoints beside the baseline; write JSON.")
    parser.add_argument("checkpoints", type=Path, nargs="+")
    parser.add_argument("output", type=Path, help="JSON to write")
    parser.add_argument("--part", choices=("validation", "test"), default="test")
    parser.add_argument("--genome", type=Path, default=EXAMPLES / "NC_000913.3.fa.gz")
    parser.add_argument("--sites", type=Path, default=EXAMPLES / "tss_curated.bed")
    parser.add_argument("--bootstraps", type=int, default=BOOTSTRAPS)
    parser.add_argument("--readings", type=Path, default=READINGS, help="register of the test part's readings")
    arguments = parser.parse_args()

    genome, sites = read_genome(arguments.genome), read_sites(arguments.sites)
    labels = label(genome.length, sites)
    members, records = zip(*map(load, arguments.checkpoints), strict=True)
    network = Ensemble(members)
    # One border for both methods: the longer of the two reaches.
    pieces = parts(genome.length, max(network.architecture.reach, LONGEST))
    result = evaluate(network, genome, labels, sites, pieces, arguments.part, arguments.bootstraps)
    validation = pieces["validation"]
    result["training"] = {
        "members": records, "towers": towers([predict(m, genome, validation) for m in members], labels, validation)}
    if arguments.part == "test":
        result["earlier_test_readings"] = enter(result, arguments.readings)
    arguments.output.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps({k: result[k] for k in ("prevalence", "model", "baseline", "ratio")}, indent=1))


if __name__ == "__main__":
    main()
