"""Proxies from how differently a network treats the images of a batch: jacob_cov and naswot."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from nas.proxies.copies import ACTIVATIONS, still_copy

_SMALL = 1e-5


def jacob_cov(module: nn.Module, images: Tensor) -> float:
    """Minus the sum of log(v + k) + 1 / (v + k) over the eigenvalues v of the Jacobians' correlations.

    Mellor et al. 2020, first version of "Neural architecture search without training" (arXiv 2006.04647v1),
    section 3, with k = 1e-5. A row of the Jacobian is the gradient of the summed outputs with respect to one
    image. The sum of the logarithms is the log-determinant of the (N, N) correlation matrix; the score is
    largest, -N, where no two images are correlated.

    Args:
        module: The network; untouched.
        images: (N, 3, R, R) float32, normalised, N >= 2.

    Returns:
        The score; NaN if a row is constant, as that of a network that ignores its input.
    """
    inputs = images.clone().requires_grad_()
    (rows,) = torch.autograd.grad(still_copy(module)(inputs).sum(), inputs)
    correlations = torch.corrcoef(rows.reshape(len(images), -1).double())
    if not bool(torch.isfinite(correlations).all()):
        return math.nan
    eigenvalues = torch.linalg.eigvalsh(correlations).clamp_min(0.0) + _SMALL
    return -float((eigenvalues.log() + 1.0 / eigenvalues).sum())


def naswot(module: nn.Module, images: Tensor) -> float:
    """log |det K|, K(i, j) = activation units that are on or off alike for images i and j.

    Mellor et al. 2021, "Neural architecture search without training" (arXiv 2006.04647v3), equation 2: the
    number of units less the Hamming distance of the binary codes. A unit is on if what enters its
    activation is above 0, for ReLU6 and swish as for ReLU.

    Args:
        module: The network; untouched.
        images: (N, 3, R, R) float32, normalised.

    Returns:
        The score; minus infinity if two images have one code or there are no activations.
    """
    kernel = torch.zeros(len(images), len(images), dtype=torch.float64)

    def compare(_layer: nn.Module, inputs: tuple[Any, ...]) -> None:
        on = (inputs[0] > 0).flatten(1).float()  # (N, units)
        kernel.add_(on @ on.T + (1.0 - on) @ (1.0 - on).T)

    copied = still_copy(module)
    for layer in copied.modules():
        if isinstance(layer, ACTIVATIONS):
            layer.register_forward_pre_hook(compare)
    with torch.no_grad():
        copied(images)
    return float(torch.linalg.slogdet(kernel).logabsdet)
