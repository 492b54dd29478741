"""Times of blocks that were not measured, from those that were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from nas.hardware.blocks import Block
from nas.hardware.features import shape_features

_SHORTEST_MS = 1e-3
_FEWEST_BLOCKS = 20
_LINEAR_RIDGE = 1.0
_KERNEL_RIDGE = 0.01
_GAMMA = 2 / 3  # divided by the number of features


class BlockRegression:
    """Predicts log(ms) of blocks from physical features.

    A ridge regression on logarithms, which is a product of powers of MACs, bytes and sizes, and a kernel
    ridge regression (Gaussian kernel, gamma = 2 / (3 features)) of what it leaves over. Both are matrix
    products: thousands of blocks take milliseconds, which trees do not manage. Width and penalty of the
    kernel were chosen by cross-validation over blocks and networks of a device table.

    Args:
        times: Milliseconds of measured blocks.
    """

    def __init__(self, times: Mapping[Block, float]) -> None:
        self._known = np.zeros((0, 0))
        blocks = list(times)
        if len(blocks) < _FEWEST_BLOCKS:
            self._mean = float(np.mean([*times.values()])) if times else 0.0
            return
        logs = np.log(np.maximum([times[block] for block in blocks], _SHORTEST_MS))
        features = shape_features(blocks)
        self._centre, self._scale = features.mean(axis=0), features.std(axis=0)
        self._scale[self._scale < 1e-9] = np.inf  # what never varies says nothing
        self._range = (logs.min() - 1.0, logs.max() + 1.0)
        self._known = (features - self._centre) / self._scale
        self._offset = logs.mean()
        width = self._known.shape[1]
        left = self._known.T @ self._known + _LINEAR_RIDGE * np.eye(width)
        self._linear = np.linalg.solve(left, self._known.T @ (logs - self._offset))
        over = logs - self._offset - self._known @ self._linear
        kernel = _kernel(self._known, self._known) + _KERNEL_RIDGE * np.eye(len(logs))
        self._dual = np.linalg.solve(kernel, over)

    def predict(self, blocks: Sequence[Block]) -> np.ndarray:
        """Returns (N,) milliseconds. With fewer than 20 known blocks, their mean for each."""
        if not blocks:
            return np.zeros(0)
        if not len(self._known):
            return np.full(len(blocks), self._mean)
        x = (shape_features(blocks) - self._centre) / self._scale
        logs = self._offset + x @ self._linear + _kernel(x, self._known) @ self._dual
        milliseconds: np.ndarray = np.exp(np.clip(logs, *self._range))
        return milliseconds


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Returns (N, M) values of the Gaussian kernel between the rows of two matrices."""
    squares = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    values: np.ndarray = np.exp(-_GAMMA * np.maximum(squares, 0.0) / a.shape[1])
    return values
