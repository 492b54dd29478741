"""What the forms of a download are made from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nas.architecture import Architecture
from nas.export.trust import Trust

_SPREAD = 16


@dataclass(frozen=True)
class Trained:
    """A trained network with what its files need.

    Attributes:
        module: The network: (N, 3, R, R) normalised pixels -> (N, K) logits.
        architecture: Its architecture.
        labels: K class names in the order of the outputs.
        images_u8: (N, C, C, 3) uint8 stored images for comparisons, at least one.
        trust: Temperature and threshold.
    """

    module: nn.Module
    architecture: Architecture
    labels: Sequence[str]
    images_u8: Tensor
    trust: Trust

    @property
    def side(self) -> int:
        """Side of the network's input in pixels."""
        return self.architecture.resolution

    def some_images(self) -> Tensor:
        """Returns up to 16 of the images, evenly spaced: a wrong form differs on all of them."""
        n = len(self.images_u8)
        return self.images_u8[torch.linspace(0, n - 1, min(n, _SPREAD)).long()]

    @contextmanager
    def answering(self) -> Iterator[nn.Module]:
        """Gives the network in eval mode; its mode is restored."""
        was_training = self.module.training
        try:
            yield self.module.eval()
        finally:
            self.module.train(was_training)
