"""Captum on PyTorch, for the rows that the fastISM paper claims: integrated gradients (50 steps) and DeepSHAP (10
references) of every output. One output takes as long as another: a few stand for all."""

from __future__ import annotations

import importlib.metadata
import time
import warnings
from pathlib import Path

import torch
from captum.attr import DeepLiftShap, IntegratedGradients
from torch import nn

from .cell import Sequences
from .networks import Network
from .pytorch_models import TorchFactory, as_tuple, load

STEPS = 50
REFERENCES = 10
OUTPUTS = 2
"""Outputs that stand for all."""


def version() -> str:
    return importlib.metadata.version("captum")


class OneOutput(nn.Module):
    """A network whose targets are all entries of one output."""

    def __init__(self, module: nn.Module, output: int) -> None:
        super().__init__()
        self.module, self.output = module, output

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return as_tuple(self.module(x))[self.output]


class CaptumCell:
    def __init__(self, work: str, network: Network, root: Path, sequences: Sequences, settings: dict) -> None:
        self.work, self.network, self.sequences, self.settings = work, network, sequences, settings
        module = OneOutput(load(network, root), network.targets[0].output)
        self.method = DeepLiftShap(module) if work == "deepshap" else IntegratedGradients(module)
        self.next = 0

    def attribute(self, x: torch.Tensor, target: int) -> torch.Tensor:
        if self.work == "deepshap":
            # The references of DeepSHAP: ten other random sequences.
            references = torch.from_numpy(self.sequences.one_hot[-REFERENCES:])
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # captum says each time that it sets hooks
                return self.method.attribute(x, references, target=target)
        return self.method.attribute(
            x, torch.zeros_like(x), target=target, n_steps=STEPS, internal_batch_size=self.settings["batch"])

    def call(self) -> tuple[float, float]:
        number = self.next % len(self.sequences.codes)
        self.next += 1
        x = torch.from_numpy(self.sequences.one_hot[number:number + 1])
        start = time.perf_counter()
        for target in range(OUTPUTS):
            self.attribute(x, target)
        return 1, (time.perf_counter() - start) / OUTPUTS * len(self.network.targets)

    def scores(self, sequences: int, columns: list[int]) -> dict:
        return {"predictions": [], "scores": []}  # other quantities than substitutions


class Factory(TorchFactory):
    def __init__(self, work: str, network: Network, root: Path, threads: int) -> None:
        super().__init__(network, root, threads)
        self.work = work

    def candidates(self) -> list[dict]:
        return [{"batch": batch} for batch in ((REFERENCES,) if self.work == "deepshap" else (5, 10, 25, STEPS))]

    def __call__(self, settings: dict) -> CaptumCell:
        return CaptumCell(self.work, self.network, self.root, self.sequences, settings)


def factory(tool: str, work: str, network: Network, root: Path, threads: int) -> Factory:
    return Factory(work, network, root, threads)
