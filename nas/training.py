"""The only training loop: winners, baselines, short and final trainings all pass through `train`."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas.checkpoint import Progress, load_checkpoint, save_checkpoint
from nas.data.augment import Augmentation, Augmenter
from nas.data.cache import ImageCache
from nas.errors import EvaluationError
from nas.events import ShouldStop
from nas.prediction import Evaluation, evaluate, images_of

__all__ = ["Evaluation", "TrainingConfig", "TrainingResult", "evaluate", "one_cycle", "train"]

_CHECKPOINT_EVERY = 15.0
_START_FACTOR = 0.04  # one-cycle starts at 1/25 of the peak
_END_FACTOR = 1e-3


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


def train(
    module: nn.Module,
    cache: ImageCache,
    config: TrainingConfig,
    *,
    checkpoint: Path | None = None,
    on_progress: Callable[[float], None] | None = None,
    should_stop: ShouldStop | None = None,
    keep_checkpoint: bool = False,
) -> TrainingResult:
    """Trains a network in place, with AdamW and a one-cycle rate, in fp32 and channels-last.

    The rate is a function of the training seconds spent, so that the time is a promise and the schedule
    always comes to its end. It overruns `config.seconds` by at most one step. Images, augmentation and
    dropout of a step depend on (seed, step) alone, so that a resumed training goes on with the very batch
    that would have been next.

    Args:
        module: The network; left in training mode.
        cache: Images; only the training part is read.
        config: How to train.
        checkpoint: File to resume from and to write every 15 s and at an interruption. A torn one or one of
            another training is ignored. The caller deletes it.
        on_progress: Takes the fraction done after each step.
        should_stop: Polled after every step.
        keep_checkpoint: Writes it at the end, too; a call with more seconds goes on from there. Its rate
            rises again and falls anew (a warm restart, Loshchilov & Hutter 2017).

    Raises:
        EvaluationError: If there is nothing to train on or the loss is not finite.
    """
    rows = cache.indices("train")
    if len(rows) < 2:
        raise EvaluationError("Training needs at least two images; add images to the training part.")
    training = _Training(module, cache, rows, config, checkpoint)
    return training.run(on_progress, should_stop, keep_checkpoint=keep_checkpoint)


class _Training:
    """State of one call of `train`."""

    def __init__(
        self,
        module: nn.Module,
        cache: ImageCache,
        rows: np.ndarray,
        config: TrainingConfig,
        checkpoint: Path | None,
    ) -> None:
        self.started = time.monotonic()
        self.module = module.to(memory_format=torch.channels_last).train()
        _freeze(module, config)
        self.cache, self.rows, self.config, self.checkpoint = cache, rows, config, checkpoint
        self.batch_size = max(2, min(config.batch_size, len(rows) // 4))
        self.steps_an_epoch = max(1, len(rows) // self.batch_size)
        self.optimizer = _optimizer(module, config)
        self.generator = torch.Generator()
        self.augmenter = Augmenter(config.augmentation, config.resolution, cache.n_classes, self.generator)
        self.fingerprint = _fingerprint(module, cache, config)
        saved = None
        if checkpoint is not None:
            saved = load_checkpoint(checkpoint, self.fingerprint, module, self.optimizer)
        self.progress = saved or Progress()
        self.spent_before = self.progress.seconds
        self.order_of_epoch: tuple[int, np.ndarray] | None = None

    def run(
        self,
        on_progress: Callable[[float], None] | None,
        should_stop: ShouldStop | None,
        *,
        keep_checkpoint: bool = False,
    ) -> TrainingResult:
        last_save, interrupted = self.started, False
        with torch.random.fork_rng(devices=[]):
            while self.fraction() < 1.0:
                if self.wanted_to_stop(should_stop):
                    interrupted = True
                    break
                self.step()
                self.progress.seconds = self.spent()
                if on_progress is not None:
                    on_progress(min(1.0, self.fraction()))
                if time.monotonic() - last_save > _CHECKPOINT_EVERY and self.fraction() < 1.0:
                    self.save()
                    last_save = time.monotonic()
        self.progress.seconds = self.spent()
        if interrupted or keep_checkpoint:
            self.save()
        self.module.requires_grad_(True).train()
        return self.result(interrupted)

    def wanted_to_stop(self, should_stop: ShouldStop | None) -> bool:
        try:
            return should_stop is not None and should_stop()
        except BaseException:  # how a worker is told to end: the next one goes on from here
            self.progress.seconds = self.spent()
            self.save()
            raise

    def spent(self) -> float:
        return self.spent_before + time.monotonic() - self.started

    def fraction(self) -> float:
        """Returns the part of the training that is done; may exceed 1 by one step."""
        done = self.spent() / self.config.seconds
        if self.config.max_epochs is not None:
            done = max(done, self.progress.images / (self.config.max_epochs * len(self.rows)))
        return done

    def step(self) -> None:
        images, labels = self.batch(self.progress.steps)
        seed = (self.config.seed * 1_000_003 + self.progress.steps) % 2**63
        self.generator.manual_seed(seed)
        torch.manual_seed(seed)  # dropout; the caller's state is restored at the end
        x, targets = self.augmenter(images, labels)
        factor = one_cycle(min(1.0, self.fraction()), self.config.warmup)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * factor
        loss = F.cross_entropy(self.module(x), targets, label_smoothing=self.config.label_smoothing)
        if not math.isfinite(loss.item()):
            raise EvaluationError("The training diverged: its loss is no longer a number.")
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.optimizer.step()
        self.progress.steps += 1
        self.progress.images += len(labels)

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        epoch, position = divmod(step, self.steps_an_epoch)
        if self.order_of_epoch is None or self.order_of_epoch[0] != epoch:
            order = np.random.default_rng([self.config.seed, epoch]).permutation(self.rows)
            self.order_of_epoch = (epoch, order)
        chosen = self.order_of_epoch[1][position * self.batch_size : (position + 1) * self.batch_size]
        return images_of(self.cache, chosen), torch.from_numpy(self.cache.labels[chosen])

    def save(self) -> None:
        if self.checkpoint is not None:
            save_checkpoint(self.checkpoint, self.fingerprint, self.progress, self.module, self.optimizer)

    def result(self, interrupted: bool) -> TrainingResult:
        return TrainingResult(
            seconds=self.progress.seconds,
            epochs=self.progress.images / len(self.rows),
            images_seen=self.progress.images,
            steps=self.progress.steps,
            interrupted=interrupted,
            images_per_second=self.progress.images / max(self.progress.seconds, 1e-9),
        )


def one_cycle(progress: float, warmup: float) -> float:
    """Returns the factor on the peak learning rate: cosine up, then cosine down (Smith & Topin 2019).

    Args:
        progress: Part of the training that is done, in [0, 1].
        warmup: Part of the training in which the rate rises, in (0, 1).
    """
    if progress < warmup:
        return _cosine(_START_FACTOR, 1.0, progress / warmup)
    return _cosine(1.0, _END_FACTOR, (progress - warmup) / (1.0 - warmup))


def _cosine(start: float, end: float, progress: float) -> float:
    return end + (start - end) * (1.0 + math.cos(math.pi * progress)) / 2.0


def _freeze(module: nn.Module, config: TrainingConfig) -> None:
    """Takes out of the training what the configuration keeps as it is."""
    if config.freeze_norms:
        for layer in module.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.eval()
    if config.first_stage > 0:
        kept = ("conv_stem.", "bn1.", *(f"blocks.{stage}." for stage in range(config.first_stage)))
        for name, parameter in module.named_parameters():
            parameter.requires_grad_(not name.startswith(kept))


def _optimizer(module: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """AdamW with four groups: (body, head) x (decayed, not decayed)."""
    head = {id(parameter) for parameter in head_parameters(module)}
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for parameter in (each for each in module.parameters() if each.requires_grad):
        groups.setdefault((id(parameter) in head, parameter.ndim > 1), []).append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "peak": config.learning_rate * (config.head_multiplier if is_head else 1.0),
                "weight_decay": config.weight_decay if is_decayed else 0.0,
            }
            for (is_head, is_decayed), parameters in sorted(groups.items())
        ],
        lr=config.learning_rate,
        fused=True,  # one pass over memory: worth a few percent of a step on CPUs
    )


def head_parameters(module: nn.Module) -> list[nn.Parameter]:
    """Returns the parameters of the classifier of a timm network; none for other modules."""
    get_classifier = getattr(module, "get_classifier", None)
    return list(get_classifier().parameters()) if callable(get_classifier) else []


def _fingerprint(module: nn.Module, cache: ImageCache, config: TrainingConfig) -> str:
    """Returns a digest that two trainings share only if one can go on with the other's checkpoint."""
    shapes = [(key, tuple(tensor.shape)) for key, tensor in module.state_dict().items()]
    same = replace(config, seconds=0.0)  # the promise of a later slice may be a little different
    return hashlib.sha256(repr((shapes, cache.content_hash, same)).encode()).hexdigest()
