"""Whether photos are without colour."""

from __future__ import annotations

import numpy as np

LOOKED_AT = 200
"""Images that are enough to tell."""

_SPREAD = 12  # of 255: what JPEG leaves between the channels of a grey photo
_PART = 0.95


def spread_rows(n: int, wanted: int = LOOKED_AT) -> np.ndarray:
    """Returns up to `wanted` of the places 0 to n - 1, evenly spread: over all classes, which lie in turn."""
    return np.unique(np.linspace(0, n - 1, min(n, wanted)).astype(int)) if n else np.zeros(0, dtype=int)


def looks_grey(pixels: np.ndarray) -> bool:
    """Returns True if nearly all of some images have equal channels.

    Args:
        pixels: (N, H, W, 3) uint8.
    """
    if not len(pixels):
        return False
    spread = (pixels.max(axis=3) - pixels.min(axis=3)).reshape(len(pixels), -1)
    return bool((np.percentile(spread, 99, axis=1) <= _SPREAD).mean() >= _PART)
