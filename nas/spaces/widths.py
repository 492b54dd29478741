"""The channel rounding that MobileNets, EfficientNets and timm share."""

from __future__ import annotations


def round_channels(channels: float, divisor: int = 8) -> int:
    """Rounds to a multiple of `divisor`, but never down by more than 10%.

    Args:
        channels: Wanted number of channels, > 0.
        divisor: The multiple, >= 1.

    Returns:
        At least `divisor`; equal to timm's `make_divisible`.
    """
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    if rounded < 0.9 * channels:
        rounded += divisor
    return rounded
