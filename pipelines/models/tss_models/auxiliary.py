"""Training-only auxiliary tracks: what each published set says, single-set sites included.

The curated sites are few, and a network of this size learns them by heart within minutes. Predicting every set on its own,
and the Cappable-seq sites above a few read scores, from the same tower gives it several times more examples of promoters.
The extra outputs are dropped when the model is exported; no evaluation reads them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tss_models.consensus import SET_OF_FILE, read_members
from tss_models.genome import Genome, to_strand

SET_NAMES = tuple(sorted(set(SET_OF_FILE.values())))
SCORE_THRESHOLDS = (4.0, 16.0, 64.0)
"""Cappable-seq relative read scores; each gives a track of the sites at or above it."""

TRACKS = len(SET_NAMES) + len(SCORE_THRESHOLDS)


def read_auxiliary(folder: Path, genome: Genome) -> np.ndarray:
    """Auxiliary labels, bool [TRACKS, 2, G] in strand positions, from the folder of the published sets."""
    tracks = np.zeros((TRACKS, 2, genome.length), dtype=bool)
    for (chrom, strand), members in read_members(folder).items():
        if chrom != genome.name:
            raise ValueError(f"{folder}: sites on {chrom}, but the genome is {genome.name}")
        for member in members:
            place = to_strand(member.position, strand, genome.length)
            tracks[SET_NAMES.index(member.set_name), strand, place] = True
            for number, threshold in enumerate(SCORE_THRESHOLDS):
                if member.cappable_score >= threshold:
                    tracks[len(SET_NAMES) + number, strand, place] = True
    return tracks
