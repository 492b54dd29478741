"""A moving average of the weights: what the noise of the last steps took away is given back."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class WeightAverage:
    """Exponential moving average of what a training changes: weights and batch-norm statistics.

    The decay of step t is min(decay, (1 + t) / (10 + t)), TensorFlow's warm-up: an average of the last tenth
    of the steps until `decay` asks for less. So a training of fifty steps is not averaged with its start.

    Args:
        module: The network; what needs no gradient at this moment is left out.
        decay: In (0, 1).
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.live = {name: each.detach() for name, each in module.named_parameters() if each.requires_grad}
        self.live |= {name: each for name, each in module.named_buffers() if each.is_floating_point()}
        self.average = {name: tensor.clone() for name, tensor in self.live.items()}

    def update(self, step: int) -> None:
        """Takes in the weights after the optimiser's step number `step`, counted from 1."""
        weight = 1.0 - min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.average.values()), list(self.live.values()), weight)

    def copy_into_module(self) -> None:
        """Gives the network the averaged weights."""
        with torch.no_grad():
            for name, tensor in self.live.items():
                tensor.copy_(self.average[name])

    def load(self, average: Mapping[str, Tensor]) -> None:
        """Goes on with an average that was saved."""
        for name, tensor in self.average.items():
            tensor.copy_(average[name])
