"""Fits the network.

    python -m tss_models.train CHECKPOINT [--minutes 25]

AdamW with a one-cycle learning rate over the time budget, importance-weighted binary cross-entropy, and an exponential
moving average of the weights, which is what is scored and kept. The validation part only chooses settings; the test part
is never read here.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from copy import deepcopy
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from tss_models.calls import call_peaks, match_calls
from tss_models.dataset import Labels, Part, Windows, label, parts, tiles
from tss_models.genome import Genome, one_hot, read_genome
from tss_models.metrics import average_precision
from tss_models.network import Architecture, TssNetwork, train_forward
from tss_models.sites import read_sites

EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "ecoli"


@dataclass(frozen=True)
class Settings:
    """Everything that decides a fit besides the data and the architecture."""

    steps: int = 24000
    batch: int = 16
    """Windows per step."""
    window: int = 1024
    """Outputs per window."""
    enriched: float = 0.5
    """Share of the windows drawn around a site."""
    learning_rate: float = 4e-3
    weight_decay: float = 0.05
    ema_decay: float = 0.999
    mutation: float = 0.0
    """Share of the input bases replaced by a random base."""
    auxiliary: float = 0.0
    """Weight of the auxiliary tracks in the loss."""
    blur: float = 0.0
    focal: float = 0.0
    seed: int = 2222


def predict(network: TssNetwork, genome: Genome, part: Part, tile: int = 16384) -> np.ndarray:
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
        "base_ap": average_precision(z, y),
        "calls_ap": average_precision(np.concatenate(peaks_scores), np.concatenate(hits), total=total),
        "log_loss": float(np.mean(np.logaddexp(0, z) - y * z)),
    }


class Average:
    """Exponential moving average of a network's weights and batch-norm statistics."""

    def __init__(self, network: TssNetwork, decay: float) -> None:
        self.network, self.decay, self.updates = deepcopy(network), decay, 0

    def update(self, network: TssNetwork) -> None:
        """Takes in the network's present state; early on the average is shorter, so that it forgets the start."""
        self.updates += 1
        decay = min(self.decay, self.updates / (self.updates + 10))
        with torch.no_grad():
            for mine, theirs in zip(self.network.state_dict().values(), network.state_dict().values(), strict=True):
                if mine.dtype.is_floating_point:
                    mine.lerp_(theirs, 1 - decay)
                else:
                    mine.copy_(theirs)


def mutate(inputs: torch.Tensor, share: float, random: torch.Generator) -> torch.Tensor:
    """Replaces a share of the columns by random bases."""
    replaced = torch.rand(inputs.shape[0], 1, inputs.shape[2], generator=random) < share
    bases = torch.randint(0, 4, (inputs.shape[0], inputs.shape[2]), generator=random)
    return torch.where(replaced, functional.one_hot(bases, 4).transpose(1, 2).float(), inputs)


def fit(
    genome: Genome, labels: Labels, architecture: Architecture, settings: Settings, checkpoint: Path,
    extra: np.ndarray | None = None, every: int = 1000, use_scores: bool = True,
) -> None:
    torch.manual_seed(settings.seed)
    torch.set_num_threads(2)
    random = torch.Generator().manual_seed(settings.seed)
    pieces = parts(genome.length, architecture.reach)
    windows = Windows(
        genome, labels, pieces["train"], settings.window, architecture.reach, settings.enriched, settings.seed)
    network = TssNetwork(architecture)
    average = Average(network, settings.ema_decay)
    decayed = [p for p in network.parameters() if p.dim() > 1]
    plain = [p for p in network.parameters() if p.dim() <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": settings.weight_decay}, {"params": plain, "weight_decay": 0.0}],
        lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.learning_rate, total_steps=settings.steps, pct_start=0.1)
    positive = torch.from_numpy(labels.positive)
    counted = torch.from_numpy(labels.counted)
    tracks = None if extra is None else torch.from_numpy(extra)
    began, running = time.monotonic(), 0.0
    for step in range(1, settings.steps + 1):
        inputs, places, weights = windows.draw(settings.batch)
        if settings.mutation > 0:
            inputs = mutate(inputs, settings.mutation, random)
        network.train()
        r = architecture.reach
        logits = train_forward(network, inputs)[:, :, r : r + settings.window]
        s, n = places[..., 0], places[..., 1]
        w = weights[:, None] * counted[s, n]
        y = positive[s, n].float()
        loss = (w * functional.binary_cross_entropy_with_logits(logits[:, 0], y, reduction="none")).mean()
        total = loss
        if tracks is not None:
            t = tracks[:, s, n].transpose(0, 1).float()  # [N, K, L]
            aux = functional.binary_cross_entropy_with_logits(logits[:, 1:], t, reduction="none").mean(dim=(0, 2))
            total = total + settings.auxiliary * aux.sum()
        optimizer.zero_grad()
        (1000 * total).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 50.0)
        optimizer.step()
        schedule.step()
        average.update(network)
        running += (float(loss.detach()) - running) / min(step, 500)
        if step % every == 0 or step == settings.steps:
            report = {"step": step, "minutes": (time.monotonic() - began) / 60, "train_loss": running}
            report |= quick_scores(predict(average.network, genome, pieces["validation"]), labels, pieces["validation"])
            print(json.dumps(report), flush=True)
            torch.save({"architecture": architecture.to_json(), "settings": asdict(settings), "report": report,
                        "state": average.network.state_dict()}, checkpoint)
