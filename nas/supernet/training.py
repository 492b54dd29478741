"""Elastic training: each step trains the largest sub-network, the smallest and some between, by distillation.

The largest was adapted alone before, and stays as it was beside them: the teacher whose soft answers the
others learn (Cai et al. 2020; Yu et al. 2020, "BigNAS", arXiv 2003.11142). Learning rates are small.
"""

from __future__ import annotations

import hashlib
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas.checkpoint import Progress, read_state, write_state
from nas.data.augment import Augmentation, Augmenter
from nas.data.cache import ImageCache
from nas.errors import EvaluationError
from nas.events import ShouldStop
from nas.prediction import images_of
from nas.supernet.draws import Draw, Draws
from nas.supernet.elastic import ElasticLite0
from nas.training import TrainingResult, one_cycle

_CHECKPOINT_EVERY = 15.0


@dataclass(frozen=True)
class ElasticConfig:
    """How to train.

    Attributes:
        teacher_resolution: Side in pixels at which the teacher looks at a photo; its answer counts for all.
        seconds: Training seconds, > 0.
        learning_rate: Peak rate of the one-cycle schedule.
        batch_size: Images a step; at most a quarter of the training images are taken.
        weight_decay: AdamW's decay of weight matrices.
        label_smoothing: Fraction in [0, 1), for the largest's true labels.
        labels: False leaves true labels out, for images without any.
        augmentation: Random changes of the images.
        seed: Seed of order, augmentation, dropout and sub-networks.
        warmup: Part of the schedule in which the rate rises, in (0, 1).
        max_norm: Gradients are scaled down to this norm.
        decay: Of the moving average of the weights, in [0, 1).
        max_steps: Ends the training earlier; None for no limit.
    """

    teacher_resolution: int
    seconds: float
    learning_rate: float = 5e-4
    batch_size: int = 32
    weight_decay: float = 0.01
    label_smoothing: float = 0.1
    labels: bool = True
    augmentation: Augmentation = field(default_factory=Augmentation)
    seed: int = 0
    warmup: float = 0.1
    max_norm: float = 1.0
    decay: float = 0.95
    max_steps: int | None = None


def train_elastic(
    supernet: ElasticLite0,
    teacher: nn.Module,
    cache: ImageCache,
    config: ElasticConfig,
    draws: Draws,
    *,
    checkpoint: Path | None = None,
    on_progress: Callable[[float], None] | None = None,
    should_stop: ShouldStop | None = None,
) -> TrainingResult:
    """Trains a supernet in place and leaves the moving average of its weights in it.

    As in `nas.training.train`, the rate follows the seconds spent (or the steps, where `max_steps` is
    nearer), and what a step does depends on (seed, step) and the fraction done alone. The time is overrun by
    at most a step, and one step is always made.

    Args:
        supernet: Starts as the teacher.
        teacher: Gives soft answers; in eval mode, never changed.
        cache: Images; only the training part is read.
        config: How to train.
        draws: Which sub-networks a step trains.
        checkpoint: File to resume from, written every 15 s and at an interruption. The caller deletes it.
        on_progress: Takes the fraction done after each step.
        should_stop: Polled after every step.

    Raises:
        EvaluationError: If there is nothing to train on or the loss is not finite.
    """
    if len(cache.indices("train")) < 2:
        raise EvaluationError("Training needs at least two images; add images to the training part.")
    training = _ElasticTraining(supernet, teacher, cache, config, draws, checkpoint=checkpoint)
    return training.run(on_progress, should_stop)


class _ElasticTraining:
    """State of one call of `train_elastic`."""

    def __init__(
        self,
        supernet: ElasticLite0,
        teacher: nn.Module,
        cache: ImageCache,
        config: ElasticConfig,
        draws: Draws,
        *,
        checkpoint: Path | None,
    ) -> None:
        self.started = time.monotonic()
        self.supernet, self.teacher = supernet.train(), teacher.eval()
        self.cache, self.config, self.draws, self.checkpoint = cache, config, draws, checkpoint
        self.rows = cache.indices("train")
        self.batch_size = max(2, min(config.batch_size, len(self.rows) // 4))
        self.optimizer = _optimizer(supernet, config)
        self.average = {name: value.detach().clone() for name, value in supernet.named_parameters()}
        self.generator = torch.Generator()
        self.augmenter = Augmenter(
            config.augmentation, config.teacher_resolution, cache.n_classes, self.generator
        )
        self.progress = Progress()
        self.fingerprint = _fingerprint(cache, config, draws)
        self.load()
        self.spent_before = self.progress.seconds

    def run(
        self, on_progress: Callable[[float], None] | None, should_stop: ShouldStop | None
    ) -> TrainingResult:
        last_save, interrupted = time.monotonic(), False
        with torch.random.fork_rng(devices=[]):
            while self.fraction() < 1.0 or self.progress.steps == 0:
                if self.wanted_to_stop(should_stop):
                    interrupted = True
                    break
                self.step()
                self.progress.seconds = self.spent()
                if on_progress is not None:
                    on_progress(min(1.0, self.fraction()))
                if time.monotonic() - last_save > _CHECKPOINT_EVERY:
                    self.save()
                    last_save = time.monotonic()
        self.progress.seconds = self.spent()
        if interrupted:
            self.save()
        self.take_average()
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
        if self.config.max_steps is not None:
            done = max(done, self.progress.steps / self.config.max_steps)
        return done

    def step(self) -> None:
        fraction, config = min(1.0, self.fraction()), self.config
        seed = (config.seed * 1_000_003 + self.progress.steps) % 2**63
        self.generator.manual_seed(seed)
        torch.manual_seed(seed)  # dropout; the caller's state is restored at the end
        x, targets = self.augmenter(*self.batch(self.progress.steps))
        with torch.no_grad():
            answers = self.teacher(x).softmax(dim=1)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * one_cycle(fraction, config.warmup)
        self.optimizer.zero_grad(set_to_none=True)
        for draw in self.draws.draw(fraction, random.Random(f"elastic:{config.seed}:{self.progress.steps}")):
            loss = self.loss(draw, x, targets, answers)
            if not math.isfinite(loss.item()):
                raise EvaluationError("The elastic training diverged: its loss is no longer a number.")
            torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.supernet.parameters(), config.max_norm)
        self.optimizer.step()
        self.progress.steps += 1
        self.progress.images += len(x)
        self.update_average()

    def loss(self, draw: Draw, x: Tensor, targets: Tensor, answers: Tensor) -> Tensor:
        """Soft cross-entropy with the teacher; for the largest the mean of it and that with true labels."""
        largest = draw.role == "largest"
        logits = self.supernet(resized(x, draw.architecture.resolution), draw.architecture)
        distilled = F.cross_entropy(logits, answers)
        if not largest or not self.config.labels:
            return distilled
        labelled = F.cross_entropy(logits, targets, label_smoothing=self.config.label_smoothing)
        return (distilled + labelled) / 2

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        epoch, position = divmod(step, max(1, len(self.rows) // self.batch_size))
        order = np.random.default_rng([self.config.seed, epoch]).permutation(self.rows)
        chosen = order[position * self.batch_size : (position + 1) * self.batch_size]
        return images_of(self.cache, chosen), torch.from_numpy(self.cache.labels[chosen])

    @torch.no_grad()
    def update_average(self) -> None:
        # a young average would hold on to the first weights
        decay = min(self.config.decay, self.progress.steps / (self.progress.steps + 10))
        for name, value in self.supernet.named_parameters():
            self.average[name].lerp_(value, 1.0 - decay)

    @torch.no_grad()
    def take_average(self) -> None:
        for name, value in self.supernet.named_parameters():
            value.copy_(self.average[name])

    def save(self) -> None:
        if self.checkpoint is not None:
            state: dict[str, Any] = {
                "fingerprint": self.fingerprint,
                "progress": dict(vars(self.progress)),
                "module": self.supernet.state_dict(),
                "orders": self.supernet.orders,
                "average": self.average,
                "optimizer": self.optimizer.state_dict(),
            }
            write_state(self.checkpoint, state)

    def load(self) -> None:
        saved = None if self.checkpoint is None else read_state(self.checkpoint)
        if saved is None or saved["fingerprint"] != self.fingerprint:
            return
        self.supernet.load_state_dict(saved["module"])
        self.supernet.orders = saved["orders"]
        self.average = saved["average"]
        self.optimizer.load_state_dict(saved["optimizer"])
        self.progress = Progress(**saved["progress"])

    def result(self, interrupted: bool) -> TrainingResult:
        return TrainingResult(
            seconds=self.progress.seconds,
            epochs=self.progress.images / len(self.rows),
            images_seen=self.progress.images,
            steps=self.progress.steps,
            interrupted=interrupted,
            images_per_second=self.progress.images / max(self.progress.seconds, 1e-9),
        )


def resized(x: Tensor, side: int) -> Tensor:
    """Returns (N, 3, R, R) images at another side, antialiased as photos are when they are judged."""
    if x.shape[-1] == side:
        return x
    smaller = F.interpolate(x, size=(side, side), mode="bilinear", antialias=True, align_corners=False)
    return smaller.contiguous(memory_format=torch.channels_last)


def _optimizer(supernet: ElasticLite0, config: ElasticConfig) -> torch.optim.Optimizer:
    """AdamW; weights of layers decay; biases, norms and the matrices of kernels and widths do not."""
    groups: dict[bool, list[nn.Parameter]] = {True: [], False: []}
    for name, parameter in supernet.named_parameters():
        groups[parameter.ndim > 1 and not name.startswith(("transforms.", "folds."))].append(parameter)
    return torch.optim.AdamW(
        [
            {
                "params": parameters,
                "peak": config.learning_rate,
                "weight_decay": config.weight_decay if decays else 0.0,
            }
            for decays, parameters in groups.items()
        ],
        lr=config.learning_rate,
        fused=True,
    )


def _fingerprint(cache: ImageCache, config: ElasticConfig, draws: Draws) -> str:
    """Returns a digest that two trainings share only if one can go on with the other's checkpoint."""
    same = replace(config, seconds=0.0)  # the promise of a later slice may be a little different
    return hashlib.sha256(repr((cache.content_hash, same, draws)).encode()).hexdigest()
