"""A heat map drawn over its photo."""

from __future__ import annotations

import io
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from PIL import Image

SIDE: Final = 360
"""Longest side of the picture in pixels."""
_STRONGEST: Final = 0.65  # of the colour where the heat is 1
_MAP: Final = "inferno"


def overlay_png(
    image: npt.NDArray[np.uint8],
    heat: npt.NDArray[np.float32],
    outlined: npt.NDArray[np.bool_],
    *,
    width: int,
    height: int,
) -> bytes:
    """Draws heat over a photo and a line around a part of it.

    The colours run from black over red to yellow and are told apart by lightness alone, too; the photo
    itself is drawn in grey, so that they are not mixed with its own.

    Args:
        image: (S, S, 3) the stored photo.
        heat: (S, S) in [0, 1].
        outlined: (S, S) the part with a line around it.
        width: Of the original in pixels, for the proportions.
        height: Of the original in pixels.

    Returns:
        A PNG whose longest side is 360 pixels.
    """
    scale = SIDE / max(width, height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    photo = np.asarray(Image.fromarray(image).convert("L").convert("RGB").resize(size), dtype=np.float32)
    warmth = np.asarray(Image.fromarray(heat).resize(size, Image.Resampling.BILINEAR)).clip(0, 1)
    colour = np.asarray(colormaps[_MAP](warmth)[..., :3], dtype=np.float32) * 255
    share = (_STRONGEST * warmth)[..., None]
    drawn = photo * (1 - share) + colour * share
    inside = np.asarray(Image.fromarray(outlined).resize(size, Image.Resampling.NEAREST))
    _line(drawn, inside)
    buffer = io.BytesIO()
    Image.fromarray(drawn.round().astype(np.uint8)).save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def _line(drawn: npt.NDArray[Any], inside: npt.NDArray[np.bool_]) -> None:
    """Draws a white line inside the edge and a black one outside it: seen on any ground."""
    drawn[inside & _near(~inside)] = 255
    drawn[~inside & _near(inside)] = 0


def _near(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Pixels that touch one of the mask."""
    padded = np.pad(mask, 1)
    return padded[:-2, 1:-1] | padded[2:, 1:-1] | padded[1:-1, :-2] | padded[1:-1, 2:]
