"""The networks that are measured, and what is scored on each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Target:
    """One number made from a model's outputs: the sum of some entries, or BPNet's profile score over them."""

    output: int
    first: int
    count: int = 1
    profile: bool = False

    @property
    def text(self) -> str:
        """As tismscan's `--target` takes it."""
        if self.count == 1:
            return f"{self.output}:{self.first}"
        return f"{self.output}:{self.first}-{self.first + self.count}" + (":profile" if self.profile else "")


def entries(output: int, count: int) -> tuple[Target, ...]:
    return tuple(Target(output, i) for i in range(count))


@dataclass(frozen=True)
class Network:
    name: str
    title: str
    length: int
    targets: tuple[Target, ...]
    """Exact ISM scores all of them; TISM of one target takes the first."""
    builder: str
    """The function or class of `architectures`, with its arguments."""
    arguments: tuple[int, ...] = ()
    keras: bool = True
    """False where fastISM takes no such network."""
    sequential: bool = False
    """True where the layers follow one another, which yuzu needs."""
    every_output: bool = False
    """True for the rows that the fastISM paper claims: every output by every method."""
    metadata: dict[str, str] = field(default_factory=dict)
    """What tismscan needs to know when the file is scanned."""
    files: str = ""
    """The network whose files these are, when not its own."""

    def folder(self, root: Path) -> Path:
        return root / (self.files or self.name)

    def build(self):
        """The PyTorch module, weights as PyTorch makes them."""
        from . import architectures

        return getattr(architectures, self.builder)(*self.arguments)


BPNET_TARGETS = (Target(1, 0), Target(0, 0, 1000, profile=True))
"""The log count, and the profile."""

NETWORKS = [
    Network("basset", "Basset, 1,000 bp, 1 output", 1000, entries(0, 1), "basset", (1,), sequential=True),
    Network("basset164", "Basset, 1,000 bp, 164 outputs", 1000, entries(0, 164), "basset", (164,), sequential=True),
    Network(
        "factorized", "Factorized Basset, 1,000 bp", 1000, entries(0, 1), "factorized_basset", sequential=True),
    Network(
        "deepsea", "DeepSEA, 1,000 bp, 919 outputs", 1000, entries(0, 919), "deepsea", sequential=True,
        every_output=True),
    Network("bpnet64", "BPNet, 64 filters, 2,114 bp, count and profile", 2114, BPNET_TARGETS, "BPNet", (64,)),
    Network(
        "bpnet64-profile", "BPNet, 64 filters, 2,114 bp, all 1,000 profile outputs", 2114, entries(0, 1000), "BPNet",
        (64,), every_output=True, files="bpnet64"),
    Network(
        "bpnet512", "BPNet of ChromBPNet's size, 512 filters, 2,114 bp, count and profile", 2114, BPNET_TARGETS, "BPNet",
        (512,)),
    Network(
        "transformer", "DNA transformer, 512 bp, last base and sum", 512, (Target(0, 511), Target(0, 0, 512)),
        "DNATransformer", keras=False),
    Network(
        "resnet6x64", "dilated residual tower 6 x 64, 4,096 bp, sum of the logits", 4096, (Target(0, 4096, 4096),),
        "ResidualTower", keras=False, metadata={
            "tismscan.output.kind": "position", "tismscan.output.axis": "2", "tismscan.output.channel": "1",
            "tismscan.output.activation": "logit"}),
]

BY_NAME = {network.name: network for network in NETWORKS}

SEQUENCES = 256
"""Random sequences of each network."""


def sample_columns(length: int) -> list[range]:
    """Four blocks of 32 columns, evenly spread: they stand for all where a whole window takes too long."""
    return [range(start, start + 32) for start in (int(length * (k + 0.5) / 4) - 16 for k in range(4))]


def compared_columns(length: int) -> list[range]:
    """Two columns of each block: everybody's scores are compared there."""
    return [range(block.start, block.start + 2) for block in sample_columns(length)]


def as_text(columns: list[range]) -> str:
    return ",".join(f"{part.start}-{part.stop}" for part in columns)
