"""Builds the networks in Keras from the weights that `write_networks` wrote, checks that their outputs agree, and saves them.

    python -m peers.keras_networks FOLDER NAME...

Runs in the Keras environment, which has no PyTorch.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.keras import layers

from .networks import BY_NAME, Network

TOLERANCE = 1e-5
CHECKED = 4

Weights = dict[str, np.ndarray]


def convolution(weights: Weights, name: str, x, padding: str, dilation: int = 1, activation: str | None = None):
    kernel, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    layer = layers.Conv1D(
        kernel.shape[0], kernel.shape[2], padding=padding, dilation_rate=dilation, activation=activation)
    y = layer(x)
    layer.set_weights([kernel.transpose(2, 1, 0), bias])
    return y


def dense(weights: Weights, name: str, x, positions: int = 1):
    """- positions: length of the sequence that was flattened: PyTorch flattens channels first, Keras positions first."""
    kernel, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    layer = layers.Dense(kernel.shape[0])
    y = layer(x)
    kernel = kernel.reshape(len(kernel), -1, positions).transpose(2, 1, 0).reshape(-1, len(kernel))
    layer.set_weights([kernel, bias])
    return y


def sequential(weights: Weights, described: list[dict], x):
    """The layers of a PyTorch `Sequential`, as `write_networks` described them."""
    positions = 1
    for number, layer in enumerate(described):
        name, kind = str(number), layer["kind"]
        if kind == "Conv1d":
            x = convolution(weights, name, x, "same" if layer["padding"] else "valid")
        elif kind == "ReLU":
            x = layers.ReLU()(x)
        elif kind == "Sigmoid":
            x = layers.Activation("sigmoid")(x)
        elif kind == "BatchNorm1d":
            normalisation = layers.BatchNormalization(epsilon=layer["eps"])
            x = normalisation(x)
            normalisation.set_weights(
                [weights[f"{name}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")])
        elif kind == "MaxPool1d":
            x = layers.MaxPooling1D(layer["kernel_size"])(x)
        elif kind == "Flatten":
            positions = x.shape[1]
            x = layers.Flatten()(x)
        elif kind == "Linear":
            x = dense(weights, name, x, positions)
            positions = 1
        else:
            raise SystemExit(f"layer {number}: no Keras layer for {kind}")
    return x


def bpnet(weights: Weights, length: int, x):
    x = convolution(weights, "stem", x, "same", activation="relu")
    towers = sum(name.startswith("convolutions.") and name.endswith(".weight") for name in weights)
    for i in range(towers):
        x = layers.Add()([x, convolution(weights, f"convolutions.{i}", x, "same", 2 ** (i + 1), "relu")])
    kept = 1000 + weights["profile_head.weight"].shape[2] - 1
    first = (length - kept) // 2
    x = layers.Cropping1D((first, length - kept - first))(x)
    profile = layers.Flatten()(convolution(weights, "profile_head", x, "valid"))
    return [profile, dense(weights, "count_head", layers.GlobalAveragePooling1D()(x))]


def build(network: Network, folder: Path) -> tf.keras.Model:
    weights = dict(np.load(folder / "weights.npz"))
    x = layers.Input((network.length, 4))
    described = json.loads((folder / "network.json").read_text())["layers"]
    outputs = sequential(weights, described, x) if network.sequential else bpnet(weights, network.length, x)
    return tf.keras.Model(x, outputs)


def one_hot(folder: Path, count: int) -> np.ndarray:
    lines = (folder / "sequences.txt").read_text().split()[:count]
    return np.eye(4, dtype=np.float32)[[["ACGT".index(base) for base in line] for line in lines]]


def write(network: Network, folder: Path) -> None:
    model = build(network, folder)
    outputs = model(one_hot(folder, CHECKED), training=False)
    outputs = [o.numpy() for o in (outputs if isinstance(outputs, list) else [outputs])]
    expected = list(np.load(folder / "expected.npz").values())
    error = max(float(np.abs(a - b).max() / max(1, np.abs(b).max())) for a, b in zip(outputs, expected, strict=True))
    if not error <= TOLERANCE:
        raise SystemExit(f"{network.name}: Keras differs from PyTorch by {error:.1e}, more than {TOLERANCE:.0e}")
    model.save(folder / "model.keras")
    (folder / "keras.json").write_text(json.dumps({"keras_agreement": error}) + "\n")
    print(f"{network.name}: Keras agrees to {error:.1e}", flush=True)


def main() -> None:
    root = Path(sys.argv[1])
    for name in sys.argv[2:]:
        network = BY_NAME[BY_NAME[name].files or name]
        if network.keras and not (network.folder(root) / "keras.json").exists():
            write(network, network.folder(root))


if __name__ == "__main__":
    main()
