"""Annotated sites and the sequence windows around them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pysam

TEST_PART = range(2_738_785, 3_667_115)
"""Bases held out from training and model choice, 0-based."""


@dataclass(frozen=True)
class Site:
    """A transcription start site; `position` is 0-based on the plus strand."""

    contig: str
    position: int
    strand: str
    name: str


def read_sites(bed: Path, within: range | None = None) -> list[Site]:
    """Sites of a BED6 file (one base a line), those inside `within` only when it is given."""
    sites = []
    for line in bed.read_text().splitlines():
        if not line.strip() or line.startswith(("#", "track", "browser")):
            continue
        contig, start, _, name, _, strand = line.split("\t")[:6]
        if within is None or int(start) in within:
            sites.append(Site(contig, int(start), strand, name))
    return sites


def write_windows(genome: Path, sites: list[Site], flank: int, fasta: Path) -> list[Site]:
    """Writes `2 * flank + 1` bases around each site in strand direction; sites too near a contig end are left out.

    Returns the sites written, in order.
    """
    complement = str.maketrans("ACGT", "TGCA")
    written = []
    with pysam.FastaFile(str(genome)) as reference, fasta.open("w") as out:
        for site in sites:
            first, end = site.position - flank, site.position + flank + 1
            if first < 0 or end > reference.get_reference_length(site.contig):
                continue
            bases = reference.fetch(site.contig, first, end).upper()
            if site.strand == "-":
                bases = bases.translate(complement)[::-1]
            out.write(f">{site.name}\n{bases}\n")
            written.append(site)
    return written
