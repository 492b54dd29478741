"""Proxies from one backward pass: synflow, snip and grad_norm."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas.proxies.copies import linear_copy, still_copy, weighted_layers


def synflow(module: nn.Module, images: Tensor) -> float:
    """Sum of theta * dR/dtheta with R = sum of the outputs for ones, every theta replaced by |theta|.

    Tanaka et al. 2020, "Pruning neural networks without any data by iteratively conserving synaptic flow"
    (arXiv 2006.05467): R = 1' (prod |theta|) 1; as a score of networks Abdelfattah et al. 2021 (2101.08134),
    section 3.2. In double precision, because R is a product over the layers, and without batch norm, which
    would divide the flow out again. Activations are left out as well: of positive numbers ReLU is the
    identity, but ReLU6 would cut every flow at 6 and swish bend it. Gates of squeeze-excite stay.

    Args:
        module: The network; untouched.
        images: (N, 3, R, R); only the shape of one image is used.

    Returns:
        The sum over the weights of convolutions and linear layers, >= 0; may overflow to infinity.
    """
    copied = linear_copy(module)
    with torch.no_grad():
        for parameter in copied.parameters():
            parameter.abs_()
    flow = copied(torch.ones_like(images[:1], dtype=torch.float64)).sum()
    return sum(float((weight * slope).sum()) for weight, slope in _slopes(copied, flow))


def snip(module: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Sum of |theta * dL/dtheta| with the cross-entropy L of one batch.

    Lee et al. 2019, "SNIP: Single-shot network pruning based on connection sensitivity" (arXiv 1810.02340),
    without its normalisation; as a score of networks Abdelfattah et al. 2021, section 3.2.

    Args:
        module: The network; untouched.
        images: (N, 3, R, R) float32, normalised.
        labels: (N,) int64.

    Returns:
        The sum over the weights of convolutions and linear layers, >= 0.
    """
    pairs = _slopes_of_loss(module, images, labels)
    return sum(float((weight * slope).abs().sum()) for weight, slope in pairs)


def grad_norm(module: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Sum over the layers of the Euclidean norm of dL/dtheta with the cross-entropy L of one batch.

    Abdelfattah et al. 2021, "Zero-cost proxies for lightweight NAS" (arXiv 2101.08134), section 3.2.

    Args:
        module: The network; untouched.
        images: (N, 3, R, R) float32, normalised.
        labels: (N,) int64.

    Returns:
        The sum over convolutions and linear layers, >= 0.
    """
    return sum(float(slope.norm()) for _, slope in _slopes_of_loss(module, images, labels))


def _slopes_of_loss(module: nn.Module, images: Tensor, labels: Tensor) -> list[tuple[Tensor, Tensor]]:
    copied = still_copy(module)
    return _slopes(copied, F.cross_entropy(copied(images), labels))


def _slopes(module: nn.Module, value: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Returns (weights, their gradients) of every layer with weights that `value` depends on."""
    weights = [layer.weight for layer in weighted_layers(module)]
    slopes = torch.autograd.grad(value, weights, allow_unused=True)
    pairs = zip(weights, slopes, strict=True)
    return [(weight.detach(), slope) for weight, slope in pairs if slope is not None]
