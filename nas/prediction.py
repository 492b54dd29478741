"""A network's answers on stored images: evaluation, features, batch-norm statistics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from nas.data.cache import ImageCache
from nas.data.preprocess import preprocess
from nas.statistics import wilson_interval

_MOST_VALIDATION_IMAGES = 3_000
_PIXELS_OF_A_BATCH = 64 * 128 * 128  # bounds the memory of inference at high resolutions


@dataclass(frozen=True)
class Evaluation:
    """Predictions on labelled images.

    Attributes:
        probabilities: (N, K) float32.
        labels: (N,) int64.
        accuracy: Top-1, fraction in [0, 1]; 0 for no images.
        accuracy_low: Lower end of its 95% Wilson interval.
        accuracy_high: Upper end of its 95% Wilson interval.
    """

    probabilities: np.ndarray
    labels: np.ndarray
    accuracy: float
    accuracy_low: float
    accuracy_high: float


def evaluate(
    module: nn.Module, cache: ImageCache, rows: np.ndarray, resolution: int, batch_size: int = 64
) -> Evaluation:
    """Predicts labelled images in eval mode; the module's mode is restored.

    Args:
        module: The network.
        cache: Where the images are.
        rows: (N,) row numbers in the cache.
        resolution: Side of the input in pixels.
        batch_size: Largest batch; smaller at high resolutions, to bound memory.
    """
    logits = [
        module_logits for module_logits, _ in predict_batches(module, cache, rows, resolution, batch_size)
    ]
    probabilities = (
        torch.cat(logits).softmax(dim=1).numpy()
        if logits
        else np.zeros((0, cache.n_classes), dtype=np.float32)
    )
    return evaluation_of(probabilities, np.asarray(cache.labels[rows]))


def evaluation_of(probabilities: np.ndarray, labels: np.ndarray) -> Evaluation:
    """Scores (N, K) probabilities against (N,) labels."""
    correct = int((probabilities.argmax(axis=1) == labels).sum()) if len(labels) else 0
    low, high = wilson_interval(correct, len(labels))
    return Evaluation(probabilities, labels, correct / max(1, len(labels)), low, high)


def predict_batches(
    module: nn.Module, cache: ImageCache, rows: np.ndarray, resolution: int, batch_size: int = 64
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yields ((B, K) outputs, (B, 3, R, R) inputs) of the rows in order, in eval mode."""
    size = max(1, min(batch_size, _PIXELS_OF_A_BATCH // resolution**2))
    was_training = module.training
    module.to(memory_format=torch.channels_last).eval()
    try:
        for start in range(0, len(rows), size):
            with torch.inference_mode():
                x = preprocess(images_of(cache, rows[start : start + size]), resolution)
                yield module(x), x
    finally:
        module.train(was_training)


def validation_rows(cache: ImageCache) -> np.ndarray:
    """Returns the (N,) rows that judge every network of a run: the validation part, at most 3,000 of it.

    Always the same ones. Beyond that size an accuracy gets hardly more certain (95% interval below two
    points), but each candidate would cost its training time once more.
    """
    rows = cache.indices("val")
    if len(rows) <= _MOST_VALIDATION_IMAGES:
        return rows
    return np.sort(np.random.default_rng(0).permutation(rows)[:_MOST_VALIDATION_IMAGES])


def reestimate_batch_norm(
    module: nn.Module, cache: ImageCache, resolution: int, *, n_images: int, seed: int = 0
) -> None:
    """Replaces the running statistics of batch norms by those of plain training images.

    Needed after weights were pruned or the resolution changed: the old statistics are of another network.
    Averages over batches (momentum None); nothing else changes.

    Args:
        module: The network; its mode is restored.
        cache: Images; only the training part is read.
        resolution: Side of the input in pixels.
        n_images: About how many training images to use.
        seed: Seed of their choice.
    """
    norms = [layer for layer in module.modules() if isinstance(layer, nn.BatchNorm2d)]
    rows = cache.indices("train")
    if not norms or len(rows) < 2:
        return
    chosen = np.random.default_rng(seed).permutation(rows)[: max(2, n_images)]
    momenta = [norm.momentum for norm in norms]
    was_training = module.training
    module.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    for part in np.array_split(chosen, max(1, len(chosen) // 32)):
        with torch.no_grad():
            module(preprocess(images_of(cache, part), resolution))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    module.train(was_training)


def images_of(cache: ImageCache, rows: np.ndarray) -> Tensor:
    """Returns (B, H, W, 3) uint8 copies of some rows."""
    return torch.from_numpy(np.asarray(cache.images[rows]))
