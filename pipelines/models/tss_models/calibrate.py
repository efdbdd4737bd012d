"""Temperature scaling: one number that makes the logits say what the frequencies are."""

from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import minimize_scalar

from tss_models.network import TssNetwork


def log_loss(logits: np.ndarray, positive: np.ndarray) -> float:
    """Mean binary cross-entropy of logits, in nats a base."""
    z = logits.astype(np.float64)
    return float(np.mean(np.logaddexp(0, z) - positive * z))


def temperature(logits: np.ndarray, positive: np.ndarray) -> float:
    """The T > 0 for which logits / T have the least log loss."""
    found = minimize_scalar(
        lambda log_t: log_loss(logits / np.exp(log_t), positive), bounds=(-2.0, 2.0), method="bounded")
    return float(np.exp(found.x))


def fold_temperature(network: TssNetwork, value: float) -> None:
    """Divides the last layer by the temperature, so that the network itself gives calibrated logits."""
    with torch.no_grad():
        network.head.weight /= value
        network.head.bias /= value
