"""Site calls from a track of scores, and their matching to known sites."""

from __future__ import annotations

import numpy as np


def call_peaks(scores: np.ndarray, radius: int = 10) -> np.ndarray:
    """Positions of local maxima after non-maximum suppression, best score first.

    A maximum is dropped when a better one lies within ``radius`` bases; equal scores rank upstream first.
    """
    left = np.concatenate([[-np.inf], scores[:-1]])
    right = np.concatenate([scores[1:], [-np.inf]])
    candidates = np.flatnonzero((scores > left) & (scores >= right))
    order = candidates[np.argsort(-scores[candidates], kind="stable")]
    taken = np.zeros(scores.size, dtype=bool)
    peaks = []
    for position in order:
        if not taken[position]:
            peaks.append(position)
            taken[max(0, position - radius) : position + radius + 1] = True
    return np.array(peaks, dtype=np.int64)


def match_calls(peaks: np.ndarray, sites: np.ndarray, tolerance: int = 5) -> np.ndarray:
    """Index into ``sites`` of each call's site, or -1. One to one.

    Calls choose in the order given (best first): the nearest free site within ``tolerance`` bases, upstream on a tie.
    """
    order = np.argsort(sites, kind="stable")
    ascending = sites[order]
    free = np.ones(sites.size, dtype=bool)
    low = np.searchsorted(ascending, peaks - tolerance, side="left")
    high = np.searchsorted(ascending, peaks + tolerance, side="right")
    matched = np.full(peaks.size, -1, dtype=np.int64)
    for call in np.flatnonzero(high > low):
        near = [i for i in range(low[call], high[call]) if free[i]]
        if near:
            best = min(near, key=lambda i: (abs(ascending[i] - peaks[call]), ascending[i]))
            free[best] = False
            matched[call] = order[best]
    return matched
