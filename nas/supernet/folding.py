"""What dropped channels did, taken over by the kept ones: the start of the learnt width transform.

A narrower block drops the last expanded channels. Over photos these are in part linear functions of the kept
ones, so least squares tells how to add their columns of the projection to those of the kept channels. It is
the reconstruction of channel pruning (He et al. 2017, arXiv 1707.06168), written as a matrix that does not
depend on the projection: the shared weights may go on learning.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from nas.data.cache import ImageCache
from nas.prediction import predict_batches
from nas.supernet.elastic import ElasticLite0

_RIDGE = 1e-3  # of the mean variance of a channel
_POSITIONS_A_CHANNEL = 4
"""A fit on fewer positions of the maps than so many for each kept channel would be of noise."""


def fit_folds(supernet: ElasticLite0, cache: ImageCache, resolution: int, *, n_images: int = 256) -> None:
    """Fills the folds of a supernet from its largest network's activations on training photos.

    Where photos are too few or too small for a fit, a fold stays as it is: zero, the columns are dropped.

    Args:
        supernet: Its channels are sorted; changed in place.
        cache: Images; only the training part is read.
        resolution: Side of the input in pixels.
        n_images: About how many training images to use.
    """
    rows = np.random.default_rng(0).permutation(cache.indices("train"))[:n_images]
    covariances = {block: _Covariance() for block in supernet.orders}
    hooks = [
        supernet.network.get_submodule(f"{block}.conv_pwl").register_forward_pre_hook(_watch(found))
        for block, found in covariances.items()
    ]
    try:
        for _ in predict_batches(supernet.network, cache, rows, resolution):
            pass
    finally:
        for hook in hooks:
            hook.remove()
    with torch.no_grad():
        for block, found in covariances.items():
            covariance = found.result()
            for kept, fold in supernet.folds_of(block).items():
                if found.count >= _POSITIONS_A_CHANNEL * kept:
                    fold.copy_(_fit(covariance, kept))


class _Covariance:
    """Sums over batches."""

    def __init__(self) -> None:
        self.count, self.total, self.products = 0, torch.zeros(()), torch.zeros(())

    def add(self, x: Tensor) -> None:
        flat = x.transpose(0, 1).flatten(1)  # (C, N * H * W)
        self.count += flat.shape[1]
        self.total = self.total + flat.sum(dim=1).double()
        self.products = self.products + (flat @ flat.T).double()

    def result(self) -> Tensor:
        mean = self.total / max(1, self.count)
        return self.products / max(1, self.count) - mean[:, None] * mean[None, :]


def _watch(covariance: _Covariance) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
    def hook(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        covariance.add(inputs[0])

    return hook


def _fit(covariance: Tensor, kept: int) -> Tensor:
    """Returns (dropped, kept) float32: each dropped channel as a linear function of the kept ones.

    Constants are left out: batch-norm statistics, which are re-estimated, take them in.
    """
    own = covariance[:kept, :kept]
    ridge = _RIDGE * own.diagonal().mean().clamp_min(1e-12) * torch.eye(kept, dtype=own.dtype)
    fold: Tensor = torch.linalg.solve(own + ridge, covariance[:kept, kept:]).T.float()
    return fold
