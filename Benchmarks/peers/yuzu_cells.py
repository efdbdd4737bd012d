"""yuzu: ISM by compressed sensing, for networks whose layers follow one another. Its precomputation, which a model pays
once, is not measured."""

from __future__ import annotations

import importlib.metadata
import pickle
from pathlib import Path

import numpy as np
import torch
from torch import nn
from yuzu import precompute, yuzu_ism
from yuzu.models import Flatten, Unsqueeze

from .cell import Sequences
from .networks import Network
from .pytorch_models import TorchFactory, load

ALPHA = 1.5
"""Probes per changed position: yuzu's largest default, its most accurate."""


def version() -> str:
    return importlib.metadata.version("yuzu-ism")


def as_yuzu(module: nn.Sequential, sequences: Sequences) -> nn.Sequential:
    """With yuzu's own flattening, positions before channels, and the axis that its networks end with."""
    layers = list(module.children())
    at = next(i for i, layer in enumerate(layers) if isinstance(layer, nn.Flatten))
    with torch.no_grad():
        _, channels, length = module[:at](torch.from_numpy(sequences.one_hot[:1])).shape
    weight = layers[at + 1].weight
    layers[at] = Flatten()
    layers[at + 1].weight = nn.Parameter(
        weight.reshape(-1, channels, length).transpose(1, 2).reshape(len(weight), -1).contiguous(), requires_grad=False)
    return nn.Sequential(*layers, Unsqueeze(1))


class YuzuCell:
    def __init__(self, network: Network, root: Path, sequences: Sequences) -> None:
        self.network, self.sequences = network, sequences
        self.module = as_yuzu(load(network, root), sequences)
        # Minutes: kept beside the network.
        kept = network.folder(root) / "yuzu.pickle"
        if not kept.exists():
            kept.write_bytes(pickle.dumps(precompute(
                self.module, seq_len=network.length, alpha=ALPHA, device="cpu", random_state=0)))
        self.precomputation = pickle.loads(kept.read_bytes())
        self.next = 0

    def run(self, sequence: int) -> np.ndarray:
        x = self.sequences.one_hot[sequence:sequence + 1]
        return yuzu_ism(self.module, x, self.precomputation, device="cpu")

    def call(self) -> tuple[float, None]:
        self.run(self.next % len(self.sequences.codes))
        self.next += 1
        return 3 * self.sequences.length, None

    def scores(self, sequences: int, columns: list[int]) -> dict:
        # yuzu gives the norm of the change over all outputs: with one output, its magnitude.
        if len(self.network.targets) > 1:
            return {"predictions": [], "scores": []}
        return {"predictions": [], "magnitudes": True, "scores": [self.run(0)[0][:, columns].reshape(-1).tolist()]}


class Factory(TorchFactory):
    def candidates(self) -> list[dict]:
        return [{"batch": 1}]

    def __call__(self, settings: dict) -> YuzuCell:
        return YuzuCell(self.network, self.root, self.sequences)


def factory(tool: str, work: str, network: Network, root: Path, threads: int) -> Factory:
    return Factory(network, root, threads)
