"""Quantisation-aware training: the simulated network trained on, gradients straight through the rounding.

Straight-through estimator: Bengio et al. 2013; the scheme is that of Jacob et al. 2018 with batch norms
folded for good, ranges and scales kept. It passes through the only training loop there is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from nas.data.augment import Augmentation
from nas.data.cache import ImageCache
from nas.events import ShouldStop
from nas.quantise.layers import PORTABLE_WEIGHT_BITS
from nas.quantise.network import QuantNetwork
from nas.training import TrainingConfig, TrainingResult, train

_FOREVER = 1e9
_SHORTEST = 1e-3


@dataclass(frozen=True)
class TuningConfig:
    """How to train on.

    Attributes:
        learning_rate: Peak rate; None takes `rate_for` the weights' width.
        epochs: Passes over the training images.
        seconds: At most so long; the schedule then ends earlier. None for no limit.
        augmentation: Random changes of the images.
        batch_size: Images a step.
        seed: Seed of order and augmentation.
    """

    learning_rate: float | None = None
    epochs: float = 4.0
    seconds: float | None = None
    augmentation: Augmentation = field(default_factory=Augmentation)
    batch_size: int = 32
    seed: int = 0


def rate_for(bits: int) -> float:
    """Returns a peak learning rate: from 7 bits on there is little to repair, below weights cross steps."""
    return 2e-5 if bits >= PORTABLE_WEIGHT_BITS else 1e-4


def tune(
    network: QuantNetwork,
    cache: ImageCache,
    config: TuningConfig | None = None,
    *,
    on_progress: Callable[[float], None] | None = None,
    should_stop: ShouldStop | None = None,
) -> TrainingResult:
    """Trains a quantised network in place; left in eval mode.

    Args:
        network: Simulated; one in float is trained on just so, for comparisons.
        cache: Images; only the training part is read.
        config: How.
        on_progress: Takes the fraction done after each step.
        should_stop: Polled after every step.

    Raises:
        EvaluationError: If the training diverges.
    """
    config = config or TuningConfig()
    bits = min(layer.bits for layer in network.layers)
    result = train(
        network,
        cache,
        TrainingConfig(
            resolution=network.resolution,
            seconds=_FOREVER if config.seconds is None else max(config.seconds, _SHORTEST),
            batch_size=config.batch_size,
            learning_rate=config.learning_rate or rate_for(bits),
            augmentation=config.augmentation,
            seed=config.seed,
            max_epochs=config.epochs,
        ),
        on_progress=on_progress,
        should_stop=should_stop,
    )
    network.settle()
    network.eval()
    return result
