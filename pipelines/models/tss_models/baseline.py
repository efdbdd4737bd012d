"""The baseline: a scan with position weight matrices of the -35 and -10 elements and a flexible spacer.

The matrices and the two distance distributions (spacer between the elements, distance from the -10 element to the start
site) are learned from the training part's sites by expectation maximization, which starts from the textbook consensus
TTGACA / TATAAT and allows spacers of 15 to 19 bases. Matrices, pseudocounts and log odds are Biopython's. The score of a base
as a start site is the log of the summed likelihood ratio over all admitted placements of the two elements upstream of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from Bio import motifs
from Bio.motifs.matrix import PositionSpecificScoringMatrix
from scipy.special import logsumexp

from tss_models.dataset import Part
from tss_models.genome import ALPHABET, Genome

SPACERS = np.arange(15, 20)
"""Bases between the -35 and the -10 element."""
DISTANCES = np.arange(4, 11)
"""Bases between the -10 element and the start site."""
WIDTH = 6
LONGEST = 2 * WIDTH + int(SPACERS.max() + DISTANCES.max())
START_CONSENSUS = ("TTGACA", "TATAAT")


@dataclass(frozen=True)
class PromoterScan:
    """Fitted matrices and distances."""

    minus35: PositionSpecificScoringMatrix
    minus10: PositionSpecificScoringMatrix
    spacer: np.ndarray
    """Probability of each of ``SPACERS``."""
    distance: np.ndarray
    """Probability of each of ``DISTANCES``."""

    def placements(self, codes: np.ndarray) -> np.ndarray:
        """Log likelihood ratio (nats) of every placement: [spacer, distance, L - LONGEST], site at index + LONGEST."""
        log35, log10 = window_scores(self.minus35, codes), window_scores(self.minus10, codes)
        count = codes.size - LONGEST
        scores = np.empty((SPACERS.size, DISTANCES.size, count))
        for i, spacer in enumerate(SPACERS):
            for j, distance in enumerate(DISTANCES):
                ten = LONGEST - distance - WIDTH
                first = ten - spacer - WIDTH
                scores[i, j] = log35[first : first + count] + log10[ten : ten + count]
        prior = np.log(self.spacer)[:, None] + np.log(self.distance)[None, :]
        return scores + prior[:, :, None]

    def score(self, codes: np.ndarray) -> np.ndarray:
        """Score of each base from ``LONGEST`` on, as a start site."""
        return logsumexp(self.placements(codes), axis=(0, 1))


def window_scores(matrix: PositionSpecificScoringMatrix, codes: np.ndarray) -> np.ndarray:
    """Log odds in nats of the matrix at every offset of the sequence."""
    table = np.array([matrix[base] for base in ALPHABET]) * np.log(2.0)  # Biopython's log odds are in bits
    count = codes.size - table.shape[1] + 1
    return sum(table[codes[k : k + count], k] for k in range(table.shape[1]))


def matrix_of(counts: np.ndarray, background: dict[str, float]) -> PositionSpecificScoringMatrix:
    """Log-odds matrix of (expected) counts [6, 4]."""
    rows = {base: list(counts[:, code]) for code, base in enumerate(ALPHABET)}
    motif = motifs.Motif(alphabet=ALPHABET, counts=rows)
    return motif.counts.normalize(pseudocounts=1.0).log_odds(background)


def fit_baseline(genome: Genome, part: Part, sites: list[tuple[int, int]], iterations: int = 30) -> PromoterScan:
    """Fits the scan to training sites given as (strand, strand position)."""
    index = np.arange(part.length)
    rows = [(part.strand_start(s, genome.length) + index) % genome.length for s in (0, 1)]
    frequency = np.bincount(np.concatenate([genome.codes[s][rows[s]] for s in (0, 1)]), minlength=5)[:4]
    background = dict(zip(ALPHABET, frequency / frequency.sum(), strict=True))
    upstream = np.stack([genome.window(s, n - LONGEST, LONGEST + 1) for s, n in sites])
    start = np.eye(4)[[[ALPHABET.index(b) for b in consensus] for consensus in START_CONSENSUS]] * 10
    scan = PromoterScan(
        matrix_of(start[0], background), matrix_of(start[1], background),
        np.full(SPACERS.size, 1 / SPACERS.size), np.full(DISTANCES.size, 1 / DISTANCES.size))
    for _ in range(iterations):
        scan = refit(scan, upstream, background)
    return scan


def refit(scan: PromoterScan, upstream: np.ndarray, background: dict[str, float]) -> PromoterScan:
    """One round of expectation maximization over sequences [sites, LONGEST + 1] that end at their start site."""
    ratios = np.stack([scan.placements(codes)[:, :, 0] for codes in upstream])
    share = np.exp(ratios - logsumexp(ratios, axis=(1, 2), keepdims=True))
    letters = np.eye(5)[upstream][:, :, :4]
    counts35, counts10 = np.zeros((WIDTH, 4)), np.zeros((WIDTH, 4))
    for i, spacer in enumerate(SPACERS):
        for j, distance in enumerate(DISTANCES):
            ten = LONGEST - distance - WIDTH
            first = ten - spacer - WIDTH
            counts10 += np.einsum("n,nwb->wb", share[:, i, j], letters[:, ten : ten + WIDTH])
            counts35 += np.einsum("n,nwb->wb", share[:, i, j], letters[:, first : first + WIDTH])
    spacer, distance = share.sum(axis=(0, 2)) + 1, share.sum(axis=(0, 1)) + 1
    return PromoterScan(
        matrix_of(counts35, background), matrix_of(counts10, background),
        spacer / spacer.sum(), distance / distance.sum())


def scan_part(scan: PromoterScan, genome: Genome, part: Part, tile: int = 65536) -> np.ndarray:
    """Scores float32 [2, part.length], each row 5' to 3' along its strand."""
    scores = np.empty((2, part.length), dtype=np.float32)
    for strand in (0, 1):
        first = part.strand_start(strand, genome.length)
        for offset in range(0, part.length, tile):
            count = min(tile, part.length - offset)
            codes = genome.window(strand, first + offset - LONGEST, count + LONGEST)
            scores[strand, offset : offset + count] = scan.score(codes)
    return scores


def describe(scan: PromoterScan) -> dict:
    """Consensus and distances for the report."""
    return {
        "minus35": str(scan.minus35.consensus), "minus10": str(scan.minus10.consensus),
        "spacer": dict(zip(map(str, SPACERS.tolist()), scan.spacer.round(4).tolist(), strict=True)),
        "distance": dict(zip(map(str, DISTANCES.tolist()), scan.distance.round(4).tolist(), strict=True)),
    }
