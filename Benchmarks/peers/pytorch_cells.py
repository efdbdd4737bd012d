"""PyTorch: prediction, exact ISM the naive way, and TISM by autograd (the gradient of the input only)."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch

from .cell import Sequences, ism_scores, prediction_rows, tism_scores
from .networks import Network, Target
from .pytorch_models import TorchFactory, as_tuple, form


SAMPLED_TARGETS = 9


def version() -> str:
    return torch.__version__


def target_values(target: Target, outputs: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """The target's value of each sequence; a profile's weights are held fixed."""
    z = outputs[target.output].flatten(1)[:, target.first:target.first + target.count]
    return (z * (z.detach().softmax(1) - 1 / target.count)).sum(1) if target.profile else z.sum(1)


class PyTorchCell:
    def __init__(self, module, work: str, network: Network, sequences: Sequences, settings: dict) -> None:
        self.module, self.work, self.network, self.sequences = module, work, network, sequences
        self.batch = settings["batch"]
        self.together = settings.get("targets_together", 1)
        self.batches = sequences.edited_batches(self.batch) if work == "ism" else sequences.windows(self.batch)

    def predict(self, x: np.ndarray) -> tuple[torch.Tensor, ...]:
        with torch.inference_mode():
            return as_tuple(self.module(torch.from_numpy(x)))

    def gradient(self, x: np.ndarray) -> torch.Tensor:
        """Of the first target."""
        x = torch.from_numpy(x).requires_grad_(True)
        target_values(self.network.targets[0], as_tuple(self.module(x))).sum().backward()
        return x.grad

    def all_gradients(self, x: np.ndarray, targets: tuple[Target, ...]) -> list[torch.Tensor]:
        """Of every target, from one forward pass: a backward pass a target, or several targets together by `vmap`."""
        x = torch.from_numpy(x).requires_grad_(True)
        outputs = as_tuple(self.module(x))
        values = torch.stack([target_values(t, outputs).sum() for t in targets])
        gradients = []
        for first in range(0, len(targets), self.together):
            count = min(self.together, len(targets) - first)
            if self.together == 1:
                part = torch.autograd.grad(values[first], x, retain_graph=True)
            else:
                seeds = torch.zeros(count, len(targets))
                seeds[torch.arange(count), first + torch.arange(count)] = 1
                part = torch.autograd.grad(values, x, seeds, retain_graph=True, is_grads_batched=True)
            gradients.append(part[0])
        return gradients

    def call(self) -> tuple[float, float | None]:
        x = next(self.batches)
        if self.work == "tism":
            self.gradient(x)
        elif self.work == "tism-all":
            return self.sampled_targets(x)
        else:
            self.predict(x)
        return len(x), None

    def sampled_targets(self, x: np.ndarray) -> tuple[float, float]:
        """Every target's gradient takes the same time: some of them stand for all, the forward pass counted once."""
        targets = self.network.targets[:4 * self.together if self.together > 1 else 8]
        start = time.perf_counter()
        with torch.enable_grad():
            as_tuple(self.module(torch.from_numpy(x).requires_grad_(True)))
        forward = time.perf_counter() - start
        start = time.perf_counter()
        self.all_gradients(x, targets)
        backward = max(0.0, time.perf_counter() - start - forward)
        return len(x), forward + backward * len(self.network.targets) / len(targets)

    def scores(self, sequences: int, columns: list[int]) -> dict:
        if self.work == "predict":
            outputs = [o.numpy() for o in self.predict(self.sequences.one_hot[:sequences])]
            return {"predictions": prediction_rows(self.network.targets, outputs), "scores": []}
        if self.work == "ism":
            return {"predictions": [], "scores": ism_scores(
                self.sequences, self.network.targets, columns, self.predict, self.batch)}
        # Of many targets the first stand for all, as many as `tismscan-bench` takes.
        targets = self.network.targets[:SAMPLED_TARGETS if self.work == "tism-all" else 1]
        gradients = [g.reshape(-1, *g.shape[-2:]) for g in self.all_gradients(self.sequences.one_hot[:1], targets)]
        flat = [g[i].numpy() for g in gradients for i in range(len(g))]
        return {"predictions": [], "scores": [tism_scores(g, self.sequences.codes[0], columns) for g in flat]}


class Factory(TorchFactory):
    def __init__(self, work: str, network: Network, root: Path, threads: int) -> None:
        super().__init__(network, root, threads)
        self.work = work

    def candidates(self) -> list[dict]:
        if self.work == "tism-all":
            return [{"form": form, "batch": batch, "targets_together": together}
                    for form in ("plain", "channels-last") for together in (1, 16) for batch in (1, 4, 16)]
        forms = ("plain", "channels-last")
        if self.work != "tism":
            forms += ("plain, frozen", "channels-last, frozen")
        return [{"form": form, "batch": batch} for form in forms for batch in (1, 4, 16, 64, 256)]

    def __call__(self, settings: dict) -> PyTorchCell:
        example = torch.from_numpy(self.sequences.one_hot[:settings["batch"]])
        module = form(self.network, self.root, settings["form"], example)
        return PyTorchCell(module, self.work, self.network, self.sequences, settings)


def factory(tool: str, work: str, network: Network, root: Path, threads: int) -> Factory:
    return Factory(work, network, root, threads)
