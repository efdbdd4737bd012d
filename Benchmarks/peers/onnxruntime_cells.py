"""onnxruntime: prediction, and exact ISM the naive way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime

from .cell import Sequences, ism_scores, prediction_rows
from .networks import Network


def version() -> str:
    return onnxruntime.__version__


class OnnxRuntimeCell:
    def __init__(self, session: onnxruntime.InferenceSession, work: str, network: Network, sequences: Sequences, batch: int):
        self.session, self.work, self.network, self.sequences, self.batch = session, work, network, sequences, batch
        self.batches = sequences.windows(batch) if work == "predict" else sequences.edited_batches(batch)

    def predict(self, x: np.ndarray) -> list[np.ndarray]:
        return self.session.run(None, {"sequence": x})

    def call(self) -> tuple[float, None]:
        x = next(self.batches)
        self.predict(x)
        return len(x), None

    def scores(self, sequences: int, columns: list[int]) -> dict:
        if self.work == "predict":
            outputs = self.predict(self.sequences.one_hot[:sequences])
            return {"predictions": prediction_rows(self.network.targets, outputs), "scores": []}
        return {"predictions": [], "scores": ism_scores(
            self.sequences, self.network.targets, columns, self.predict, self.batch)}


class Factory:
    def __init__(self, work: str, network: Network, root: Path, threads: int) -> None:
        self.work, self.network = work, network
        self.sequences = Sequences(network, root)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        self.session = onnxruntime.InferenceSession(
            str(network.folder(root) / "model.onnx"), options, providers=["CPUExecutionProvider"])

    def candidates(self) -> list[dict]:
        return [{"batch": batch} for batch in (1, 4, 16, 64, 256)]

    def __call__(self, settings: dict) -> OnnxRuntimeCell:
        return OnnxRuntimeCell(self.session, self.work, self.network, self.sequences, settings["batch"])


def factory(tool: str, work: str, network: Network, root: Path, threads: int) -> Factory:
    return Factory(work, network, root, threads)
