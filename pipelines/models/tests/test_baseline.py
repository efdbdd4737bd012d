"""The promoter scan finds what was planted."""

import numpy as np

from tss_models.baseline import DISTANCES, LONGEST, SPACERS, fit_baseline, scan_part
from tss_models.dataset import Part
from tss_models.genome import Genome, encode, reverse_complement

SPACER, DISTANCE = 17, 6


def planted(seed: int = 1, length: int = 60_000) -> tuple[Genome, list[tuple[int, int]]]:
    """A random genome with promoters on both strands, and their start sites as (strand, strand position)."""
    random = np.random.default_rng(seed)
    strands = [random.integers(0, 4, length).astype(np.uint8)]
    sites = []
    for number, start in enumerate(range(200, length - 200, 300)):
        strand = number % 2
        block = random.integers(0, 4, 6 + SPACER + 6 + DISTANCE).astype(np.uint8)
        block[:6], block[6 + SPACER : 12 + SPACER] = encode("TTGACA"), encode("TATAAT")
        if strand == 0:
            strands[0][start : start + block.size] = block
            sites.append((0, start + block.size))
        else:
            strands[0][start : start + block.size] = reverse_complement(block)
            sites.append((1, length - start))
    return Genome("toy", np.stack([strands[0], reverse_complement(strands[0])])), sites


def test_the_scan_learns_the_distances_and_ranks_the_starts_first():
    genome, sites = planted()
    part = Part(LONGEST, genome.length - 2 * LONGEST)
    scan = fit_baseline(genome, part, sites)
    assert (str(scan.minus35.consensus), str(scan.minus10.consensus)) == ("TTGACA", "TATAAT")
    assert SPACERS[scan.spacer.argmax()] == SPACER and DISTANCES[scan.distance.argmax()] == DISTANCE
    scores = scan_part(scan, genome, part, tile=5000)
    for strand in (0, 1):
        found = np.sort(np.argsort(-scores[strand])[: sum(s == strand for s, _ in sites)]) + LONGEST
        expected = np.array([n for s, n in sites if s == strand])
        assert np.isin(found, expected).mean() > 0.9
