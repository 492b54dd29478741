"""The images that quantisation learns from: plain ones of the training part, never test images."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from nas.data.cache import ImageCache
from nas.data.preprocess import preprocess
from nas.errors import EvaluationError
from nas.prediction import images_of

CALIBRATION_IMAGES = 512
"""Most images of a calibration; AdaRound's authors take 1,024 of ImageNet, its users 500 to 1,000."""

_PIXELS_OF_A_BATCH = 32 * 128 * 128


class CalibrationImages:
    """Some training images at one resolution, as the network sees them in evaluation.

    Args:
        cache: Images; only the training part is read.
        resolution: Side of the input in pixels.
        n_images: At most so many.
        seed: Seed of their choice.

    Raises:
        EvaluationError: If there are fewer than two.
    """

    def __init__(
        self, cache: ImageCache, resolution: int, *, n_images: int = CALIBRATION_IMAGES, seed: int = 0
    ) -> None:
        rows = np.random.default_rng(seed).permutation(cache.indices("train"))[:n_images]
        if len(rows) < 2:
            raise EvaluationError("Quantising needs at least two training images; add images.")
        self.cache, self.resolution, self.rows = cache, resolution, rows
        self.batch_size = max(2, min(64, _PIXELS_OF_A_BATCH // resolution**2))

    def __len__(self) -> int:
        """Number of images."""
        return len(self.rows)

    def batches(self) -> Iterator[Tensor]:
        """Yields (B, 3, R, R) float32 batches of nearly equal size."""
        for part in np.array_split(self.rows, -(-len(self.rows) // self.batch_size)):
            yield preprocess(images_of(self.cache, part), self.resolution)

    def first(self, n_images: int) -> Tensor:
        """Returns (n, 3, R, R) float32, the first images."""
        return preprocess(images_of(self.cache, self.rows[:n_images]), self.resolution)


@torch.inference_mode()
def logits_of(network: torch.nn.Module, images: CalibrationImages) -> Tensor:
    """Returns (N, K) logits in eval mode."""
    network.eval()
    return torch.cat([network(x) for x in images.batches()])
