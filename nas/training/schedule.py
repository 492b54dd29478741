"""What changes in the course of a training, as functions of the part that is done."""

from __future__ import annotations

import math

_START_FACTOR = 0.04  # one-cycle starts at 1/25 of the peak
_END_FACTOR = 1e-3
_PARTS = 4  # of a growing resolution, as in EfficientNetV2


def one_cycle(progress: float, warmup: float) -> float:
    """Returns the factor on the peak learning rate: cosine up, then cosine down (Smith & Topin 2019).

    Args:
        progress: Part of the training that is done, in [0, 1].
        warmup: Part of the training in which the rate rises, in (0, 1).
    """
    if progress < warmup:
        return _cosine(_START_FACTOR, 1.0, progress / warmup)
    return _cosine(1.0, _END_FACTOR, (progress - warmup) / (1.0 - warmup))


def _cosine(start: float, end: float, progress: float) -> float:
    return end + (start - end) * (1.0 + math.cos(math.pi * progress)) / 2.0


def resolution_at(progress: float, start: int | None, end: int) -> int:
    """Returns the side in pixels at a point of the training (progressive learning, Tan & Le 2021).

    Args:
        progress: Part of the training that is done, in [0, 1].
        start: Side at the beginning; None for `end` throughout.
        end: Side in the last quarter.
    """
    if start is None:
        return end
    part = min(_PARTS - 1, int(progress * _PARTS))
    return start + round((end - start) * part / (_PARTS - 1))
