"""Two networks on the same images: what the difference of their accuracies is, and how sure. No numpy here.

Accuracies of two networks on the same images go up and down together, so the interval of their difference,
image by image, is a good deal narrower than two separate intervals suggest.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

_Z95 = 1.959963984540054


@dataclass(frozen=True)
class PairedDifference:
    """How much more accurate the first of two networks is.

    Attributes:
        value: Mean difference of accuracies, a fraction in [-1, 1].
        low: Lower end of its 95% interval (normal approximation over the images).
        high: Upper end.
    """

    value: float
    low: float
    high: float

    @property
    def indistinguishable(self) -> bool:
        """True if the interval covers 0: these images do not tell the two apart."""
        return self.low <= 0.0 <= self.high


def pack(right: Iterable[bool]) -> str:
    """Returns one bit an image as hexadecimal text, the first image in the highest bit, after a leading 1."""
    return format(int("1" + "".join("1" if one else "0" for one in right), 2), "x")


def unpack(text: str) -> list[bool]:
    """Returns what `pack` packed.

    Raises:
        ValueError: If the text is not hexadecimal or empty.
    """
    return [digit == "1" for digit in format(int(text, 16), "b")[1:]]


def paired_difference(
    first: Sequence[Sequence[bool]], second: Sequence[Sequence[bool]]
) -> PairedDifference | None:
    """Compares two networks, each trained with one seed or more; None without two images.

    Args:
        first: (seeds, images) whether the answer was right; every seed saw the same images.
        second: (seeds, images) of the other network; the number of seeds may differ.

    Raises:
        ValueError: If the numbers of images differ.
    """
    sizes = {len(one) for one in (*first, *second)}
    if len(sizes) != 1:
        raise ValueError("only networks that were judged on the same images can be compared")
    n = sizes.pop()
    if n < 2:
        return None
    differences = [
        fmean(a) - fmean(b) for a, b in zip(zip(*first, strict=True), zip(*second, strict=True), strict=True)
    ]
    value = fmean(differences)
    half = _Z95 * stdev(differences, value) / math.sqrt(n)
    return PairedDifference(value, value - half, value + half)
