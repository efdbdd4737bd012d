"""What the runners of all tools share: sequences, edits, targets in NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np

from .networks import Network, Target, sample_columns


class Cell(Protocol):
    """A tool set up for one work on one network."""

    def call(self) -> tuple[float, float | None]:
        """Works a little: how many windows, edits or sequences, and how many seconds they stand for if not those it took."""

    def scores(self, sequences: int, columns: list[int]) -> dict:
        """Targets' values of the first sequences, or scores of the first one at some columns, to compare."""


class Sequences:
    """The random sequences of a network."""

    def __init__(self, network: Network, root: Path) -> None:
        lines = (network.folder(root) / "sequences.txt").read_text().split()
        self.codes = np.array([["ACGT".index(base) for base in line] for line in lines])
        self.length = network.length
        self.one_hot = np.ascontiguousarray(np.eye(4, dtype=np.float32)[self.codes].transpose(0, 2, 1))
        self.sample = [c for block in sample_columns(network.length) for c in block]

    def windows(self, batch: int) -> Iterator[np.ndarray]:
        """Batches of windows (batch, 4, length), round and round."""
        repeated = np.resize(np.arange(len(self.codes)), len(self.codes) * batch)
        while True:
            for first in range(0, len(repeated), batch):
                yield self.one_hot[repeated[first:first + batch]]

    def edits(self, sequence: int, columns: list[int]) -> list[tuple[int, int]]:
        """The three alternates of each column as (column, base)."""
        return [(c, b) for c in columns for b in range(4) if b != self.codes[sequence, c]]

    def edited(self, sequence: int, edits: list[tuple[int, int]]) -> np.ndarray:
        """One copy of the sequence an edit, (edits, 4, length)."""
        x = np.repeat(self.one_hot[sequence:sequence + 1], len(edits), axis=0)
        rows = np.arange(len(edits))
        columns, bases = np.array(edits).T
        x[rows, :, columns] = 0
        x[rows, bases, columns] = 1
        return x

    def edited_batches(self, batch: int) -> Iterator[np.ndarray]:
        """Batches of edited copies, round and round over sequences; the same edits for every tool."""
        while True:
            for sequence in range(len(self.codes)):
                edits = self.edits(sequence, self.sample)
                for first in range(0, len(edits) - batch + 1, batch):
                    yield self.edited(sequence, edits[first:first + batch])


def frozen(target: Target, outputs: list[np.ndarray]) -> np.ndarray:
    """The weights of a target's entries at a reference (one sequence), in float64."""
    if not target.profile:
        return np.ones(target.count)
    z = outputs[target.output].reshape(-1)[target.first:target.first + target.count].astype(np.float64)
    p = np.exp(z - z.max())
    return p / p.sum() - 1 / target.count


def value(target: Target, weights: np.ndarray, outputs: list[np.ndarray], row: int) -> float:
    z = outputs[target.output][row].reshape(-1)[target.first:target.first + target.count]
    return float(weights @ z.astype(np.float64))


def prediction_rows(targets: tuple[Target, ...], outputs: list[np.ndarray]) -> list[list[float]]:
    """Targets' values, one row a sequence, each frozen at itself."""
    return [
        [value(t, frozen(t, [output[row] for output in outputs]), outputs, row) for t in targets]
        for row in range(len(outputs[0]))]


def ism_scores(sequences: Sequences, targets: tuple[Target, ...], columns: list[int], predict, batch: int) -> list:
    """Exact ISM of the first sequence, one list a target, row-major (4, columns).

    - predict: maps (n, 4, length) to the outputs.
    """
    reference = [np.asarray(output) for output in predict(sequences.one_hot[:1])]
    weights = [frozen(t, [output[0] for output in reference]) for t in targets]
    before = [value(t, w, reference, 0) for t, w in zip(targets, weights)]
    result = np.zeros((len(targets), 4, len(columns)))
    edits = sequences.edits(0, columns)
    for first in range(0, len(edits), batch):
        part = edits[first:first + batch]
        outputs = [np.asarray(output) for output in predict(sequences.edited(0, part))]
        for row, (column, base) in enumerate(part):
            for number, (target, w) in enumerate(zip(targets, weights)):
                result[number, base, columns.index(column)] = value(target, w, outputs, row) - before[number]
    return result.reshape(len(targets), -1).tolist()


def tism_scores(gradient: np.ndarray, codes: np.ndarray, columns: list[int]) -> list[float]:
    """TISM from a gradient (4, length), row-major (4, columns)."""
    g = gradient.astype(np.float64)[:, columns]
    return (g - g[codes[columns], np.arange(len(columns))]).reshape(-1).tolist()
