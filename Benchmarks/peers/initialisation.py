"""Seeded random weights under which a deep network behaves like a trained one.

Each linear layer is scaled, in the order it runs, so that its outputs on random sequences spread as wanted; batch
normalisation takes the statistics it sees; gains, shifts and biases are drawn. So activations neither vanish nor explode,
and outputs differ between sequences.
"""

from __future__ import annotations

import torch
from torch import nn

RESIDUAL_SPREAD = 0.4
"""Spread of what a residual block adds, so that a tower of ten grows to about 1.6 times its stem."""


HEAD_SPREAD = 0.15
"""Spread of BPNet's log count and of its profile logits: the mean of a thousand positions varies little, a profile logit of
the large network is a sum of 38,400 terms; scaling either up would scale up its rounding errors in float32."""


def random_one_hot(count: int, length: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Base codes (count, length) and their one-hot encoding (count, 4, length)."""
    generator = torch.Generator().manual_seed(seed)
    codes = torch.randint(0, 4, (count, length), generator=generator)
    return codes, nn.functional.one_hot(codes, 4).transpose(1, 2).float().contiguous()


def _scaled(layer: nn.Module, wanted: float):
    def hook(module: nn.Module, inputs: tuple[torch.Tensor], output: torch.Tensor) -> torch.Tensor:
        # The spread between sequences (and positions), not that between channels.
        axes = (0,) if output.dim() == 2 else (0, 2) if isinstance(module, nn.Conv1d) else (0, 1)
        centre, spread = output.mean(axes), float(output.std(axes).mean())
        module.weight.mul_(wanted / spread)
        if module.bias is not None:
            # Outputs spread around small numbers, whatever the mean of the inputs was.
            without_bias = (centre - module.bias) * (wanted / spread)
            module.bias.copy_(torch.randn_like(module.bias) * 0.2 * wanted - without_bias)
        return module.forward(*inputs)

    return layer.register_forward_hook(hook)


def _normalised(layer: nn.BatchNorm1d):
    def hook(module: nn.BatchNorm1d, inputs: tuple[torch.Tensor]) -> None:
        axes = (0, 2) if inputs[0].dim() == 3 else (0,)
        module.running_mean.copy_(inputs[0].mean(axes))
        module.running_var.copy_(inputs[0].var(axes) + 1e-2)

    return layer.register_forward_pre_hook(hook)


@torch.no_grad()
def initialise(module: nn.Module, length: int, seed: int) -> nn.Module:
    """Draws the weights of `module`, which gets ready for evaluation, its weights without gradients."""
    torch.manual_seed(seed)
    module.eval().requires_grad_(False)
    handles = []
    for name, layer in module.named_modules():
        if isinstance(layer, (nn.Conv1d, nn.Linear)):
            nn.init.normal_(layer.weight)
            # What ReLUs leave is positive: weights that sum to zero keep sums of ten thousands of terms, and so their
            # rounding errors, small.
            layer.weight.sub_(layer.weight.flatten(1).mean(1).reshape(-1, *[1] * (layer.weight.dim() - 1)))
            in_tower = name.startswith("convolutions.")
            is_head = name in ("count_head", "profile_head")
            handles.append(_scaled(layer, RESIDUAL_SPREAD if in_tower else HEAD_SPREAD if is_head else 1.0))
        elif isinstance(layer, nn.BatchNorm1d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, 0, 0.2)
            handles.append(_normalised(layer))
        elif isinstance(layer, nn.LayerNorm):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, 0, 0.2)
        for parameter in ("content_bias", "position_bias"):
            if hasattr(layer, parameter):
                nn.init.normal_(getattr(layer, parameter), 0, 0.3)
    module(random_one_hot(16, length, seed + 1)[1])
    for handle in handles:
        handle.remove()
    return module
