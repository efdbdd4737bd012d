"""The network: a convolution over bases, a tower of dilated residual convolutions, one logit per base; and the mean of several."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass

import torch
from torch import nn
from torch.nn import functional


@dataclass(frozen=True)
class Architecture:
    """Shape of the tower; the defaults are the shipped model's."""

    channels: int = 64
    stem_kernel: int = 19
    kernel: int = 3
    dilations: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    dropout: float = 0.3
    """Share of activations dropped after each layer in training; absent from the exported graph."""
    outputs: int = 1
    """Logits per base: the curated site first, then training-only auxiliary tracks."""

    @property
    def reach(self) -> int:
        """Bases on either side of an output that can change it."""
        return self.stem_kernel // 2 + self.kernel // 2 * sum(self.dilations)

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds per base of one exported (one-output) tower."""
        tower = len(self.dilations) * self.kernel * self.channels**2
        return 4 * self.stem_kernel * self.channels + tower + self.channels

    def to_json(self) -> dict:
        """Plain values for a checkpoint or a card."""
        return asdict(self)


class Convolution(nn.Conv1d):
    """Conv1d that also takes [N, C, 1, L], where PyTorch's channels-last kernels train about twice as fast on a CPU."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.dim() == 3:
            return super().forward(x)
        return functional.conv2d(
            x, self.weight.unsqueeze(2), self.bias, padding=(0, self.padding[0]), dilation=(1, self.dilation[0]))


class Normalization(nn.BatchNorm1d):
    """BatchNorm1d that also takes [N, C, 1, L]."""

    def _check_input_dim(self, x: torch.Tensor) -> None:
        if x.dim() not in (3, 4):
            raise ValueError(f"expected [N, C, L] or [N, C, 1, L], got {x.dim()} axes")


class Layer(nn.Module):
    """x + ReLU(BatchNorm(Conv(x)))."""

    def __init__(self, channels: int, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.convolution = Convolution(
            channels, channels, kernel, padding=kernel // 2 * dilation, dilation=dilation, bias=False)
        self.normalization = Normalization(channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.dropout(torch.relu(self.normalization(self.convolution(x))))


class TssNetwork(nn.Module):
    """Logits per base from one-hot bases, [N, 4, L] -> [N, outputs, L], zero padded to keep the length."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        a = architecture
        self.stem = Convolution(4, a.channels, a.stem_kernel, padding=a.stem_kernel // 2, bias=False)
        self.normalization = Normalization(a.channels)
        self.tower = nn.Sequential(*[Layer(a.channels, a.kernel, d, a.dropout) for d in a.dilations])
        self.head = Convolution(a.channels, a.outputs, 1)
        nn.init.constant_(self.head.bias, -7.0)  # near the log odds of a site

    @property
    def heads(self) -> list[Convolution]:
        """The last layer, as ``Ensemble.heads``."""
        return [self.head]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.tower(torch.relu(self.normalization(self.stem(x)))))


class Ensemble(nn.Module):
    """Mean of the logits of networks of one architecture: every head carries its share, so the graph only adds them."""

    def __init__(self, networks: Sequence[TssNetwork]) -> None:
        super().__init__()
        if not networks:
            raise ValueError("an ensemble needs at least one network")
        self.architecture = networks[0].architecture
        if any(n.architecture.reach != self.architecture.reach for n in networks):
            raise ValueError("the networks of an ensemble must have one reach")
        self.members = nn.ModuleList(deepcopy(n) for n in networks)
        with torch.no_grad():
            for head in self.heads:
                head.weight /= len(networks)
                head.bias /= len(networks)

    @property
    def heads(self) -> list[Convolution]:
        """The last layers, whose outputs are added."""
        return [member.head for member in self.members]

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds per base of the exported model."""
        return sum(member.architecture.multiply_adds for member in self.members)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first, *others = self.members
        logits = first(x)
        for member in others:
            logits = logits + member(x)
        return logits


def train_forward(network: TssNetwork | Ensemble, x: torch.Tensor) -> torch.Tensor:
    """The same function through the channels-last kernels: [N, 4, L] -> [N, outputs, L]."""
    return network(x.unsqueeze(2).contiguous(memory_format=torch.channels_last)).squeeze(2)
