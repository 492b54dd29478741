"""From a folded network to a quantised one: ranges of activations and scales of weights."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from nas.quantise.histogram import Calibration, choose_range
from nas.quantise.images import CalibrationImages
from nas.quantise.layers import PORTABLE_WEIGHT_BITS
from nas.quantise.network import IMAGE, QuantNetwork

EDGE_BITS = 8
"""Width of the input and of the first and the last layer's weights where others have fewer than 7."""

_BINS = 2048


class Histograms:
    """What each tensor of a float network holds on the calibration images.

    Args:
        network: The network; it is read in float.
        images: The images; two passes.
    """

    def __init__(self, network: QuantNetwork, images: CalibrationImages) -> None:
        reader = network.twin(simulated=False).eval()
        n = len(reader.steps) + 1
        self.low, self.high = np.zeros(n), np.zeros(n)
        self.counts = np.zeros((n, _BINS))
        with torch.inference_mode():
            for x in images.batches():
                for step, _inputs, made in reader.walk(x):
                    low, high = (float(end) for end in torch.aminmax(made))
                    self.low[step.writes] = min(self.low[step.writes], low)
                    self.high[step.writes] = max(self.high[step.writes], high)
            for x in images.batches():
                for step, _inputs, made in reader.walk(x):
                    self.counts[step.writes] += self._count(step.writes, made)

    def _count(self, tensor: int, values: Tensor) -> np.ndarray:
        low, high = self.low[tensor], self.high[tensor]
        if high <= low:
            return np.zeros(_BINS)
        counted: np.ndarray = torch.histc(values.float().flatten(), _BINS, low, high).numpy()
        return counted

    def share_at_top(self, tensor: int, top: float) -> float:
        """Returns the share of a tensor's values that are `top`, to a bin's width, if nothing is above it."""
        if self.high[tensor] < top or not self.counts[tensor].any():
            return 0.0
        return float(self.counts[tensor][-1] / self.counts[tensor].sum())

    def edges(self, tensor: int) -> np.ndarray:
        """Returns the (bins + 1,) ends of a tensor's bins."""
        return np.linspace(self.low[tensor], self.high[tensor], _BINS + 1)


def quantise(
    network: QuantNetwork,
    histograms: Histograms,
    how: Calibration,
    *,
    weight_bits: int = 8,
    activation_bits: int = 8,
) -> QuantNetwork:
    """Returns the network quantised after training: the first rung.

    The input keeps 8 bits at least. First and last layer have 8-bit weights where others have less than
    `PORTABLE_WEIGHT_BITS`. The logits are not rounded.

    Args:
        network: A folded network; left as it is.
        histograms: Of the same network.
        how: Calibration of the activations.
        weight_bits: Width of weights.
        activation_bits: Width of activations.
    """
    made = network.twin(simulated=True)
    for tensor, each in enumerate(made.ranges):
        if each.bits is None:
            continue
        each.bits = max(EDGE_BITS, activation_bits) if tensor == IMAGE else activation_bits
        if not each.fixed:
            each.observed = (float(histograms.low[tensor]), float(histograms.high[tensor]))
            each.set(*choose_range(histograms.counts[tensor], histograms.edges(tensor), each.levels, how))
    fit_weights(made, weight_bits)
    return made


def fit_weights(network: QuantNetwork, bits: int) -> None:
    """Chooses the scales of all weights anew, in place."""
    layers = network.layers
    for layer in layers:
        edge = layer is layers[0] or layer is layers[-1]
        layer.fit(EDGE_BITS if edge and bits < PORTABLE_WEIGHT_BITS else bits)
    network.settle()
