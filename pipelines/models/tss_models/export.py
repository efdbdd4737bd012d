"""Writes the ONNX file and proves that it says what PyTorch says.

    python -m tss_models.export CHECKPOINT... MODEL.onnx

The logits of several checkpoints are averaged. Temperature and shift found on the validation part are folded into the last layers, so
the logits are calibrated. The graph is one file, input [N, 4, L] and output [N, L], batch and length symbolic.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

from tss_models.baseline import LONGEST
from tss_models.calibrate import calibrate
from tss_models.dataset import label, parts
from tss_models.evaluate import load
from tss_models.genome import ALPHABET, read_genome
from tss_models.network import Ensemble
from tss_models.sites import read_sites
from tss_models.predict import predict, rows
from tss_models.train import EXAMPLES

OPSET = 17
LENGTHS = (1, 300, 1000, 4096)
TOLERANCE = 1e-5
METADATA = {
    "tismscan.output.kind": "position",
    "tismscan.output.axis": "1",
    "tismscan.output.first": "0",
    "tismscan.output.step": "1",
    "tismscan.output.activation": "logit",
    "tismscan.output.offset": "0",
    "tismscan.alphabet": ALPHABET,
    "tismscan.strands": "stranded",
}


class PerBase(nn.Module):
    """The network without its channel axis: [N, 4, L] -> [N, L]."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, sequence: torch.Tensor) -> torch.Tensor:
        return self.network(sequence).squeeze(1)


def write(network: nn.Module, path: Path) -> None:
    """Exports, adds the metadata, and saves one self-contained file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        PerBase(network).eval(), (torch.zeros(2, 4, 512),), path, dynamo=False, opset_version=OPSET,
        input_names=["sequence"], output_names=["logit"],
        dynamic_axes={"sequence": {0: "batch", 2: "length"}, "logit": {0: "batch", 1: "length"}})
    model = onnx.load(path)
    onnx.helper.set_model_props(model, METADATA)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path, save_as_external_data=False)


def largest_difference(network: nn.Module, path: Path, seed: int = 1) -> float:
    """Largest difference between ONNX Runtime and PyTorch over random sequences, zero columns among them."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(seed)
    worst = 0.0
    for length in LENGTHS:
        for batch in (1, 3):
            codes = random.choice(5, size=(batch, length), p=[0.24, 0.24, 0.24, 0.24, 0.04])
            x = np.ascontiguousarray(np.moveaxis(np.eye(5, 4, dtype=np.float32)[codes], -1, -2))
            with torch.inference_mode():
                expected = PerBase(network).eval()(torch.from_numpy(x)).numpy()
            found = session.run(None, {"sequence": x})[0]
            if found.shape != (batch, length):
                raise RuntimeError(f"{path}: output {found.shape}, expected {(batch, length)}")
            worst = max(worst, float(np.abs(found - expected).max()))
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(description="Export the mean of checkpoints to ONNX.")
    parser.add_argument("checkpoints", type=Path, nargs="+")
    parser.add_argument("output", type=Path)
    parser.add_argument("--genome", type=Path, default=EXAMPLES / "NC_000913.3.fa.gz")
    parser.add_argument("--sites", type=Path, default=EXAMPLES / "tss_curated.bed")
    arguments = parser.parse_args()
    genome = read_genome(arguments.genome)
    labels = label(genome.length, read_sites(arguments.sites))
    network = Ensemble([load(path)[0] for path in arguments.checkpoints])
    validation = parts(genome.length, max(network.architecture.reach, LONGEST))["validation"]
    counted = rows(labels.counted, validation)
    found = calibrate(predict(network, genome, validation)[counted], rows(labels.positive, validation)[counted])
    found.fold(network)
    write(network, arguments.output)
    difference = largest_difference(network, arguments.output)
    if not difference <= TOLERANCE:
        raise RuntimeError(f"{arguments.output} differs from PyTorch by {difference:g}")
    print(f"{arguments.output}: {arguments.output.stat().st_size} bytes, temperature {found.temperature:.4f}, shift {found.shift:+.4f}, "
          f"largest difference from PyTorch {difference:.2g}")


if __name__ == "__main__":
    main()
