"""Size of a built network: multiply-accumulates and parameters."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def count_params(module: nn.Module) -> int:
    """Returns the number of trainable and frozen parameters (buffers are not counted)."""
    return sum(parameter.numel() for parameter in module.parameters())


def count_macs(module: nn.Module, resolution: int) -> int:
    """Returns the multiply-accumulates of convolutions and linear layers for one image.

    Args:
        module: Any network that takes (N, 3, R, R) float32.
        resolution: Side R of the input in pixels.
    """
    total = 0

    def count(layer: nn.Module, _inputs: Any, output: Tensor) -> None:
        nonlocal total
        if isinstance(layer, nn.Conv2d):
            taps = layer.kernel_size[0] * layer.kernel_size[1] * layer.in_channels // layer.groups
            total += taps * output.numel()
        elif isinstance(layer, nn.Linear):
            total += layer.in_features * output.numel()

    layers = [layer for layer in module.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    handles = [layer.register_forward_hook(count) for layer in layers]
    was_training = module.training
    module.eval()
    try:
        with torch.inference_mode():
            module(torch.zeros(1, 3, resolution, resolution))
    finally:
        module.train(was_training)
        for handle in handles:
            handle.remove()
    return total
