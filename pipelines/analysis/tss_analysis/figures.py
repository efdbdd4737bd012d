"""The figures of the README."""

from __future__ import annotations

from pathlib import Path

import logomaker
import matplotlib
import numpy as np
import pandas as pd
from numpy.typing import NDArray

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402

BASES = list("ACGT")


def _logo(axes, heights: NDArray, offsets: range) -> None:
    """Draws heights `[L, 4]` (rows are positions) as letters."""
    table = pd.DataFrame(heights, columns=BASES, index=list(offsets))
    logomaker.Logo(table, ax=axes, color_scheme="classic", show_spines=False, flip_below=True)
    axes.axhline(0, color="0.4", linewidth=0.6)


def average_profile(profile: NDArray, heights: NDArray, offsets: range, count: int, path: Path) -> None:
    """Mean importance around sites: a line, and below it letters of mean contribution."""
    figure, (line, letters) = plt.subplots(2, 1, figsize=(10, 5), sharex=True, height_ratios=[1, 1.2])
    line.bar(list(offsets), profile, width=0.9, color="0.35")
    for first, end, name in [(-35, -29, "−35"), (-12, -6, "−10")]:
        line.axvspan(first - 0.5, end - 0.5, color="tab:orange", alpha=0.18, linewidth=0)
        line.text((first + end - 1) / 2, profile.max() * 1.05, name, ha="center", fontsize=9)
    line.axvline(0, color="tab:red", linewidth=0.8)
    line.set_ylim(min(0, profile.min() * 1.1), profile.max() * 1.2)
    line.set_ylabel("mean importance\n(logit)")
    line.set_title(f"TISM importance of the site logit around {count:,} annotated TSS of the test part", fontsize=11)
    _logo(letters, heights, offsets)
    letters.set_ylabel("mean importance\nof each base (logit)")
    letters.set_xlabel("position relative to the TSS (+1 = 0)")
    for axes in (line, letters):
        axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=130)
    plt.close(figure)


def locus(name: str, letters: str, tism: NDArray, ism: NDArray, offsets: range, path: Path) -> None:
    """One promoter: importance of the bases as letters and all substitutions as heat maps, by TISM and by exact ISM."""
    figure, axes = plt.subplots(4, 1, figsize=(12, 6.4), sharex=True, height_ratios=[1.4, 0.8, 1.4, 0.8])
    rows = [BASES.index(letter) for letter in letters]
    limit = max(np.abs(tism).max(), np.abs(ism).max())
    for number, (label, scores) in enumerate([("TISM", tism), ("exact ISM", ism)]):
        heights = np.zeros((len(letters), 4))
        heights[np.arange(len(letters)), rows] = -scores.sum(axis=0) / 3
        _logo(axes[2 * number], heights, offsets)
        axes[2 * number].set_ylabel(f"{label}\nimportance")
        axes[2 * number].spines[["top", "right"]].set_visible(False)
        image = axes[2 * number + 1].imshow(
            scores, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto", interpolation="nearest",
            extent=(offsets.start - 0.5, offsets.stop - 0.5, 3.5, -0.5))
        axes[2 * number + 1].set_yticks(range(4), BASES)
        axes[2 * number + 1].set_ylabel("alternate")
    axes[0].set_title(name, fontsize=11)
    axes[-1].set_xlabel("position relative to the TSS, in strand direction")
    figure.colorbar(image, ax=axes.tolist(), label="change of the site's logit", shrink=0.5, pad=0.01)
    figure.savefig(path, dpi=130, bbox_inches="tight")
    plt.close(figure)


def scatter(pairs: dict[str, tuple[NDArray, NDArray]], pearson: dict[str, float], path: Path) -> None:
    """TISM against exact ISM for each target."""
    figure, axes = plt.subplots(1, len(pairs), figsize=(4.6 * len(pairs), 4.2), squeeze=False)
    for panel, (target, (tism, ism)) in zip(axes[0], pairs.items()):
        panel.hexbin(tism, ism, gridsize=90, bins="log", cmap="viridis", linewidths=0)
        ends = [min(tism.min(), ism.min()), max(tism.max(), ism.max())]
        panel.plot(ends, ends, color="tab:red", linewidth=0.8)
        panel.set_title(f"{target}: r = {pearson[target]:.3f}", fontsize=11)
        panel.set_xlabel("TISM")
        panel.set_ylabel("exact ISM")
    figure.tight_layout()
    figure.savefig(path, dpi=130)
    plt.close(figure)
