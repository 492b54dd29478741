"""What a training is told and what it tells."""

from __future__ import annotations

from dataclasses import dataclass, field

from nas.data.augment import Augmentation


@dataclass(frozen=True)
class TrainingConfig:
    """How to train; equal for all networks of a comparison but for what the initialisation asks for.

    Attributes:
        resolution: Side of the input in pixels.
        seconds: Training time, the first step's warm-up included, > 0.
        batch_size: Images a step; at most a quarter of the training images are taken.
        learning_rate: Peak rate of the one-cycle schedule.
        head_multiplier: Factor on the rate of the classifier, above 1 where it starts afresh.
        weight_decay: AdamW's decay of weight matrices; biases and norms are not decayed.
        label_smoothing: Fraction in [0, 1).
        augmentation: Random changes of the images.
        seed: Seed of order, augmentation and dropout.
        warmup: Part of the schedule in which the rate rises, in (0, 1).
        max_epochs: Ends the training earlier; None for no limit.
        freeze_norms: Keeps the statistics of batch norms. Those of 32 images are noise against what
            pretrained weights expect; a few epochs repair the damage only in part.
        first_stage: First stage of an MBConv network that is trained, with all that follows; stem and earlier
            stages stay as they are. 0 trains everything.
        ema: Decay in (0, 1) of the exponential moving average of the weights that the network carries at the
            end; None leaves it with the weights of the last step. See `nas.training.averaging`.
        start_resolution: Side in pixels at which the training begins, at most `resolution`, to which it grows
            in four equal parts; None for `resolution` throughout. Early epochs are cheaper so.
        layer_decay: Factor in (0, 1] on the rate of each stage of an MBConv network against the stage after
            it; 1 for one rate. Early layers are the most general and need the least change.
    """

    resolution: int
    seconds: float
    batch_size: int = 32
    learning_rate: float = 5e-4
    head_multiplier: float = 10.0
    weight_decay: float = 0.01
    label_smoothing: float = 0.1
    augmentation: Augmentation = field(default_factory=Augmentation)
    seed: int = 0
    warmup: float = 0.1
    max_epochs: float | None = None
    freeze_norms: bool = False
    first_stage: int = 0
    ema: float | None = None
    start_resolution: int | None = None
    layer_decay: float = 1.0

    def __post_init__(self) -> None:
        if self.ema is not None and not 0 < self.ema < 1:
            raise ValueError(f"The decay of a moving average lies between 0 and 1, not at {self.ema}.")
        if self.start_resolution is not None and not 1 <= self.start_resolution <= self.resolution:
            raise ValueError(
                f"A training grows to its resolution, not from {self.start_resolution} down to it."
            )
        if not 0 < self.layer_decay <= 1:
            raise ValueError(
                f"A decay of rates from layer to layer lies in (0, 1], not at {self.layer_decay}."
            )


@dataclass(frozen=True)
class TrainingResult:
    """What a training did, earlier slices included.

    Attributes:
        seconds: Training seconds.
        epochs: Passes over the training images.
        images_seen: Images, repetitions counted.
        steps: Optimiser steps.
        interrupted: True if `should_stop` ended it before its time.
        images_per_second: Mean speed.
    """

    seconds: float
    epochs: float
    images_seen: int
    steps: int
    interrupted: bool
    images_per_second: float
