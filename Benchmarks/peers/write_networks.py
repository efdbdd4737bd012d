"""Writes the networks: ONNX, PyTorch weights, sequences, and outputs that every runtime must agree with.

    python -m peers.write_networks FOLDER NAME...

Runs in the PyTorch environment; `keras_networks` builds the same networks in Keras from the weights written here. A network
that is there already is left alone.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

from .initialisation import initialise, random_one_hot
from .networks import BY_NAME, SEQUENCES, Network

SEED = 20_240
CHECKED = 4
"""Sequences that outputs are compared on."""
TOLERANCE = 1e-5
"""Largest difference between runtimes, relative to max(1, largest output)."""
OPSET = 18


def as_arrays(outputs) -> list[np.ndarray]:
    outputs = outputs if isinstance(outputs, (tuple, list)) else (outputs,)
    return [np.asarray(output) for output in outputs]


def agreement(ours: list[np.ndarray], theirs: list[np.ndarray]) -> float:
    """Largest difference, relative to max(1, largest)."""
    if [a.shape for a in ours] != [b.shape for b in theirs]:
        raise SystemExit(f"outputs of shapes {[a.shape for a in ours]} and {[b.shape for b in theirs]}")
    return max(float(np.abs(a - b).max() / max(1, np.abs(b).max())) for a, b in zip(ours, theirs))


def require_agreement(name: str, runtime: str, ours: list[np.ndarray], theirs: list[np.ndarray]) -> float:
    error = agreement(ours, theirs)
    if not error <= TOLERANCE:
        raise SystemExit(f"{name}: {runtime} differs from PyTorch by {error:.1e}, more than {TOLERANCE:.0e}")
    return error


def layers(module: torch.nn.Module) -> list[dict]:
    """The layers of a `Sequential`, for whoever builds it without PyTorch; none for other modules."""
    if not isinstance(module, torch.nn.Sequential):
        return []
    return [
        {"kind": type(layer).__name__, "padding": sum(getattr(layer, "padding", (0,)))
         if isinstance(layer, torch.nn.Conv1d) else 0, "kernel_size": getattr(layer, "kernel_size", None),
         "eps": getattr(layer, "eps", None)}
        for layer in module]


def write(network: Network, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    module = initialise(network.build(), network.length, SEED)
    codes, x = random_one_hot(SEQUENCES, network.length, SEED + 2)
    (folder / "sequences.txt").write_text("".join("".join("ACGT"[c] for c in row) + "\n" for row in codes.tolist()))

    path = folder / "model.onnx"
    outputs = ["profile", "count"] if network.builder == "BPNet" else ["output"]
    batch = torch.export.Dim("batch", min=1, max=4096)
    program = torch.onnx.export(
        module, (x[:2],), dynamo=True, opset_version=OPSET, input_names=["sequence"], output_names=outputs,
        dynamic_shapes=({0: batch, 2: torch.export.Dim("length", min=256, max=1 << 22)} if network.metadata
                        else {0: batch},), verbose=False)
    program.save(str(path), external_data=False)
    model = onnx.load(path)
    onnx.helper.set_model_props(model, network.metadata)
    onnx.checker.check_model(model)
    onnx.save(model, path)

    with torch.inference_mode():
        expected = as_arrays(module(x[:CHECKED]))
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    error = require_agreement(network.name, "onnxruntime", session.run(None, {"sequence": x[:CHECKED].numpy()}), expected)
    spread = [float(output.std(0).mean()) for output in expected]
    torch.save(module.state_dict(), folder / "weights.pt")
    np.savez(folder / "weights.npz", **{name: value.numpy() for name, value in module.state_dict().items()})
    np.savez(folder / "expected.npz", *expected)
    facts = {
        "parameters": sum(p.numel() for p in module.parameters()), "onnxruntime_agreement": error, "spread": spread,
        "seed": SEED, "layers": layers(module)}
    # Last: its presence says that the network is complete.
    (folder / "network.json").write_text(json.dumps(facts, indent=1) + "\n")
    print(f"{network.name}: onnxruntime agrees to {error:.1e}, outputs spread {spread}", flush=True)


def main() -> None:
    root = Path(sys.argv[1])
    for name in sys.argv[2:]:
        network = BY_NAME[name]
        network = BY_NAME[network.files or name]
        if not (network.folder(root) / "network.json").exists():
            write(network, network.folder(root))


if __name__ == "__main__":
    main()
