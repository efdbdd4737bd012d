"""Numbers out of scores. Offsets count from the site in strand direction: -10 is ten bases upstream."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .windows import Site


def importance(scores: NDArray) -> NDArray:
    """Importance of each base, `-sum / 3` of the scores `[n, 4, L]` of its alternates: shape `[n, L]`."""
    return -scores.sum(axis=1, dtype=np.float64) / 3


def mean_profile(values: NDArray, flank: int, offsets: range) -> NDArray:
    """Mean over sites of `[n, 2 * flank + 1]` values at the given offsets."""
    return values.mean(axis=0)[[flank + offset for offset in offsets]]


def best_hexamer_starts(values: NDArray, flank: int, search: range = range(-60, 16)) -> NDArray:
    """For each site the offset at which the six neighbouring bases with the largest summed importance start."""
    sums = np.stack([values[:, flank + o : flank + o + 6].sum(axis=1) for o in search], axis=1)
    return np.array([search[i] for i in sums.argmax(axis=1)])


def alternate_pairs(a: NDArray, b: NDArray, codes: NDArray) -> tuple[NDArray, NDArray]:
    """The scores `[n, 4, L]` of two methods at alternates only: the reference base's zeros are left out."""
    known = codes < 4
    alternate = (np.arange(4)[None, :, None] != codes[:, None, :]) & known[:, None, :]
    return a[alternate].astype(np.float64), b[alternate].astype(np.float64)


def agreement(a: NDArray, b: NDArray) -> dict[str, float]:
    """How well `a` (TISM) stands for `b` (exact ISM): correlations, slope through the origin, signs, largest effects."""
    ranks = [x.argsort().argsort().astype(np.float64) for x in (a, b)]
    top = max(1, a.size // 100)
    largest = [set(np.argpartition(-np.abs(x), top)[:top].tolist()) for x in (a, b)]
    strong = np.abs(b) > np.quantile(np.abs(b), 0.9)
    return {
        "edits": int(a.size),
        "pearson": float(np.corrcoef(a, b)[0, 1]),
        "spearman": float(np.corrcoef(*ranks)[0, 1]),
        "slope": float((a * b).sum() / (a * a).sum()),
        "sign_agreement_top_tenth": float((np.sign(a) == np.sign(b))[strong].mean()),
        "recall_top_percent": len(largest[0] & largest[1]) / top,
    }


def enrichment(track: NDArray, sites: list[Site], strand: str, within: range, share: float = 0.01) -> float:
    """How much likelier a base of the top `share` of a strand's track lies in -45...+5 of a site than any base does."""
    near = np.zeros(len(track), dtype=bool)
    for site in sites:
        if site.strand == strand:
            first, end = (-45, 6) if strand == "+" else (-5, 46)
            near[max(0, site.position + first) : site.position + end] = True
    inside = slice(within.start, within.stop)
    values, near = track[inside], near[inside]
    known = np.isfinite(values)
    top = values >= np.quantile(values[known], 1 - share)
    return float(near[top & known].mean() / near[known].mean())
