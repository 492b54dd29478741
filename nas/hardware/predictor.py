"""From an architecture to its milliseconds on a device, by the device's table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nas.architecture import Architecture
from nas.errors import DeviceError
from nas.hardware.block_regression import BlockRegression
from nas.hardware.blocks import JOINS, Block
from nas.hardware.device_table import DeviceTable
from nas.hardware.features import SUMMED, summed_features
from nas.hardware.plan import network_blocks
from nas.spaces import make_space

_RIDGE = 0.01
_FEWEST_NETWORKS = 6
_LEAST_SHARE = 0.3  # a prediction is never below this share of the sum of its blocks


class LatencyPredictor:
    """Predicts latency as the sum of the blocks' times, and a correction that whole networks teach.

    A block that was measured has its measured time; one that was not gets it from a regression on physical
    features, once. In a whole network the weights of a block come from further away than in a loop over this
    block alone, and sums and concatenations were measured nowhere: the correction is a ridge regression of
    the relative error, sum_i (1 - w . x_i / t_i)^2 + lambda |w - w0|^2, over the sum of the blocks' times and
    the quantities of `SUMMED`. Where nothing is learnt (w0) it is the sum itself.

    Args:
        table: The device's table.
    """

    def __init__(self, table: DeviceTable) -> None:
        self.table = table
        self._regression = BlockRegression({block: time.ms for block, time in table.blocks.items()})
        self._place: dict[Block, int] = {}
        self._rows = np.zeros((0, len(SUMMED) + 1))
        self._weights = np.zeros(len(SUMMED) + 1)
        self._weights[0] = 1.0
        self._learn()

    def predict(self, architecture: Architecture) -> float:
        """Returns the latency of one image in milliseconds.

        Raises:
            SpaceError: If the network is not made of blocks.
        """
        return float(self.predict_many([architecture])[0])

    def predict_many(self, architectures: Sequence[Architecture]) -> np.ndarray:
        """Returns (N,) milliseconds; unknown blocks of all of them are looked up at once.

        Raises:
            SpaceError: As `predict`.
        """
        features = self.features(architectures)
        return np.maximum(features @ self._weights, _LEAST_SHARE * features[:, 0])

    def block_times(self, architecture: Architecture) -> list[float]:
        """Returns the milliseconds of each block in order, so that their sum is the predicted latency.

        What the network takes beyond its blocks is spread over them by their own times.

        Raises:
            SpaceError: As `predict`.
        """
        blocks = network_blocks(architecture)
        self._look_up(blocks)
        times = [float(self._rows[self._place[block], 0]) for block in blocks]
        scale = self.predict(architecture) / (sum(times) or 1.0)
        return [scale * time for time in times]

    def features(self, architectures: Sequence[Architecture]) -> np.ndarray:
        """Returns (N, 10): sum of the blocks' milliseconds, then the sums of `SUMMED`."""
        listed = [[*network_blocks(one), Block("floor", 3, 3, one.resolution)] for one in architectures]
        if not listed:
            return np.zeros((0, len(SUMMED) + 1))
        flat = [block for blocks in listed for block in blocks]
        self._look_up(flat)
        places = [self._place[block] for block in flat]
        starts = np.cumsum([0, *(len(blocks) for blocks in listed[:-1])])
        summed: np.ndarray = np.add.reduceat(self._rows[places], starts, axis=0)
        return summed

    def _look_up(self, blocks: Sequence[Block]) -> None:
        """Adds the rows of blocks that are met for the first time."""
        new = [block for block in dict.fromkeys(blocks) if block not in self._place]
        if not new:
            return
        measured = self.table.blocks
        unknown = [block for block in new if block.op not in JOINS and block not in measured]
        times = dict(zip(unknown, self._regression.predict(unknown), strict=True))
        rows = np.array([(0.0, *summed_features(block)) for block in new])  # a join's time is learnt
        for row, block in zip(rows, new, strict=True):
            row[0] = measured[block].ms if block in measured else times.get(block, 0.0)
        self._place |= {block: len(self._rows) + number for number, block in enumerate(new)}
        self._rows = np.concatenate([self._rows, rows])

    def _learn(self) -> None:
        """Fits the correction to the table's whole networks."""
        times = np.array([timing.ms for timing in self.table.networks.values()])
        if len(times) < _FEWEST_NETWORKS:
            return
        spaces = {name: make_space(name) for name in self.table.spaces}
        networks = [spaces[item.space].decode(item.choices) for item in self.table.networks]
        if not (times > 0).all():
            raise DeviceError("The device table holds a network that takes no time. Measure again.")
        relative = self.features(networks) / times[:, None]
        scale = np.maximum(relative.mean(axis=0), 1e-9)
        scaled, prior = relative / scale, self._weights * scale
        left = scaled.T @ scaled + _RIDGE * np.eye(len(scale))
        self._weights = (prior + np.linalg.solve(left, scaled.T @ (1 - scaled @ prior))) / scale
