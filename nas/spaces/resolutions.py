"""Which input resolutions are worth offering for images of a given size."""

from __future__ import annotations

from collections.abc import Sequence

RESOLUTIONS: tuple[int, ...] = (64, 96, 128, 160, 192, 224)


def useful_resolutions(max_resolution: int, choices: Sequence[int] = RESOLUTIONS) -> tuple[int, ...]:
    """Drops resolutions that only enlarge the images.

    One step above the images' own size stays, because a pretrained network often gains from a little
    enlargement; the smallest choice always stays.

    Args:
        max_resolution: Side of the cached images in pixels, > 0.
        choices: Ascending sides in pixels, at least one.

    Returns:
        The smallest choice, every choice up to `max_resolution` and the next one above it.
    """
    above = next((side for side in choices if side > max_resolution), choices[-1])
    return tuple(side for side in choices if side <= max(choices[0], above))
