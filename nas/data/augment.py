"""Random changes of training images, reproducible from a generator."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from nas.data.preprocess import normalise

_LOG_ASPECT = math.log(4 / 3)


@dataclass(frozen=True)
class Augmentation:
    """What may be changed in a training image.

    Attributes:
        random_crop: Smallest area of a random crop, fraction in (0, 1]; 1 leaves the whole image.
        flip: Mirror left and right half of the time; wrong where a mirrored image is another class.
        colour: Largest relative change of brightness, contrast and saturation, in [0, 1).
        mixup: Alpha of the Beta distribution of mixup (Zhang et al. 2018), 0 for none.
    """

    random_crop: float = 0.6
    flip: bool = True
    colour: float = 0.2
    mixup: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.random_crop <= 1 or not 0 <= self.colour < 1 or self.mixup < 0:
            raise ValueError(f"not an augmentation: {self}")


class Augmenter:
    """Turns stored images into a training batch.

    Args:
        augmentation: What may be changed.
        resolution: Side R of the result in pixels.
        n_classes: Number of classes K of the targets.
        generator: Source of all randomness.
    """

    def __init__(
        self, augmentation: Augmentation, resolution: int, n_classes: int, generator: torch.Generator
    ) -> None:
        self.augmentation = augmentation
        self.resolution = resolution
        self.n_classes = n_classes
        self.generator = generator

    def __call__(self, images_u8: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Changes a batch.

        Args:
            images_u8: (B, H, W, 3) uint8 RGB.
            labels: (B,) int64.

        Returns:
            (B, 3, R, R) float32 normalised, channels-last in memory, and (B, K) float32 targets.
        """
        return self._changed(images_u8, labels, self.resolution)

    def views(self, images_u8: Tensor, labels: Tensor, sides: Sequence[int]) -> tuple[list[Tensor], Tensor]:
        """Changes a batch once and hands it over at several resolutions.

        All show the same crops, colours and mixtures: the largest is made first, the others are shrunk from
        it, antialiased. What is drawn at random is the same as in a call.

        Args:
            images_u8: (B, H, W, 3) uint8 RGB.
            labels: (B,) int64.
            sides: The resolutions R in pixels.

        Returns:
            For each side (B, 3, R, R) float32 as a call returns it, and (B, K) float32 targets.
        """
        largest = max(sides)
        x, targets = self._changed(images_u8, labels, largest)
        return [x if side == largest else _shrink(x, side) for side in sides], targets

    def _changed(self, images_u8: Tensor, labels: Tensor, side: int) -> tuple[Tensor, Tensor]:
        pixels = self._crop(images_u8, side)  # (B, 3, R, R) uint8
        if self.augmentation.flip:
            mirrored = self._uniform(len(pixels)) < 0.5
            pixels = torch.where(mirrored.view(-1, 1, 1, 1), pixels.flip(3), pixels)
        x = pixels.float()
        if self.augmentation.colour > 0:
            x = self._change_colour(x)
        targets = F.one_hot(labels, self.n_classes).float()
        return self._mix(normalise(x), targets)

    def _uniform(self, *size: int) -> Tensor:
        return torch.rand(*size, generator=self.generator)

    def _crop(self, images_u8: Tensor, side: int) -> Tensor:
        """Cuts a random box of each image and squashes it to side x side, antialiased.

        Pillow does it image by image in about 0.1 ms on one core; torch would start all its threads for
        each of these small operations, which costs far more where other work shares the cores.
        """
        n, height, width, _ = images_u8.shape
        boxes = self._boxes(n, height, width).tolist()
        result = np.empty((n, side, side, 3), dtype=np.uint8)
        for i, (pixels, box) in enumerate(zip(images_u8.numpy(), boxes, strict=True)):
            image = Image.fromarray(pixels)
            result[i] = np.asarray(image.resize((side, side), Image.Resampling.BILINEAR, box=tuple(box)))
        return torch.from_numpy(result).permute(0, 3, 1, 2)  # (B, 3, R, R), memory stays channels-last

    def _boxes(self, n: int, height: int, width: int) -> Tensor:
        """Draws (n, 4) float boxes left, upper, right, lower in pixels."""
        smallest = self.augmentation.random_crop
        area = smallest + self._uniform(n) * (1 - smallest)
        aspect = torch.exp((self._uniform(n) * 2 - 1) * _LOG_ASPECT)
        if smallest >= 1:
            aspect = torch.ones(n)
        heights = (height * (area / aspect).sqrt()).clamp(1, height)
        widths = (width * (area * aspect).sqrt()).clamp(1, width)
        tops = self._uniform(n) * (height - heights)
        lefts = self._uniform(n) * (width - widths)
        rights, bottoms = (lefts + widths).clamp(max=width), (tops + heights).clamp(max=height)
        return torch.stack([lefts, tops, rights, bottoms], dim=1)

    def _change_colour(self, x: Tensor) -> Tensor:
        """Scales brightness, contrast and saturation of grey levels [0, 255] by factors around 1."""
        factors = 1 + (self._uniform(3, len(x), 1, 1, 1) * 2 - 1) * self.augmentation.colour
        brightness, contrast, saturation = factors
        grey = x.mean(dim=1, keepdim=True)  # (B, 1, R, R)
        level = grey.mean(dim=(2, 3), keepdim=True)  # (B, 1, 1, 1)
        x = grey + (x - grey) * saturation
        x = level + (x - level) * contrast
        changed: Tensor = (x * brightness).clamp_(0, 255)
        return changed

    def _mix(self, x: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        if self.augmentation.mixup <= 0:
            return x, targets
        seed = int(torch.randint(2**31, (1,), generator=self.generator))
        share = float(np.random.default_rng(seed).beta(self.augmentation.mixup, self.augmentation.mixup))
        order = torch.randperm(len(x), generator=self.generator)
        mixed = x * share + x[order] * (1 - share)
        return mixed.contiguous(memory_format=torch.channels_last), targets * share + targets[order] * (
            1 - share
        )


def _shrink(x: Tensor, side: int) -> Tensor:
    shrunk = F.interpolate(x, size=(side, side), mode="bilinear", antialias=True, align_corners=False)
    return shrunk.contiguous(memory_format=torch.channels_last)
