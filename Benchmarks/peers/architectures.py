"""The networks of the benchmark in PyTorch, full size, from the papers that define them.

Every activation is a module of its own, used once: DeepSHAP hooks modules, yuzu walks them in order. A convolution is
followed by what its paper puts there: fastISM's Basset has its batch normalisation after the ReLU.
"""

from __future__ import annotations

import math

import torch
from torch import nn


def same(inputs: int, outputs: int, width: int, dilation: int = 1) -> nn.Conv1d:
    """A convolution of odd width that keeps the length."""
    return nn.Conv1d(inputs, outputs, width, padding=dilation * (width // 2), dilation=dilation)


def normalisation(channels: int) -> nn.BatchNorm1d:
    return nn.BatchNorm1d(channels, eps=1e-3)  # Keras's epsilon: the reference implementations are Keras's


def dense_head(inputs: int, outputs: int) -> list[nn.Module]:
    """Basset's two hidden layers of 1,000 and the output layer."""
    return [
        nn.Flatten(), nn.Linear(inputs, 1000), nn.ReLU(), normalisation(1000), nn.Linear(1000, 1000), nn.ReLU(),
        normalisation(1000), nn.Linear(1000, outputs)]


def basset(outputs: int) -> nn.Module:
    """Basset (Kelley 2016) as fastISM benchmarks it: length 1,000."""
    layers: list[nn.Module] = []
    for inputs, filters, width, pool in [(4, 300, 19, 3), (300, 200, 11, 4), (200, 200, 7, 4)]:
        layers += [same(inputs, filters, width), nn.ReLU(), normalisation(filters), nn.MaxPool1d(pool)]
    return nn.Sequential(*layers, *dense_head(20 * 200, outputs))


def factorized_basset() -> nn.Module:
    """Factorized Basset (Wnuk 2019) as fastISM benchmarks it: length 1,000, convolution, normalisation, ReLU."""
    layers: list[nn.Module] = []
    inputs = 4
    for pool, block in [
        (3, [(48, 3), (64, 3), (100, 3), (150, 7), (300, 7)]), (4, [(200, 7), (200, 3), (200, 3)]), (4, [(200, 7)]),
    ]:
        for filters, width in block:
            layers += [same(inputs, filters, width), normalisation(filters), nn.ReLU()]
            inputs = filters
        layers.append(nn.MaxPool1d(pool))
    return nn.Sequential(*layers, *dense_head(20 * 200, 1))


def deepsea() -> nn.Module:
    """DeepSEA (Zhou & Troyanskaya 2015): length 1,000, 919 probabilities. Convolutions without padding; dropout is left
    out, as in every evaluation."""
    layers: list[nn.Module] = [
        nn.Conv1d(4, 320, 8), nn.ReLU(), nn.MaxPool1d(4), nn.Conv1d(320, 480, 8), nn.ReLU(), nn.MaxPool1d(4),
        nn.Conv1d(480, 960, 8), nn.ReLU(), nn.Flatten(), nn.Linear(53 * 960, 925), nn.ReLU(), nn.Linear(925, 919),
        nn.Sigmoid()]
    return nn.Sequential(*layers)


class BPNet(nn.Module):
    """BPNet (Avsec 2021) as bpnet-lite builds it, without control tracks: 2,114 bases in, a profile of 1,000 logits and
    one log count out. 512 filters are ChromBPNet's size.

    The last convolution reads only what its 1,000 outputs need, which is the same as cutting its output.
    """

    length, profile, width = 2114, 1000, 75

    def __init__(self, filters: int, layers: int = 8) -> None:
        super().__init__()
        self.stem = same(4, filters, 21)
        self.stem_relu = nn.ReLU()
        self.convolutions = nn.ModuleList(same(filters, filters, 3, 2**i) for i in range(1, layers + 1))
        self.relus = nn.ModuleList(nn.ReLU() for _ in range(layers))
        self.profile_head = nn.Conv1d(filters, 1, self.width)
        self.count_head = nn.Linear(filters, 1)
        self.first = (self.length - self.profile) // 2 - self.width // 2

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.stem_relu(self.stem(x))
        for convolution, relu in zip(self.convolutions, self.relus):
            x = x + relu(convolution(x))
        x = x[..., self.first:self.first + self.profile + self.width - 1]
        return self.profile_head(x).flatten(1), self.count_head(x.mean(-1).flatten(1))


class ResidualTower(nn.Module):
    """The fixed "6 x 64" reference network, one pair of numbers a base, any length: convolution 4 -> 64 of width 11 and
    ReLU; six blocks `x + ReLU(conv(x))` of 64 filters, width 3, dilations 1, 2, 4, 8, 16, 32; convolution 64 -> 2 of
    width 1. Every convolution keeps the length. A base reads 68 bases on each side; channel 1 is a site's logit.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = same(4, 64, 11)
        self.stem_relu = nn.ReLU()
        self.convolutions = nn.ModuleList(same(64, 64, 3, 2**i) for i in range(6))
        self.relus = nn.ModuleList(nn.ReLU() for _ in range(6))
        self.head = nn.Conv1d(64, 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem_relu(self.stem(x))
        for convolution, relu in zip(self.convolutions, self.relus):
            x = x + relu(convolution(x))
        return self.head(x).reshape(x.shape[0], 2, -1)


class RelativeAttention(nn.Module):
    """One layer of the DNA transformer (Clauwaert 2021): causal attention with Transformer-XL's relative positions; each
    head's queries, keys and values pass one shared convolution of width 7; layer normalisation after the residual."""

    def __init__(self, length: int, width: int, heads: int, head: int) -> None:
        super().__init__()
        self.heads, self.head = heads, head
        self.projection = nn.Linear(width, 3 * heads * head, bias=False)
        self.q_convolution = nn.Conv1d(head, head, 7, padding=3)
        self.k_convolution = nn.Conv1d(head, head, 7, padding=3)
        self.v_convolution = nn.Conv1d(head, head, 7, padding=3)
        self.position_projection = nn.Linear(width, heads * head, bias=False)
        self.content_bias = nn.Parameter(torch.zeros(heads, head))
        self.position_bias = nn.Parameter(torch.zeros(heads, head))
        self.output = nn.Linear(heads * head, width, bias=False)
        self.normalisation = nn.LayerNorm(width)
        distance = torch.arange(length - 1, -1, -1.0)  # distance `length - 1 - n` in row n
        angles = distance[:, None] * 10000 ** (-2 * torch.arange(width // 2) / width)
        self.register_buffer("positions", torch.cat([angles.sin(), angles.cos()], 1), persistent=False)
        i, j = torch.arange(length)[:, None], torch.arange(length)[None, :]
        self.register_buffer("mask", j > i, persistent=False)
        self.register_buffer("row", (length - 1 - i + j).clamp(max=length - 1), persistent=False)

    def split(self, x: torch.Tensor, convolution: nn.Conv1d) -> torch.Tensor:
        """(N, L, heads * head) to (N, heads, L, head), convolved along L."""
        n, length, _ = x.shape
        x = x.reshape(n, length, self.heads, self.head).permute(0, 2, 3, 1).reshape(-1, self.head, length)
        return convolution(x).reshape(n, self.heads, self.head, length).transpose(2, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n, length, _ = x.shape
        q, k, v = self.projection(x).chunk(3, dim=-1)
        q, k, v = self.split(q, self.q_convolution), self.split(k, self.k_convolution), self.split(v, self.v_convolution)
        r = self.position_projection(self.positions).reshape(length, self.heads, self.head).permute(1, 2, 0)
        content = (q + self.content_bias[None, :, None, :]) @ k.transpose(2, 3)
        position = (q + self.position_bias[None, :, None, :]) @ r
        position = position.gather(3, self.row.expand(n, self.heads, length, length))
        scores = ((content + position) / math.sqrt(self.head)).masked_fill(self.mask, float("-inf"))
        z = (scores.softmax(-1) @ v).transpose(1, 2).reshape(n, length, self.heads * self.head)
        return self.normalisation(x + self.output(z))


class DNATransformer(nn.Module):
    """The DNA transformer, full size: 6 layers, 6 heads of 32, model width 32, one segment of 512 bases without memory;
    the probability of a site at every base."""

    def __init__(self, length: int = 512, layers: int = 6, width: int = 32, heads: int = 6, head: int = 32) -> None:
        super().__init__()
        self.scale = math.sqrt(width)
        self.embedding = nn.Conv1d(4, width, 1, bias=False)
        self.layers = nn.Sequential(*(RelativeAttention(length, width, heads, head) for _ in range(layers)))
        self.output = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.embedding(x).transpose(1, 2) * self.scale
        return self.output(self.layers(h)).softmax(-1)[..., 1]
