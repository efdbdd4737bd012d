"""The genome as base codes, and the mapping between forward and strand positions."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ALPHABET = "ACGT"
"""Order of the one-hot channels. Anything else is code 4, a zero column."""

STRANDS = ("+", "-")
"""Row order of every per-strand array."""


@dataclass(frozen=True)
class Genome:
    """One circular chromosome."""

    name: str
    codes: np.ndarray
    """Base codes of both strands, each 5' to 3': uint8 [2, G], 0..3 in ``ALPHABET`` order, 4 for anything else."""

    @property
    def length(self) -> int:
        """Number of bases G."""
        return self.codes.shape[1]

    def window(self, strand: int, start: int, length: int) -> np.ndarray:
        """Codes [length] from strand position ``start``, running over the origin of the circle where needed."""
        return np.take(self.codes[strand], np.arange(start, start + length), mode="wrap")


def to_strand(position: int | np.ndarray, strand: int, length: int) -> int | np.ndarray:
    """Strand position of a forward position; its own inverse."""
    return position if strand == 0 else length - 1 - position


def encode(sequence: str) -> np.ndarray:
    """Base codes of a sequence, uint8; case is ignored."""
    table = np.full(256, 4, dtype=np.uint8)
    for code, base in enumerate(ALPHABET):
        table[ord(base)] = table[ord(base.lower())] = code
    return table[np.frombuffer(sequence.encode("ascii"), dtype=np.uint8)]


def reverse_complement(codes: np.ndarray) -> np.ndarray:
    """Codes of the opposite strand, 5' to 3'."""
    return np.array([3, 2, 1, 0, 4], dtype=np.uint8)[codes[::-1]]


def one_hot(codes: np.ndarray) -> np.ndarray:
    """One-hot float32 [..., 4, L] of codes [..., L]; code 4 gives a zero column."""
    return np.moveaxis(np.eye(5, 4, dtype=np.float32)[codes], -1, -2)


def read_genome(path: Path) -> Genome:
    """Reads a FASTA file (plain or gzipped) of exactly one record."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt") as stream:
        lines = stream.read().split("\n")
    if not lines[0].startswith(">") or sum(line.startswith(">") for line in lines) != 1:
        raise ValueError(f"{path} must hold exactly one FASTA record")
    forward = encode("".join(line.strip() for line in lines[1:]))
    return Genome(lines[0][1:].split()[0], np.stack([forward, reverse_complement(forward)]))
