"""Photos that are dark, over-exposed, blurred, of one colour, or of unusual size or proportions.

A photo is named only when it is bad by itself and an outlier of its set: a set of night photos is not dark,
and drawings on black are neither. A trait that more than a tenth of a set shares is its nature, not a fault.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from nas.checks.report import ImageFinding
from nas.checks.subject import Subject, grey, shrink

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]

_BLOCK_BYTES: Final = 24_000_000
_MOST: Final = 0.1  # of a set; what is more common is no outlier
_LEAST_SIDE_FOR_BLUR: Final = 64
_EDGE_SHARE: Final = 0.005

_DARK: Final = 0.36  # of the range, for the 99th percentile of luminance
_BRIGHT: Final = 0.62  # the same for the first percentile
_UNIFORM: Final = 0.04  # between the first and the 99th percentile
_LEAST_CONTRAST: Final = 8.0  # grey levels over an edge; less is noise


@dataclass(frozen=True)
class Measures:
    """One number an image.

    Attributes:
        low: First percentile of the luminance, 0 to 1.
        mean: Mean luminance, 0 to 1.
        high: 99th percentile of the luminance, 0 to 1.
        sharpness: See `edge_sharpness`; NaN where it cannot be told.
    """

    low: Floats
    mean: Floats
    high: Floats
    sharpness: Floats


def find_bad_photos(subject: Subject) -> tuple[list[ImageFinding], dict[str, Any]]:
    """Names bad photos; the facts hold how many there are of each kind and what was left unsaid."""
    measures = measure(subject)
    width = np.array(subject.fact("width", 0), dtype=np.float64)
    height = np.array(subject.fact("height", 0), dtype=np.float64)
    found = {
        "dark": _dark(measures),
        "bright": _bright(measures),
        "near-uniform": _scored((measures.high - measures.low) < _UNIFORM, measures.high - measures.low),
        "blurred": _blurred(measures, subject.cache.cache_size),
        "odd-size": _odd_size(width, height),
        "odd-aspect": _odd_aspect(width, height),
    }
    for kind in ("bright", "near-uniform", "blurred"):  # a black photo is dark, and that is all
        found[kind] = np.where(found["dark"] > 0, 0, found[kind])
    facts: dict[str, Any] = {"common": []}
    findings: list[ImageFinding] = []
    for kind, scores in found.items():
        places = np.flatnonzero(scores > 0)
        facts[kind] = len(places)
        if len(places) > max(3, _MOST * len(subject)):
            facts["common"].append(kind)
            facts[kind] = 0
            continue
        for place in places[np.argsort(-scores[places], kind="stable")]:
            words = {"width": int(width[place]), "height": int(height[place])}
            findings.append(subject.finding(kind, int(place), words, score=scores[place]))
    return findings, facts


def measure(subject: Subject) -> Measures:
    """Measures all images, block by block."""
    side = subject.cache.cache_size
    n = len(subject)
    low, mean, high = (np.zeros(n, dtype=np.float32) for _ in range(3))
    sharpness = np.full(n, np.nan, dtype=np.float32)
    size = max(1, _BLOCK_BYTES // (side * side * 12))
    for part, pixels in subject.blocks(np.arange(n), size, "Looking at light and sharpness"):
        luminance = grey(pixels)
        small = np.sort(shrink(luminance, 64).reshape(len(luminance), -1), axis=1) / 255
        last = small.shape[1] - 1
        low[part], high[part] = small[:, round(0.01 * last)], small[:, round(0.99 * last)]
        mean[part] = small.mean(axis=1)
        if side >= _LEAST_SIDE_FOR_BLUR:
            sharpness[part] = edge_sharpness(luminance, _reach(side))
    return Measures(low, mean, high, sharpness)


def _reach(side: int) -> int:
    return 4 if side >= 128 else 2


def edge_sharpness(luminance: Floats, reach: int) -> Floats:
    """How steep the strongest edges of each image are.

    In the manner of Marziliano et al. 2002 (edge width), but over the strongest edges only, so that content
    does not matter: smooth walls, noise and out-of-focus backgrounds are no edges. For the strongest half
    percent of differences over 2 * reach pixels, the largest difference of neighbours on the way, divided by
    the whole difference. 1 for a step, 1 / (2 * reach) for a ramp.

    Args:
        luminance: (B, S, S) in [0, 255].
        reach: Half of the distance in pixels.

    Returns:
        (B,) in [0, 1], NaN for an image without edges.
    """
    n_edges = max(8, int(_EDGE_SHARE * 2 * luminance.shape[1] * (luminance.shape[2] - 2 * reach)))
    bytewise = luminance.astype(np.uint8)
    along, across = _differences(bytewise, reach), _differences(bytewise.swapaxes(1, 2), reach)
    sharp = np.full(len(luminance), np.nan, dtype=np.float32)
    for i in range(len(luminance)):
        counts = np.bincount(along[0][i], minlength=256) + np.bincount(across[0][i], minlength=256)
        at_least = np.cumsum(counts[::-1])[::-1]  # pixels whose difference is that large or larger
        least = int(np.flatnonzero(at_least >= min(n_edges, at_least[0]))[-1])
        contrast = steep = 0
        for whole, steepest in (along, across):
            strongest = np.flatnonzero(whole[i] >= least)
            contrast += int(whole[i][strongest].sum(dtype=np.int64))
            steep += int(steepest[i][strongest].sum(dtype=np.int64))
        if contrast >= _LEAST_CONTRAST * at_least[least]:
            sharp[i] = steep / contrast
    return sharp


def _differences(luminance: Bytes, reach: int) -> tuple[Bytes, Bytes]:
    """Along the last axis: differences over 2 * reach pixels, and the steepest step within each."""
    n = luminance.shape[2] - 2 * reach
    whole = _absolute(luminance[:, :, 2 * reach :], luminance[:, :, :n])
    steps = _absolute(luminance[:, :, 1:], luminance[:, :, :-1])
    steepest = steps[:, :, :n].copy()
    for offset in range(1, 2 * reach):
        np.maximum(steepest, steps[:, :, offset : offset + n], out=steepest)
    return whole.reshape(len(luminance), -1), steepest.reshape(len(luminance), -1)


def _absolute(a: Bytes, b: Bytes) -> Bytes:
    """|a - b| without leaving the eight bits."""
    return np.maximum(a, b) - np.minimum(a, b)


def _dark(measures: Measures) -> Doubles:
    outlier = distance(-measures.high) > 3.5
    return _scored(outlier & (measures.high < _DARK), measures.high / _DARK)


def _bright(measures: Measures) -> Doubles:
    outlier = distance(measures.low) > 3.5
    flags = outlier & (measures.low > _BRIGHT) & (measures.mean > 0.8)
    return _scored(flags, (1 - measures.low) / (1 - _BRIGHT))


def _blurred(measures: Measures, side: int) -> Doubles:
    sharp = measures.sharpness
    if not np.isfinite(sharp).any():
        return np.zeros(len(sharp))
    middle = float(np.nanmedian(sharp))
    absolute, relative = (0.25, 0.62) if _reach(side) == 4 else (0.36, 0.65)
    with np.errstate(invalid="ignore"):
        flags = (sharp < absolute) & (sharp < relative * middle) & (distance(-np.log(sharp)) > 3.0)
    return _scored(flags, np.nan_to_num(sharp, nan=1.0) / absolute)


def _odd_size(width: Doubles, height: Doubles) -> Doubles:
    """Area at least nine times, or at most a ninth, of what is usual."""
    area = np.log(np.maximum(width * height, 1))
    off = np.abs(area - np.median(area))
    return _scored((off > np.log(9)) & (distance(off) > 4), np.exp(-(off - np.log(9)) / 2))


def _odd_aspect(width: Doubles, height: Doubles) -> Doubles:
    """Twice as long and narrow as is usual; lying and standing photos are alike."""
    elongation = np.abs(np.log(np.maximum(width, 1) / np.maximum(height, 1)))
    off = np.abs(elongation - np.median(elongation))
    return _scored((off > np.log(2)) & (distance(off) > 4), np.exp(-(off - np.log(2))))


def distance(values: npt.NDArray[Any]) -> Doubles:
    """Robust distance above the median in standard deviations (by the median absolute deviation)."""
    middle = np.nanmedian(values)
    spread = 1.4826 * np.nanmedian(np.abs(values - middle))
    far: Doubles = (values - middle) / max(float(spread), 0.01)
    return far


def _scored(flags: npt.NDArray[Any], remaining: npt.NDArray[Any]) -> Doubles:
    """Score above 0 where flagged: 1 for the worst (nothing remaining), near 0 at the threshold."""
    score: Doubles = np.where(flags, np.clip(1 - remaining.astype(np.float64), 0.001, 1), 0)
    return score
