"""What every proxy starts with: a copy of the network, so that the network itself stays as it is."""

from __future__ import annotations

import copy

from timm.layers.create_act import get_act_layer
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

ACTIVATIONS: tuple[type[nn.Module], ...] = (nn.ReLU, nn.ReLU6, nn.SiLU, nn.Hardswish, get_act_layer("swish"))
"""Activations of the networks; gates of squeeze-excite (sigmoids) are none of them."""


def still_copy(module: nn.Module) -> nn.Module:
    """Returns a copy in training mode without dropout: norms by the batch, nothing drawn at random."""
    copied = copy.deepcopy(module).train()
    for layer in copied.modules():
        if isinstance(layer, nn.Dropout):
            layer.p = 0.0
    if hasattr(copied, "drop_rate"):  # timm's networks drop out through a function
        copied.drop_rate = 0.0  # type: ignore[assignment] # nn.Module declares tensors and modules only
    return copied


def linear_copy(module: nn.Module) -> nn.Module:
    """Returns a copy in eval mode and double precision without batch norms and activations."""
    copied = copy.deepcopy(module).double().eval()
    _replace(copied)
    return copied


def weighted_layers(module: nn.Module) -> list[nn.Conv2d | nn.Linear]:
    """Returns the convolutions and linear layers, whose weights the gradient proxies sum over."""
    return [layer for layer in module.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]


def _replace(module: nn.Module) -> None:
    for name, child in module.named_children():
        # timm's batch norms carry the activation inside, so it goes with them
        if isinstance(child, (*ACTIVATIONS, _BatchNorm)):
            setattr(module, name, nn.Identity())
        else:
            _replace(child)
