"""fastISM on Keras. A call of it puts one base at every position it was made for: four calls score the three alternates of
every column of every sequence of the batch (where the base is there already, nothing runs)."""

from __future__ import annotations

import importlib.metadata
import time
from pathlib import Path

import numpy as np
import tensorflow as tf
from fastism import FastISM

from .cell import Sequences, ism_scores
from .networks import Network

COLUMNS = 8
"""Columns that stand for all, two of each block of the sample."""


def version() -> str:
    return f"{importlib.metadata.version('fastism')} on TensorFlow {tf.__version__}"


def as_list(outputs) -> list:
    return list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]


class FastISMCell:
    def __init__(self, model: tf.keras.Model, network: Network, sequences: Sequences, settings: dict) -> None:
        self.model, self.network, self.sequences, self.settings = model, network, sequences, settings
        self.columns = sequences.sample[::len(sequences.sample) // COLUMNS]
        self.fast = self.make(self.columns)
        self.next = 0
        self.reference_pass = float("inf")
        """Seconds."""

    def make(self, columns: list[int]) -> FastISM:
        fast = FastISM(self.model, change_ranges=[(c, c + 1) for c in columns], test_correctness=False)
        if self.settings["compiled"]:
            for name in ("fast_ism_model", "intermediate_output_model"):
                setattr(fast, name, tf.function(getattr(fast, name), reduce_retracing=True))
        return fast

    def x(self, first: int, count: int) -> tf.Tensor:
        chosen = (first + np.arange(count)) % len(self.sequences.codes)
        return tf.constant(self.sequences.one_hot[chosen].transpose(0, 2, 1))

    def call(self) -> tuple[float, float]:
        """The passes over the references, one a call of fastISM, are counted once; the edits' own time is scaled to every
        column."""
        batch = self.settings["batch"]
        x = self.x(self.next, batch)
        self.next += batch
        start = time.perf_counter()
        self.fast.set_perturbation([1, 0, 0, 0])
        self.fast.pre_change_range_loop_prep(x, batch)
        self.fast.cleanup()
        # The fastest so far: a pass that something held up would make the edits look free.
        self.reference_pass = min(self.reference_pass, time.perf_counter() - start)
        reference = 4 * self.reference_pass
        start = time.perf_counter()
        for base in range(4):
            self.fast(x, replace_with=[float(base == b) for b in range(4)])
        own = time.perf_counter() - start - reference
        length = self.sequences.length
        return 3 * length * batch, reference + max(0.0, own) * length / len(self.columns)

    def scores(self, sequences: int, columns: list[int]) -> dict:
        fast = self.make(columns)
        x = self.x(0, 1)
        edited = [as_list(fast(x, replace_with=[float(base == b) for b in range(4)])) for base in range(4)]
        edits = iter(self.sequences.edits(0, columns))

        def predict(one_hot: np.ndarray) -> list[np.ndarray]:
            if np.array_equal(one_hot[0], self.sequences.one_hot[0]):
                return [np.asarray(output) for output in as_list(self.model(x, training=False))]
            column, base = next(edits)
            return [output[:, columns.index(column)] for output in edited[base]]

        return {"predictions": [], "scores": ism_scores(self.sequences, self.network.targets, columns, predict, 1)}


class Factory:
    def __init__(self, network: Network, root: Path, threads: int) -> None:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
        self.model = tf.keras.models.load_model(network.folder(root) / "model.keras", compile=False)
        self.network, self.sequences = network, Sequences(network, root)

    def candidates(self) -> list[dict]:
        return [{"compiled": compiled, "batch": batch} for compiled in (False, True) for batch in (8, 32, 128)]

    def __call__(self, settings: dict) -> FastISMCell:
        return FastISMCell(self.model, self.network, self.sequences, settings)


def factory(tool: str, work: str, network: Network, root: Path, threads: int) -> Factory:
    return Factory(network, root, threads)
