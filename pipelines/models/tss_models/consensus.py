"""Merges published TSS sets into one curated set.

    python -m tss_models.consensus SETS_FOLDER OUTPUT.bed

Positions of one strand that lie within ``SPAN`` bases of a neighbour form a chain. A chain that spans more than ``SPAN``
bases is cut at its widest gap, again and again, until every cluster spans at most ``SPAN``; among equal gaps the one
nearest the middle of the chain is cut, then the most upstream one. The rule only looks along the strand, so the reverse
complement of the input gives the mirrored clusters.

A cluster is kept when at least two independent sets have a member in it. Its representative is the position named by most
sets, then the one with the highest Cappable-seq score, then the most upstream one.
"""

from __future__ import annotations

import argparse
import gzip
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from tss_models.sites import Site, write_sites

SPAN = 5
"""Largest distance in bases between two members of one cluster."""

SET_OF_FILE = {
    "tss_cappableseq_ettwiller2016.bed.gz": "Cappable-seq",
    "tss_smrtcappable_yan2018.bed.gz": "SMRT-Cappable-seq",
    "tss_cho2014_palsson.bed.gz": "Cho-Kim",
    "tss_kim2012_palsson.bed.gz": "Cho-Kim",
}
"""Files read, and the independent set each counts for: Cho 2014 and Kim 2012 come from one laboratory."""


@dataclass(frozen=True)
class Member:
    """One published position."""

    position: int
    """Forward position, 0-based."""
    set_name: str
    cappable_score: float = 0.0


def cut_chain(offsets: list[int], span: int = SPAN) -> list[list[int]]:
    """Cuts ascending distinct strand positions into clusters that span at most ``span`` bases each."""
    if offsets[-1] - offsets[0] <= span:
        return [offsets]
    middle = offsets[0] + offsets[-1]
    cut = min(
        range(1, len(offsets)),
        key=lambda i: (offsets[i - 1] - offsets[i], abs(offsets[i - 1] + offsets[i] - middle), i))
    return cut_chain(offsets[:cut], span) + cut_chain(offsets[cut:], span)


def clusters(positions: set[int], strand: int, span: int = SPAN) -> list[list[int]]:
    """Clusters of forward positions of one strand; each cluster and the list run in strand direction."""
    sign = 1 if strand == 0 else -1
    chains: list[list[int]] = []
    for offset in sorted(sign * p for p in positions):
        if chains and offset - chains[-1][-1] <= span:
            chains[-1].append(offset)
        else:
            chains.append([offset])
    return [[sign * offset for offset in cluster] for chain in chains for cluster in cut_chain(chain, span)]


def representative(cluster: list[int], members: dict[int, list[Member]]) -> int:
    """The position that stands for a cluster given in strand direction."""
    def rank(index: int) -> tuple[int, float, int]:
        at = members[cluster[index]]
        return -len({m.set_name for m in at}), -max(m.cappable_score for m in at), index

    return cluster[min(range(len(cluster)), key=rank)]


def merge(chrom: str, strand: int, members: list[Member], minimum_sets: int = 2) -> list[Site]:
    """Sites of one strand supported by at least ``minimum_sets`` sets."""
    by_position: dict[int, list[Member]] = defaultdict(list)
    for member in members:
        by_position[member.position].append(member)
    sites = []
    for cluster in clusters(set(by_position), strand):
        inside = [m for position in cluster for m in by_position[position]]
        sets = tuple(sorted({m.set_name for m in inside}))
        if len(sets) >= minimum_sets:
            score = max(m.cappable_score for m in inside)
            sites.append(Site(
                chrom, representative(cluster, by_position), strand, sets, score, tuple(sorted(cluster))))
    return sites


def read_members(folder: Path) -> dict[tuple[str, int], list[Member]]:
    """All published positions by chromosome and strand."""
    members: dict[tuple[str, int], list[Member]] = defaultdict(list)
    for name, set_name in SET_OF_FILE.items():
        with gzip.open(folder / name, "rt") as stream:
            for line in stream:
                if line.startswith("#"):
                    continue
                fields = line.rstrip("\n").split("\t")
                score = float(fields[6]) if set_name == "Cappable-seq" else 0.0
                members[fields[0], "+-".index(fields[5])].append(Member(int(fields[1]), set_name, score))
    return members


def main() -> None:
    parser = argparse.ArgumentParser(description="Merge published TSS sets into one curated BED.")
    parser.add_argument("folder", type=Path, help="folder with " + ", ".join(SET_OF_FILE))
    parser.add_argument("output", type=Path, help="curated BED to write")
    parser.add_argument("--minimum-sets", type=int, default=2)
    arguments = parser.parse_args()
    sites = [
        site
        for (chrom, strand), members in sorted(read_members(arguments.folder).items())
        for site in merge(chrom, strand, members, arguments.minimum_sets)
    ]
    write_sites(arguments.output, sites)
    print(f"{arguments.output}: {len(sites)} sites")


if __name__ == "__main__":
    main()
