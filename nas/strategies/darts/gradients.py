"""Gradients of the alphas: through one unrolled step of the weights, and the curvature of the loss."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Loss = Callable[[], Tensor]
"""Computes a scalar loss from the parameters as they are now; always on the same images."""


def unrolled_gradient(
    train_loss: Loss,
    val_loss: Loss,
    weights: Sequence[Tensor],
    alphas: Sequence[Tensor],
    *,
    rate: float,
    momentum: Sequence[Tensor | float] | None = None,
    momentum_factor: float = 0.0,
    weight_decay: float = 0.0,
) -> list[Tensor]:
    """Returns the second-order gradient of the alphas (Liu et al. 2019, equations 7 and 8).

    With w' = w - rate * step, the gradient of L_val(w', alpha) is

        d/dalpha L_val(w', alpha) - rate * [d/dalpha L_train(w+, alpha) - d/dalpha L_train(w-, alpha)] / 2 eps

    where w+- = w +- eps * d/dw' L_val and eps = 0.01 / |d/dw' L_val|. The weights are left as they were.

    Args:
        train_loss: Loss on training images.
        val_loss: Loss on the images of the alphas.
        weights: The shared weights.
        alphas: What the gradient is taken of.
        rate: Step of the virtual update, the learning rate of the weights.
        momentum: Momentum buffers of the optimiser; None at the first step.
        momentum_factor: Factor on them.
        weight_decay: Weight decay of the virtual step.
    """
    before = [weight.detach().clone() for weight in weights]
    gradients = torch.autograd.grad(train_loss(), weights)
    buffers = momentum or [0.0] * len(before)
    with torch.no_grad():
        for weight, gradient, buffer in zip(weights, gradients, buffers, strict=True):
            weight.sub_(rate * (momentum_factor * buffer + gradient + weight_decay * weight))
    both = torch.autograd.grad(val_loss(), [*alphas, *weights])
    direct, direction = both[: len(alphas)], both[len(alphas) :]
    length = torch.sqrt(sum((g.square().sum() for g in direction), start=torch.zeros(())))
    eps = 0.01 / float(length.clamp_min(1e-12))
    sides = []
    for sign in (1.0, -1.0):
        with torch.no_grad():
            for weight, start, toward in zip(weights, before, direction, strict=True):
                weight.copy_(start + sign * eps * toward)
        sides.append(torch.autograd.grad(train_loss(), list(alphas)))
    with torch.no_grad():
        for weight, start in zip(weights, before, strict=True):
            weight.copy_(start)
    return [
        d - rate * (plus - minus) / (2 * eps)
        for d, plus, minus in zip(direct, sides[0], sides[1], strict=True)
    ]


def largest_eigenvalue(loss: Tensor, parameters: Sequence[Tensor], *, steps: int, seed: int = 0) -> float:
    """Returns the largest eigenvalue of the Hessian of a loss by Lanczos' iteration.

    Each step is one product of the Hessian with a vector (Pearlmutter 1994), without ever forming the matrix.
    The basis is orthogonalised in full, so that as many steps as there are parameters are exact.

    Args:
        loss: A scalar whose graph reaches the parameters.
        parameters: What the Hessian is taken of; n numbers in all.
        steps: Products to spend, >= 1; more than n are not needed.
        seed: Seed of the first vector.
    """
    gradient = _flat(torch.autograd.grad(loss, list(parameters), create_graph=True))
    n = gradient.numel()
    vector = torch.randn(n, generator=torch.Generator().manual_seed(seed), dtype=gradient.dtype)
    basis = [vector / vector.norm()]
    diagonal: list[float] = []
    beside: list[float] = []
    for _ in range(min(steps, n)):
        pulled = torch.autograd.grad(gradient @ basis[-1], list(parameters), retain_graph=True)
        product = _flat(pulled).detach()
        diagonal.append(float(product @ basis[-1]))
        for each in (*basis, *basis):  # twice is enough
            product = product - (product @ each) * each
        length = float(product.norm())
        if length < 1e-10 * max(1.0, abs(diagonal[0])):
            break
        beside.append(length)
        basis.append(product / length)
    size = len(diagonal)
    matrix = torch.diag(torch.tensor(diagonal, dtype=torch.float64))
    for i, value in enumerate(beside[: size - 1]):
        matrix[i, i + 1] = matrix[i + 1, i] = value
    return float(torch.linalg.eigvalsh(matrix)[-1])


def _flat(tensors: Sequence[Tensor]) -> Tensor:
    return torch.cat([tensor.reshape(-1) for tensor in tensors])
