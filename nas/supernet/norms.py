"""Batch norms whose statistics are those of the photos at hand, with nothing else changed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from nas.data.cache import ImageCache
from nas.prediction import predict_batches


def recentre_norms(module: nn.Module, cache: ImageCache, resolution: int, *, n_images: int = 512) -> None:
    """Makes the running statistics true for these photos, and takes the difference into gamma and beta.

    A fine-tuning that keeps ImageNet's statistics leaves batch norms that shift and scale: what they subtract
    is not the mean of the photos at hand. Sub-networks must be normalised by the batch or by re-estimated
    statistics, and then that shift, which the weights rely on, would be lost. Here, per channel with the true
    mean m and variance v: gamma' = gamma * sqrt((v + eps) / (running_var + eps)), beta' = beta + gamma *
    (m - running_mean) / sqrt(running_var + eps). In eval mode the network computes what it did before; in
    training mode it now nearly does, too.

    Args:
        module: The network, changed in place; its mode is restored.
        cache: Images; only the training part is read.
        resolution: Side of the input in pixels.
        n_images: About how many training images to use.
    """
    norms = [layer for layer in module.modules() if isinstance(layer, nn.BatchNorm2d)]
    rows = np.random.default_rng(0).permutation(cache.indices("train"))[:n_images]
    if not norms or len(rows) < 2:
        return
    moments = {norm: _Moments() for norm in norms}
    hooks = [norm.register_forward_pre_hook(_watch(moments[norm])) for norm in norms]
    try:
        for _ in predict_batches(module, cache, rows, resolution):
            pass
    finally:
        for hook in hooks:
            hook.remove()
    with torch.no_grad():
        for norm, found in moments.items():
            _recentre(norm, *found.result())


class _Moments:
    """Sums over batches; double precision, for a variance is a difference of large numbers."""

    def __init__(self) -> None:
        self.count, self.total, self.squares = 0, torch.zeros(()), torch.zeros(())

    def add(self, x: Tensor) -> None:
        flat = x.double().transpose(0, 1).flatten(1)  # (C, N * H * W)
        self.count += flat.shape[1]
        self.total = self.total + flat.sum(dim=1)
        self.squares = self.squares + flat.square().sum(dim=1)

    def result(self) -> tuple[Tensor, Tensor]:
        mean = self.total / self.count
        return mean, (self.squares / self.count - mean.square()).clamp_min(0.0)


def _watch(moments: _Moments) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
    def hook(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        moments.add(inputs[0])

    return hook


def _recentre(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor) -> None:
    old_mean, old_variance = norm.running_mean, norm.running_var
    assert old_mean is not None  # these networks track statistics
    assert old_variance is not None
    old = (old_variance.double() + norm.eps).sqrt()
    gamma = norm.weight.double()
    norm.bias.copy_(norm.bias.double() + gamma * (mean - old_mean) / old)
    norm.weight.copy_(gamma * (variance + norm.eps).sqrt() / old)
    old_mean.copy_(mean)
    old_variance.copy_(variance)
