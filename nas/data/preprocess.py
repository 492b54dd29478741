"""Pixels to network input: the one arithmetic that training, evaluation and the exported file share."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

MEAN: tuple[float, float, float] = (0.5, 0.5, 0.5)
STD: tuple[float, float, float] = (0.5, 0.5, 0.5)


def preprocess(images_u8: Tensor, resolution: int) -> Tensor:
    """Squashes images to a square and normalises them.

    Bilinear with antialias (the filter widens when an image shrinks), half-pixel centres, no rounding to
    whole grey levels in between, no cropping.

    Args:
        images_u8: (B, H, W, 3) uint8 RGB.
        resolution: Side R of the result in pixels.

    Returns:
        (B, 3, R, R) float32 in [-1, 1], channels-last in memory.
    """
    x = images_u8.permute(0, 3, 1, 2).float()  # (B, 3, H, W); memory stays channels-last
    if x.shape[-2:] != (resolution, resolution):
        x = F.interpolate(
            x, size=(resolution, resolution), mode="bilinear", antialias=True, align_corners=False
        )
    return normalise(x)


def normalise(pixels: Tensor) -> Tensor:
    """Maps float grey levels [0, 255] of shape (B, 3, H, W) to the range that the networks expect."""
    mean = torch.tensor(MEAN).view(1, 3, 1, 1)
    std = torch.tensor(STD).view(1, 3, 1, 1)
    return ((pixels / 255.0 - mean) / std).contiguous(memory_format=torch.channels_last)
