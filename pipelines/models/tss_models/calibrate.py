"""Calibration: a temperature and a shift that make the logits say what the frequencies are.

Both are folded into the last layers, so the shipped logits are calibrated. The order of the logits does not change.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize

from tss_models.network import Ensemble, TssNetwork


@dataclass(frozen=True)
class Calibration:
    """The map z -> z / temperature + shift."""

    temperature: float
    shift: float

    def fold(self, network: Ensemble | TssNetwork) -> None:
        """Puts the map into the last layers, whose outputs are added; the shift goes into the first."""
        with torch.no_grad():
            for head in network.heads:
                head.weight /= self.temperature
                head.bias /= self.temperature
            network.heads[0].bias += self.shift


def log_loss(logits: np.ndarray, positive: np.ndarray) -> float:
    """Mean binary cross-entropy of logits, in nats a base."""
    z = logits.astype(np.float64)
    return float(np.mean(np.logaddexp(0, z) - positive * z))


def calibrate(logits: np.ndarray, positive: np.ndarray) -> Calibration:
    """The map with the least log loss."""
    z = logits.astype(np.float64)

    def loss(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        scale, shift = parameters
        mapped = scale * z + shift
        residual = 1 / (1 + np.exp(-mapped)) - positive
        unit = 1 / positive.mean()  # brings the loss near 1, where the optimizer's tolerances apply
        value = np.mean(np.logaddexp(0, mapped) - positive * mapped) * unit
        return value, np.array([np.mean(residual * z), np.mean(residual)]) * unit

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=[(0.05, 20.0), (-10.0, 10.0)])
    if not found.success:
        raise RuntimeError(f"calibration failed: {found.message}")
    scale, shift = found.x
    return Calibration(1 / float(scale), float(shift))
