"""Whether two tools computed the same thing."""

from __future__ import annotations


def compared(ours: dict, theirs: dict) -> float | None:
    """Largest difference over the largest magnitude: of a target's scores, or of all predictions and 1. `None` where the
    tool computes something else."""
    if theirs["predictions"]:
        pairs = [(a, b) for x, y in zip(ours["predictions"], theirs["predictions"], strict=True)
                 for a, b in zip(x, y, strict=True)]
        return max(abs(a - b) for a, b in pairs) / max(1.0, max(abs(b) for _, b in pairs))
    if not theirs["scores"]:
        return None
    magnitudes = theirs.get("magnitudes", False)
    worst = 0.0
    for mine, other in zip(ours["scores"], theirs["scores"], strict=True):
        mine = [abs(a) for a in mine] if magnitudes else mine
        largest = max(abs(b) for b in other)
        difference = max(abs(a - b) for a, b in zip(mine, other, strict=True))
        worst = max(worst, difference / largest if largest else difference)
    return worst
