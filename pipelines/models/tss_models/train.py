"""Fits the network.

    python -m tss_models.train CHECKPOINT [--sets FOLDER]

AdamW with a one-cycle learning rate, importance-weighted binary cross-entropy, dropout, and an exponential moving average of
the weights, which is what is scored and kept. The validation part decides which checkpoint is kept, and nothing else; the
test part is never read here. With ``--sets`` (the folder of the published sets, as for ``consensus``) the tower also
learns the auxiliary tracks.
"""

from __future__ import annotations

import argparse
import json
import time
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from tss_models.auxiliary import TRACKS, read_auxiliary
from tss_models.dataset import Labels, Windows, label, parts
from tss_models.genome import Genome, read_genome
from tss_models.network import Architecture, TssNetwork, train_forward
from tss_models.predict import predict, quick_scores
from tss_models.sites import read_sites

EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "ecoli"


@dataclass(frozen=True)
class Settings:
    """Everything that decides a fit besides the data and the architecture."""

    steps: int = 5_000
    """Length of the learning-rate cycle."""
    stop: int = 4_000
    """Step after which training ends, short of the cycle's end, so that several towers fit in half an hour."""
    batch: int = 16
    """Windows per step."""
    window: int = 1024
    """Outputs per window."""
    enriched: float = 0.5
    """Share of the windows drawn around a site."""
    learning_rate: float = 4e-3
    """Largest learning rate of the cycle."""
    weight_decay: float = 0.05
    """Decoupled decay of the convolutions' weights."""
    ema_decay: float = 0.999
    """Decay of the average of the weights, per step."""
    auxiliary: float = 0.3
    """Weight of each auxiliary track in the loss."""
    mutation: float = 0.06
    """Share of the input bases replaced by a random base."""
    threads: int = 2
    seed: int = 2222


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


def make_optimizer(
    network: nn.Module, settings: Settings,
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    """AdamW that decays weights but neither biases nor normalization, and its learning-rate cycle."""
    groups = [
        {"params": [p for p in network.parameters() if p.dim() > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in network.parameters() if p.dim() <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=settings.learning_rate)
    return optimizer, torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.learning_rate, total_steps=settings.steps, pct_start=0.1)


def fit(
    genome: Genome, labels: Labels, architecture: Architecture, settings: Settings, checkpoint: Path,
    auxiliary: np.ndarray | None = None, every: int = 500,
) -> None:
    """Trains and keeps the averaged network with the best validation average precision in ``checkpoint``."""
    torch.manual_seed(settings.seed)
    torch.set_num_threads(settings.threads)
    random = torch.Generator().manual_seed(settings.seed)
    reach = architecture.reach
    pieces = parts(genome.length, reach)
    windows = Windows(
        genome, labels, pieces["train"], settings.window, reach, settings.enriched, settings.seed)
    network = TssNetwork(architecture)
    average = Average(network, settings.ema_decay)
    optimizer, schedule = make_optimizer(network, settings)
    positive, counted = torch.from_numpy(labels.positive), torch.from_numpy(labels.counted)
    tracks = None if auxiliary is None else torch.from_numpy(auxiliary)
    cross_entropy = functional.binary_cross_entropy_with_logits
    began, running, best = time.monotonic(), 0.0, -1.0
    last = min(settings.stop, settings.steps)
    for step in range(1, last + 1):
        inputs, places, weights = windows.draw(settings.batch)
        strand, place = places[..., 0], places[..., 1]
        if settings.mutation > 0:
            inputs = mutate(inputs, settings.mutation, random)
        network.train()
        logits = train_forward(network, inputs)[:, :, reach : reach + settings.window]
        losses = cross_entropy(logits[:, 0], positive[strand, place].float(), reduction="none")
        loss = (weights[:, None] * counted[strand, place] * losses).mean()
        total = loss
        if tracks is not None:
            labels_of_tracks = tracks[:, strand, place].transpose(0, 1).float()  # [N, TRACKS, L]
            each = cross_entropy(logits[:, 1:], labels_of_tracks, reduction="none").mean(dim=(0, 2))
            total = loss + settings.auxiliary * each.sum()
        optimizer.zero_grad()
        (1000 * total).backward()  # losses of rare labels are tiny; Adam's epsilon is not
        nn.utils.clip_grad_norm_(network.parameters(), 50.0)
        optimizer.step()
        schedule.step()
        average.update(network)
        running += (float(loss.detach()) - running) / min(step, 500)
        if step % every == 0 or step == last:
            report = {"step": step, "minutes": round((time.monotonic() - began) / 60, 2), "train_loss": running}
            report |= quick_scores(predict(average.network, genome, pieces["validation"]), labels, pieces["validation"])
            print(json.dumps(report), flush=True)
            if report["base_average_precision"] > best:
                best = report["base_average_precision"]
                torch.save(
                    {"architecture": architecture.to_json(), "settings": asdict(settings), "validation": report,
                     "auxiliary_tracks": 0 if tracks is None else TRACKS, "state": average.network.state_dict()},
                    checkpoint)


def main() -> None:
    defaults = Settings()
    parser = argparse.ArgumentParser(description="Train the TSS network.")
    parser.add_argument("checkpoint", type=Path, help="checkpoint to write")
    parser.add_argument("--genome", type=Path, default=EXAMPLES / "NC_000913.3.fa.gz")
    parser.add_argument("--sites", type=Path, default=EXAMPLES / "tss_curated.bed")
    parser.add_argument("--sets", type=Path, help="folder of the published sets, for the auxiliary tracks")
    for name in ("steps", "stop", "threads", "seed"):
        parser.add_argument(f"--{name}", type=int, default=getattr(defaults, name))
    for name in ("learning_rate", "weight_decay", "auxiliary", "mutation"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=getattr(defaults, name))
    parser.add_argument("--dropout", type=float, default=Architecture().dropout)
    arguments = vars(parser.parse_args())

    genome = read_genome(arguments["genome"])
    labels = label(genome.length, read_sites(arguments["sites"]))
    auxiliary = read_auxiliary(arguments["sets"], genome) if arguments["sets"] else None
    changed = {name: arguments[name] for name in asdict(defaults) if name in arguments}
    settings = replace(defaults, **changed)
    architecture = Architecture(dropout=arguments["dropout"], outputs=1 if auxiliary is None else 1 + TRACKS)
    fit(genome, labels, architecture, settings, arguments["checkpoint"], auxiliary)


if __name__ == "__main__":
    main()
