"""All proxies of one network by name."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from nas.data.cache import ImageCache
from nas.data.preprocess import preprocess
from nas.errors import EvaluationError
from nas.networks import count_macs, count_params
from nas.prediction import images_of
from nas.proxies import PROXIES
from nas.proxies.gradients import grad_norm, snip, synflow
from nas.proxies.kernels import jacob_cov, naswot

BATCH = 32
"""Images that a proxy looks at, fewer in a smaller set."""

_KINDS: Mapping[str, Callable[[nn.Module, Tensor, Tensor], float]] = {
    "synflow": lambda module, images, _labels: synflow(module, images),
    "snip": snip,
    "grad_norm": grad_norm,
    "jacob_cov": lambda module, images, _labels: jacob_cov(module, images),
    "naswot": lambda module, images, _labels: naswot(module, images),
    "params": lambda module, _images, _labels: float(count_params(module)),
    "macs": lambda module, images, _labels: float(count_macs(module, images.shape[-1])),
}


def proxy_scores(
    module: nn.Module, images: Tensor, labels: Tensor, names: Sequence[str] = PROXIES
) -> dict[str, float | None]:
    """Scores an untrained network. No proxy draws anything: equal weights and images give equal scores.

    Args:
        module: The network with fresh weights; weights, statistics and mode stay as they are.
        images: (N, 3, R, R) float32, normalised, N >= 2.
        labels: (N,) int64.
        names: Some of `PROXIES`.

    Returns:
        Name -> score, larger is meant to be better; None where it is not a finite number.

    Raises:
        EvaluationError: If a name is unknown.
    """
    for name in names:
        if name not in _KINDS:
            raise EvaluationError(f"There is no proxy called {name!r}; choose one of {', '.join(PROXIES)}.")
    values = {name: _KINDS[name](module, images, labels) for name in names}
    return {name: value if math.isfinite(value) else None for name, value in values.items()}


def timed_scores(
    module: nn.Module, images: Tensor, labels: Tensor
) -> tuple[dict[str, float | None], dict[str, float]]:
    """Returns all scores as `proxy_scores` does, and the processor seconds of each."""
    scores: dict[str, float | None] = {}
    seconds: dict[str, float] = {}
    for name in PROXIES:
        started = time.process_time()
        scores |= proxy_scores(module, images, labels, (name,))
        seconds[name] = time.process_time() - started
    return scores, seconds


def proxy_batch(cache: ImageCache, resolution: int, seed: int) -> tuple[Tensor, Tensor]:
    """Returns (N, 3, R, R) training images as they are judged, without random changes, and (N,) labels.

    Args:
        cache: The images; only the training part is read.
        resolution: Side R in pixels.
        seed: Seed of their choice.

    Raises:
        EvaluationError: If there are fewer than two training images.
    """
    rows = cache.indices("train")
    if len(rows) < 2:
        raise EvaluationError("Proxies need at least two images; add images to the training part.")
    chosen = np.random.default_rng(seed).permutation(rows)[:BATCH]
    return preprocess(images_of(cache, chosen), resolution), torch.from_numpy(cache.labels[chosen])
