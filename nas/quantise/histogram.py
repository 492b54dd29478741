"""Ranges of activations from histograms: percentile, entropy (KL divergence), mean squared error.

All three clip rare large values so that the many small ones get finer steps. Percentile leaves out a fixed
share. Entropy is NVIDIA's (Migacz 2017, "8-bit Inference with TensorRT"): the clipped and rounded histogram
should tell most about the original one. MSE weighs what rounding loses against what clipping loses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

Calibration = Literal["percentile", "entropy", "mse"]
CALIBRATIONS: tuple[Calibration, ...] = ("percentile", "entropy", "mse")
"""Ways to choose the range of a tensor."""

_TAIL = 1e-4
"""Share of the values that `percentile` leaves out at each end that is not zero: the 99.99th percentile."""

_FRACTIONS = np.linspace(1.0, 0.2, 41)

Loss = Callable[[np.ndarray, np.ndarray, float, float, int], float]


def choose_range(counts: np.ndarray, edges: np.ndarray, levels: int, how: Calibration) -> tuple[float, float]:
    """Returns the smallest and largest value to represent.

    Args:
        counts: (B,) values in each bin.
        edges: (B + 1,) ends of the bins, ascending.
        levels: Steps between both ends, 2^bits - 1.
        how: Which way.
    """
    low, high = min(0.0, float(edges[0])), max(0.0, float(edges[-1]))
    if counts.sum() == 0 or high - low < 1e-6:
        return low, high
    centres = (edges[:-1] + edges[1:]) / 2
    if how == "percentile":
        below = np.cumsum(counts) / counts.sum()
        first, last = np.searchsorted(below, [_TAIL, 1.0 - _TAIL])
        return min(0.0, float(edges[first]) if low < 0 else 0.0), max(0.0, float(edges[last + 1]))
    if how == "entropy":
        return _search(_without_zeros(counts, edges), centres, (low, high), levels, _divergence)
    return _search(counts, centres, (low, high), levels, _squared_error)


def _without_zeros(counts: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Returns the counts with the bin of zero as full as its neighbours.

    A ReLU writes zeros by the thousand. They are exact in any range, but would outweigh all other bins and
    make the smallest range look best.
    """
    bin_of_zero = int(np.clip(np.searchsorted(edges, 0.0, side="right") - 1, 0, len(counts) - 1))
    neighbours = [i for i in (bin_of_zero - 1, bin_of_zero + 1) if 0 <= i < len(counts)]
    result = counts.astype(np.float64)
    result[bin_of_zero] = counts[neighbours].mean()
    return result


def _search(
    counts: np.ndarray, centres: np.ndarray, ends: tuple[float, float], levels: int, loss: Loss
) -> tuple[float, float]:
    """Shrinks both ends together, then each alone, and returns the best."""
    low, high = ends

    def best_of(candidates: list[tuple[float, float]]) -> tuple[float, float]:
        return min(candidates, key=lambda each: loss(counts, centres, *each, levels))

    chosen = best_of([(low * part, high * part) for part in _FRACTIONS])
    if low < 0 < high:
        chosen = best_of([chosen, *((low * part, chosen[1]) for part in _FRACTIONS)])
        chosen = best_of([chosen, *((chosen[0], high * part) for part in _FRACTIONS)])
    return chosen


def _squared_error(counts: np.ndarray, centres: np.ndarray, low: float, high: float, levels: int) -> float:
    scale = (high - low) / levels
    rounded = np.round((np.clip(centres, low, high) - low) / scale) * scale + low
    return float((counts * (rounded - centres) ** 2).sum())


def _divergence(counts: np.ndarray, centres: np.ndarray, low: float, high: float, levels: int) -> float:
    """KL divergence of the rounded histogram from the clipped one; clipped values count at the ends."""
    inside = (centres >= low) & (centres <= high)
    kept = counts * inside
    if kept.sum() == 0:
        return float("inf")
    reference = kept.astype(np.float64)
    positions = np.flatnonzero(inside)
    reference[positions[0]] += counts[centres < low].sum()
    reference[positions[-1]] += counts[centres > high].sum()
    level = np.clip(np.round((centres - low) / ((high - low) / levels)), 0, levels).astype(int)
    filled = kept > 0  # a level's values are spread over its bins that hold any, as TensorRT does
    total = np.bincount(level, weights=kept, minlength=levels + 1)
    bins = np.bincount(level, weights=filled, minlength=levels + 1)
    rounded = np.where(filled, total[level] / np.maximum(bins[level], 1), 0.0)
    p = reference / reference.sum()
    q = rounded / rounded.sum()
    some = p > 0
    return float((p[some] * np.log(p[some] / np.maximum(q[some], 1e-12))).sum())
