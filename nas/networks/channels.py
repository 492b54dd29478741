"""Channel maps: which channel of the parent a channel of the child comes from, and which ones matter."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

_EPS = 1e-3  # of batch norm, see nas.networks.build


def identity(n: int) -> Tensor:
    """Returns the map of `n` channels that all come from their namesake."""
    return torch.arange(n)


def channel_map(n_child: int, importance: Tensor) -> Tensor:
    """Maps a child's channels to a parent's.

    Args:
        n_child: Channels of the child.
        importance: (n_parent,) how much each channel of the parent matters.

    Returns:
        (n_child,) int64. A narrower child keeps the most important channels in their old order; a wider
        one keeps all, and its new channels are -1.
    """
    n_parent = len(importance)
    if n_child <= n_parent:
        kept: Tensor = importance.argsort(descending=True, stable=True)[:n_child].sort().values
        return kept
    return torch.cat([identity(n_parent), torch.full((n_child - n_parent,), -1)])


def mid_importance(state: Mapping[str, Tensor], block: str, norm: str, projection: str, last: str) -> Tensor:
    """Returns how much each expanded channel of a block moves the block's output.

    A channel counts by the spread of its activation times the absolute weights (L1) that the projection
    gives it, scaled as the last batch norm scales them. The spread is that of ReLU(z), z ~ N(beta, gamma^2),
    which is what batch norm makes of it; a constant part does not count, because re-estimated statistics
    absorb it.

    Args:
        state: Weights of the parent.
        block: Key of the block, with a dot at the end.
        norm: Batch norm whose activation feeds the projection.
        projection: Pointwise convolution back to the stream.
        last: Batch norm after it.
    """
    spread = _relu_spread(state[f"{block}{norm}.bias"], state[f"{block}{norm}.weight"].abs())
    scale = _norm_scale(state, f"{block}{last}")  # (out,)
    weights = state[f"{block}{projection}.weight"].flatten(1).abs()  # (out, mid)
    return spread * (scale[:, None] * weights).sum(dim=0)


def stream_importance(
    state: Mapping[str, Tensor], producers: Sequence[str], consumers: Sequence[str]
) -> Tensor:
    """Returns how much each channel of a residual stream matters.

    A channel counts by the spread that its producers' batch norms give it, times the absolute weights with
    which the consumers read it.

    Args:
        state: Weights of the parent.
        producers: Keys of the batch norms that write to the stream.
        consumers: Keys of the convolutions that read it: (out, in, k, k), or (channels, 1, k, k) depthwise.
    """
    spread = torch.stack([state[f"{key}.weight"].square() for key in producers]).sum(dim=0).sqrt()
    read = torch.zeros_like(spread)
    for key in consumers:
        weight = state[f"{key}.weight"].abs()
        read += weight.sum(dim=(1, 2, 3)) if weight.shape[1] == 1 else weight.sum(dim=(0, 2, 3))
    return spread * read


def resize_kernel(weight: Tensor, size: int) -> Tensor:
    """Crops a (out, in, k, k) kernel to its centre, or surrounds it with zeros; both sizes are odd."""
    kernel = weight.shape[-1]
    if size <= kernel:
        start = (kernel - size) // 2
        return weight[..., start : start + size, start : start + size]
    margin = (size - kernel) // 2
    return torch.nn.functional.pad(weight, [margin] * 4)


def _norm_scale(state: Mapping[str, Tensor], key: str) -> Tensor:
    return state[f"{key}.weight"].abs() / (state[f"{key}.running_var"] + _EPS).sqrt()


def _relu_spread(mean: Tensor, deviation: Tensor) -> Tensor:
    """Returns the standard deviation of max(0, z) for z ~ N(mean, deviation^2)."""
    deviation = deviation.clamp_min(1e-6)
    ratio = mean / deviation
    density = torch.exp(-0.5 * ratio.square()) / math.sqrt(2 * math.pi)
    below = 0.5 * (1 + torch.erf(ratio / math.sqrt(2)))
    first = mean * below + deviation * density
    second = (mean.square() + deviation.square()) * below + mean * deviation * density
    return (second - first.square()).clamp_min(0).sqrt()
