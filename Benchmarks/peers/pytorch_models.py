"""The networks in PyTorch with the weights that were written, in the forms that may be fastest."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from .cell import Sequences
from .networks import Network


def load(network: Network, root: Path) -> nn.Module:
    """The module as it was exported, for evaluation, weights without gradients."""
    module = network.build()
    module.load_state_dict(torch.load(network.folder(root) / "weights.pt", weights_only=True))
    return module.eval().requires_grad_(False)


class TorchFactory:
    """What the cells of every tool on PyTorch start from: threads, network, sequences."""

    def __init__(self, network: Network, root: Path, threads: int) -> None:
        torch.set_num_threads(threads)
        torch.set_num_interop_threads(1)
        self.network, self.root = network, root
        self.sequences = Sequences(network, root)


class ChannelsLast(nn.Module):
    """A one-dimensional network as a two-dimensional one of height 1, for PyTorch's channels-last memory format, which
    exists for two dimensions only. The results are those of the original."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = two_dimensional(module).to(memory_format=torch.channels_last)

    def forward(self, x: torch.Tensor):
        return self.module(x.unsqueeze(2).contiguous(memory_format=torch.channels_last))


def two_dimensional(module: nn.Module) -> nn.Module:
    """Replaces one-dimensional layers, the module's own children included."""
    if isinstance(module, nn.Conv1d):
        layer = nn.Conv2d(
            module.in_channels, module.out_channels, (1, module.kernel_size[0]), padding=(0, module.padding[0]),
            dilation=(1, module.dilation[0]), bias=module.bias is not None)
        layer.weight = nn.Parameter(module.weight.unsqueeze(2), requires_grad=False)
        if module.bias is not None:
            layer.bias = module.bias
        return layer
    if isinstance(module, nn.BatchNorm1d) and module.num_features != 1000:
        layer = nn.BatchNorm2d(module.num_features, eps=module.eps)
        layer.load_state_dict(module.state_dict())
        return layer.eval().requires_grad_(False)
    if isinstance(module, nn.MaxPool1d):
        return nn.MaxPool2d((1, module.kernel_size))
    for name, child in module.named_children():
        setattr(module, name, two_dimensional(child))
    return module


def as_tuple(outputs) -> tuple[torch.Tensor, ...]:
    return tuple(outputs) if isinstance(outputs, (tuple, list)) else (outputs,)


def form(network: Network, root: Path, name: str, example: torch.Tensor) -> nn.Module:
    """- name: `plain`, `channels-last`, or either followed by `, frozen`: traced, batch normalisation folded, weights
    packed for oneDNN (for passes without gradients)."""
    module = load(network, root)
    if name.startswith("channels-last"):
        if network.builder == "DNATransformer":
            raise ValueError("attention has no channels-last form")
        module = ChannelsLast(module)
    if name.endswith("frozen"):
        with torch.no_grad():
            module = torch.jit.optimize_for_inference(torch.jit.trace(module, example, check_trace=False))
    return module
