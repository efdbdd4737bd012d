"""Runs a network over a part of the genome."""

from __future__ import annotations

import numpy as np
import torch

from tss_models.calls import call_peaks, match_calls
from tss_models.dataset import Labels, Part, tiles
from tss_models.genome import Genome, one_hot
from tss_models.metrics import average_precision
from tss_models.network import Ensemble, TssNetwork, train_forward


def predict(network: TssNetwork | Ensemble, genome: Genome, part: Part, tile: int = 16384) -> np.ndarray:
    """Logits float32 [2, part.length] of the curated track; each row 5' to 3' along its strand."""
    network.eval()
    reach = network.architecture.reach
    logits = np.empty((2, part.length), dtype=np.float32)
    with torch.inference_mode():
        for strand in (0, 1):
            for offset, codes in tiles(genome, part, strand, tile, reach):
                outputs = train_forward(network, torch.from_numpy(one_hot(codes[None])))[0, 0]
                logits[strand, offset : offset + codes.size - 2 * reach] = outputs[reach : codes.size - reach].numpy()
    return logits


def rows(array: np.ndarray, part: Part) -> np.ndarray:
    """The part's rows [2, part.length] of a per-strand array [2, G]."""
    length = array.shape[1]
    index = np.arange(part.length)
    return np.stack([array[s, (part.strand_start(s, length) + index) % length] for s in (0, 1)])


def quick_scores(logits: np.ndarray, labels: Labels, part: Part) -> dict[str, float]:
    """Average precision at the exact base and of the calls, and the log loss."""
    positive, counted = rows(labels.positive, part), rows(labels.counted, part)
    hits, total, peaks_scores = [], 0, []
    for strand in (0, 1):
        peaks = call_peaks(logits[strand])
        sites = np.flatnonzero(positive[strand])
        hits.append(match_calls(peaks, sites) >= 0)
        peaks_scores.append(logits[strand][peaks])
        total += sites.size
    z, y = logits[counted], positive[counted]
    return {
        "base_average_precision": average_precision(z, y),
        "calls_average_precision": average_precision(np.concatenate(peaks_scores), np.concatenate(hits), total=total),
        "log_loss": float(np.mean(np.logaddexp(0, z) - y * z)),
    }
