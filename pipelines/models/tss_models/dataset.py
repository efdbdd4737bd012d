"""Labels, masks, the split, and the windows a network is trained on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from tss_models.genome import Genome, one_hot, to_strand
from tss_models.sites import Site

IGNORED_RADIUS = 5
"""Bases around a site, other than the site itself, that count neither in the loss nor in any score."""

TEST = (2738785, 3667115)
VALIDATION = (3667115, 4131280)
"""Forward intervals; the training part is the rest, one piece over the origin. A part holds both strands."""


@dataclass(frozen=True)
class Part:
    """A contiguous piece of the circle, both strands."""

    start: int
    """First forward position."""
    length: int
    """Number of bases; the piece may run over the origin."""

    def shrunk(self, border: int) -> Part:
        """The part without ``border`` bases at each end."""
        return Part(self.start + border, self.length - 2 * border)

    def strand_start(self, strand: int, genome_length: int) -> int:
        """Strand position of the part's 5' end on ``strand``, in 0..<G."""
        end = self.start if strand == 0 else self.start + self.length - 1
        return to_strand(end, strand, genome_length) % genome_length

    def contains(self, position: int, genome_length: int) -> bool:
        """Whether a forward position lies in the part."""
        return (position - self.start) % genome_length < self.length


def parts(genome_length: int, border: int) -> dict[str, Part]:
    """The three parts, each without ``border`` bases (the reach of the network) at both ends."""
    whole = {
        "train": Part(VALIDATION[1], genome_length - VALIDATION[1] + TEST[0]),
        "validation": Part(VALIDATION[0], VALIDATION[1] - VALIDATION[0]),
        "test": Part(TEST[0], TEST[1] - TEST[0]),
    }
    return {name: part.shrunk(border) for name, part in whole.items()}


@dataclass(frozen=True)
class Labels:
    """Labels and masks of both strands in strand positions."""

    positive: np.ndarray
    """bool [2, G]: a site lies here."""
    counted: np.ndarray
    """bool [2, G]: the base counts; false within ``IGNORED_RADIUS`` of a site, but true at the sites."""


def label(genome_length: int, sites: list[Site]) -> Labels:
    """Labels of a circular genome."""
    positive = np.zeros((2, genome_length), dtype=bool)
    counted = np.ones((2, genome_length), dtype=bool)
    around = np.arange(-IGNORED_RADIUS, IGNORED_RADIUS + 1)
    for site in sites:
        centre = to_strand(site.position, site.strand, genome_length)
        counted[site.strand, (centre + around) % genome_length] = False
        positive[site.strand, centre] = True
    counted |= positive
    return Labels(positive, counted)


class Windows:
    """Draws training windows at random from both strands of a part.

    A share ``enriched`` of the windows is drawn around a site, the rest uniformly. Each window carries the importance
    weight (uniform density / drawing density), so the expected loss stays that of the whole part and the network's
    probabilities keep their meaning.
    """

    def __init__(
        self, genome: Genome, labels: Labels, part: Part, length: int, reach: int, enriched: float, seed: int,
    ) -> None:
        self.genome, self.labels, self.length, self.reach, self.enriched = genome, labels, length, reach, enriched
        self.random = np.random.default_rng(seed)
        self.starts = [part.strand_start(strand, genome.length) for strand in (0, 1)]
        self.choices = part.length - length + 1
        # sites[strand]: offsets of the sites from the part's 5' end; hits[strand][offset]: sites in that window.
        index = np.arange(part.length)
        rows = [labels.positive[s, (self.starts[s] + index) % genome.length] for s in (0, 1)]
        sums = [np.concatenate([[0], np.cumsum(row)]) for row in rows]
        self.hits = np.stack([s[length:] - s[:-length] for s in sums])
        self.sites = np.argwhere(np.stack(rows))

    def draw(self, count: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Inputs [N, 4, length + 2 reach], strand positions of the outputs [N, length, 2], weights [N]."""
        strands = self.random.integers(0, 2, count)
        offsets = self.random.integers(0, self.choices, count)
        around = np.flatnonzero(self.random.random(count) < self.enriched)
        picked = self.sites[self.random.integers(0, len(self.sites), around.size)]
        strands[around] = picked[:, 0]
        offsets[around] = np.clip(
            picked[:, 1] - self.random.integers(0, self.length, around.size), 0, self.choices - 1)
        density = (1 - self.enriched) + self.enriched * self.hits[strands, offsets] / self.hits.mean()
        first = np.array(self.starts)[strands] + offsets
        span = np.arange(-self.reach, self.length + self.reach)
        index = (first[:, None] + span) % self.genome.length
        codes = self.genome.codes[strands[:, None], index]
        outputs = index[:, self.reach : self.reach + self.length]
        places = np.stack([np.broadcast_to(strands[:, None], outputs.shape), outputs], axis=-1)
        return torch.from_numpy(one_hot(codes)), torch.from_numpy(places), torch.from_numpy(1 / density).float()


def tiles(genome: Genome, part: Part, strand: int, length: int, reach: int) -> Iterator[tuple[int, np.ndarray]]:
    """Codes of consecutive tiles of a part with their halo: (offset in the part, codes [tile + 2 reach])."""
    first = part.strand_start(strand, genome.length)
    for offset in range(0, part.length, length):
        tile = min(length, part.length - offset)
        yield offset, genome.window(strand, first + offset - reach, tile + 2 * reach)
