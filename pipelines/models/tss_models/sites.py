"""The curated sites: one base each, with the sets that support it."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

HEADER = "#chrom\tstart\tend\tname\tscore\tstrand\tsets\tcappable_score\tmembers"


@dataclass(frozen=True)
class Site:
    """A transcription start site."""

    chrom: str
    position: int
    """Forward position of the representative base, 0-based."""
    strand: int
    """0 for plus, 1 for minus."""
    sets: tuple[str, ...]
    """Names of the sets with a member in the cluster, sorted."""
    cappable_score: float = 0.0
    """Largest Cappable-seq relative read score of the cluster; 0 when that set has no member."""
    members: tuple[int, ...] = ()
    """Forward positions of all members, ascending."""


def write_sites(path: Path, sites: list[Site]) -> None:
    """Writes BED6 + sets, Cappable-seq score, member positions (0-based), in genome order.

    The BED score is 1000 for three supporting sets, 667 for two, 333 for one.
    """
    lines = [HEADER]
    for site in sorted(sites, key=lambda s: (s.chrom, s.position, s.strand)):
        strand = "+-"[site.strand]
        name = f"TSS_{site.position + 1}{strand}"
        fields = [
            site.chrom, site.position, site.position + 1, name, round(1000 * len(site.sets) / 3), strand,
            ",".join(site.sets), f"{site.cappable_score:g}", ",".join(map(str, site.members)),
        ]
        lines.append("\t".join(map(str, fields)))
    path.write_text("\n".join(lines) + "\n")


def read_sites(path: Path) -> list[Site]:
    """Reads what ``write_sites`` wrote."""
    opener = gzip.open if path.suffix == ".gz" else open
    sites = []
    with opener(path, "rt") as stream:
        for line in stream:
            if line.startswith("#") or not line.strip():
                continue
            fields = line.rstrip("\n").split("\t")
            start, end = int(fields[1]), int(fields[2])
            if end != start + 1 or fields[5] not in "+-" or len(fields) < 9:
                raise ValueError(f"{path}: not a curated site: {line.strip()}")
            members = tuple(int(p) for p in fields[8].split(","))
            sites.append(
                Site(fields[0], start, "+-".index(fields[5]), tuple(fields[6].split(",")), float(fields[7]), members))
    return sites
