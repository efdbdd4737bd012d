"""tangermeme's saturation mutagenesis on the CPU: `fast=True` (its own form of fastISM) and `fast=False`.

`fast=True` first captures the model and checks itself, which a long job pays once: measured is what follows, edit by edit.
"""

from __future__ import annotations

import importlib.metadata
import time
from pathlib import Path

import numpy as np
import torch
from tangermeme._fastism import _FastISM
from tangermeme.saturation_mutagenesis import saturation_mutagenesis

from .cell import Sequences, ism_scores
from .networks import Network
from .pytorch_models import TorchFactory, as_tuple, load

EXAMPLES = 4


def version() -> str:
    return importlib.metadata.version("tangermeme")


class SlowCell:
    """Counts the three alternates: that is what it computes, the reference base is filled in."""

    def __init__(self, network: Network, root: Path, sequences: Sequences, batch: int) -> None:
        self.module, self.network, self.sequences, self.batch = load(network, root), network, sequences, batch
        self.columns = max(1, batch // 3)
        self.next = 0

    def run(self, sequence: int, columns: range):
        x = torch.from_numpy(self.sequences.one_hot[sequence:sequence + 1])
        return saturation_mutagenesis(
            self.module, x, start=columns.start, end=columns.stop, batch_size=self.batch, raw_outputs=True, device="cpu",
            fast=False)

    def call(self) -> tuple[float, float]:
        sequence = self.next % len(self.sequences.codes)
        self.next += 1
        middle = self.sequences.length // 2
        start = time.perf_counter()
        self.run(sequence, range(middle, middle + self.columns))
        edits = 3 * self.columns
        # Its pass over the reference, which a whole window pays once, is taken out.
        return edits, (time.perf_counter() - start) * edits / (edits + 1)

    def scores(self, sequences: int, columns: list[int]) -> dict:
        def predict(x: np.ndarray) -> tuple[torch.Tensor, ...]:
            if len(x) == 1:
                return as_tuple(self.run(0, range(columns[0], columns[0] + 1)).y0)
            # A column at a time, in the order of the edits.
            column = int(np.flatnonzero((x[0] != self.sequences.one_hot[0]).any(0))[0])
            result = as_tuple(self.run(0, range(column, column + 1)).y_hat)
            bases = [b for b in range(4) if b != self.sequences.codes[0, column]]
            return tuple(y[0, bases, 0] for y in result)

        return {"predictions": [], "scores": ism_scores(self.sequences, self.network.targets, columns, predict, 3)}


class FastCell:
    def __init__(self, network: Network, root: Path, sequences: Sequences, batch: int) -> None:
        self.network, self.sequences, self.batch = network, sequences, batch
        x = torch.from_numpy(sequences.one_hot[:EXAMPLES]).to(torch.int8)
        self.fast = _FastISM(
            load(network, root), x, None, 0, sequences.length, torch.device("cpu"), torch.float32, False)
        self.next = 0

    def predict_edits(self, example: int, edits: list[tuple[int, int]]) -> tuple[torch.Tensor, ...]:
        columns, bases = torch.tensor(edits).T.contiguous()
        with torch.inference_mode():
            return as_tuple(self.fast.predict_edits(example, bases, columns, self.batch))

    def call(self) -> tuple[float, float]:
        """A batch of edits spread over the window; the pass over the reference is counted once a window."""
        example = self.next % EXAMPLES
        self.next += 1
        edits = self.sequences.edits(example, self.sequences.sample)
        chosen = [edits[i] for i in np.linspace(0, len(edits) - 1, min(len(edits), 2 * self.batch)).round().astype(int)]
        start = time.perf_counter()
        with torch.inference_mode():
            self.fast._set_example(example)  # `predict_edits` does so only where the example changes
        reference = time.perf_counter() - start
        start = time.perf_counter()
        self.predict_edits(example, chosen)
        own = time.perf_counter() - start
        every = 3 * self.sequences.length
        return every, reference + own * every / len(chosen)

    def scores(self, sequences: int, columns: list[int]) -> dict:
        edits = iter([self.sequences.edits(0, [c]) for c in columns])

        def predict(x: np.ndarray) -> tuple[torch.Tensor, ...]:
            if len(x) == 1:
                with torch.inference_mode():
                    return as_tuple(self.plain(torch.from_numpy(x)))
            return self.predict_edits(0, next(edits))

        return {"predictions": [], "scores": ism_scores(self.sequences, self.network.targets, columns, predict, 3)}


class Factory(TorchFactory):
    def __init__(self, tool: str, network: Network, root: Path, threads: int) -> None:
        super().__init__(network, root, threads)
        self.slow = tool == "tangermeme-slow"

    def candidates(self) -> list[dict]:
        return [{"batch": batch} for batch in ((3, 15, 63, 255) if self.slow else (15, 63, 192, 768))]

    def __call__(self, settings: dict) -> SlowCell | FastCell:
        if self.slow:
            return SlowCell(self.network, self.root, self.sequences, settings["batch"])
        cell = FastCell(self.network, self.root, self.sequences, settings["batch"])
        cell.plain = load(self.network, self.root)
        return cell


def factory(tool: str, work: str, network: Network, root: Path, threads: int) -> Factory:
    return Factory(tool, network, root, threads)
