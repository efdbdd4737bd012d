"""Scores of ranked predictions; weights let a bootstrap repeat or drop whole blocks."""

from __future__ import annotations

import numpy as np


def precision_recall(
    scores: np.ndarray, hits: np.ndarray, weights: np.ndarray | None = None, total: float | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Precision and recall at each distinct score, best first.

    ``total`` is the weight of all that could be hit, for calls that may miss sites; by default that of ``hits``.
    """
    order = np.argsort(-scores, kind="stable")
    scores, hits = scores[order], hits[order]
    weight = np.ones(scores.size) if weights is None else weights[order].astype(float)
    last = np.append(np.flatnonzero(np.diff(scores)), scores.size - 1)  # ties count together
    found = np.cumsum(weight * hits)[last]
    made = np.cumsum(weight)[last]
    total = float((weight * hits).sum()) if total is None else total
    return np.divide(found, made, out=np.zeros_like(found), where=made > 0), found / total


def average_precision(
    scores: np.ndarray, hits: np.ndarray, weights: np.ndarray | None = None, total: float | None = None,
) -> float:
    """Mean of the precision over the recall gained, as scikit-learn's ``average_precision_score``."""
    precision, recall = precision_recall(scores, hits, weights, total)
    return float(np.sum(precision * np.diff(recall, prepend=0.0)))


def recall_at_precision(
    scores: np.ndarray, hits: np.ndarray, precision: float, weights: np.ndarray | None = None,
    total: float | None = None,
) -> float:
    """Largest recall at which the precision is still reached; 0 when it never is."""
    reached, recall = precision_recall(scores, hits, weights, total)
    return float(recall[reached >= precision].max(initial=0.0))


def roc_auc(scores: np.ndarray, hits: np.ndarray) -> float:
    """Area under the receiver operating characteristic."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(hits, scores))


def expected_calibration_error(
    probabilities: np.ndarray, hits: np.ndarray, edges: np.ndarray,
) -> tuple[float, list[dict[str, float]]]:
    """Gap between probability and frequency, weighted by bases, and the reliability table of the bins ``edges``."""
    bins = np.digitize(probabilities, edges[1:-1])
    table, error = [], 0.0
    for number in range(edges.size - 1):
        inside = bins == number
        if inside.any():
            predicted, observed = float(probabilities[inside].mean()), float(hits[inside].mean())
            error += inside.mean() * abs(predicted - observed)
            table.append({
                "from": float(edges[number]), "to": float(edges[number + 1]), "bases": int(inside.sum()),
                "predicted": predicted, "observed": observed})
    return float(error), table
