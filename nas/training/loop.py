"""The training loop."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas.checkpoint import Progress, load_checkpoint, save_checkpoint
from nas.data.augment import Augmenter
from nas.data.cache import ImageCache
from nas.errors import EvaluationError
from nas.events import ShouldStop
from nas.prediction import images_of
from nas.training.averaging import WeightAverage
from nas.training.config import TrainingConfig, TrainingResult
from nas.training.distillation import Teacher
from nas.training.fast import fast_layers
from nas.training.parameters import freeze, make_optimizer
from nas.training.schedule import one_cycle, resolution_at

_CHECKPOINT_EVERY = 15.0


def train(
    module: nn.Module,
    cache: ImageCache,
    config: TrainingConfig,
    *,
    teacher: Teacher | None = None,
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
        teacher: A trained network to imitate; None for the labels alone.
        checkpoint: File to resume from and to write every 15 s and at an interruption. A torn one or one of
            another training is ignored. The caller deletes it.
        on_progress: Takes the fraction done after each step.
        should_stop: Polled after every step.
        keep_checkpoint: Writes it at the end, too; a call with more seconds goes on from there. Its rate
            rises again and falls anew (a warm restart, Loshchilov & Hutter 2017).

    Raises:
        EvaluationError: If there is nothing to train on, the teacher knows other classes or the loss is not
            finite.
    """
    rows = cache.indices("train")
    if len(rows) < 2:
        raise EvaluationError("Training needs at least two images; add images to the training part.")
    training = _Training(module, cache, rows, config, teacher=teacher, checkpoint=checkpoint)
    return training.run(on_progress, should_stop, keep_checkpoint=keep_checkpoint)


class _Training:
    """State of one call of `train`."""

    def __init__(
        self,
        module: nn.Module,
        cache: ImageCache,
        rows: np.ndarray,
        config: TrainingConfig,
        *,
        teacher: Teacher | None,
        checkpoint: Path | None,
    ) -> None:
        self.started = time.monotonic()
        self.module = module.to(memory_format=torch.channels_last).train()
        freeze(module, config)
        self.cache, self.rows, self.config, self.checkpoint = cache, rows, config, checkpoint
        self.teacher = teacher
        if teacher is not None:
            teacher.module.to(memory_format=torch.channels_last).eval()
        self.batch_size = max(2, min(config.batch_size, len(rows) // 4))
        self.steps_an_epoch = max(1, len(rows) // self.batch_size)
        self.optimizer = make_optimizer(module, config)
        self.average = None if config.ema is None else WeightAverage(module, config.ema)
        self.generator = torch.Generator()
        self.augmenter = Augmenter(config.augmentation, config.resolution, cache.n_classes, self.generator)
        self.fingerprint = _fingerprint(module, cache, config, teacher)
        saved = None
        if checkpoint is not None:
            saved = load_checkpoint(
                checkpoint, self.fingerprint, module, self.optimizer, average=self.average
            )
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
        with torch.random.fork_rng(devices=[]), fast_layers(self.module), self.fast_teacher():
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
        if self.average is not None:
            self.average.copy_into_module()
        self.module.requires_grad_(True).train()
        return self.result(interrupted)

    def fast_teacher(self) -> AbstractContextManager[None]:
        return nullcontext() if self.teacher is None else fast_layers(self.teacher.module)

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
        done = min(1.0, self.fraction())
        factor = one_cycle(done, self.config.warmup)
        for group in self.optimizer.param_groups:
            group["lr"] = group["peak"] * factor
        loss = self.loss(
            images, labels, resolution_at(done, self.config.start_resolution, self.config.resolution)
        )
        if not math.isfinite(loss.item()):
            raise EvaluationError("The training diverged: its loss is no longer a number.")
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.optimizer.step()
        self.progress.steps += 1
        self.progress.images += len(labels)
        if self.average is not None:
            self.average.update(self.progress.steps)

    def loss(self, images: Tensor, labels: Tensor, side: int) -> Tensor:
        smoothing, teacher = self.config.label_smoothing, self.teacher
        sides = (side,) if teacher is None else (side, teacher.resolution)
        views, targets = self.augmenter.views(images, labels, sides)
        logits = self.module(views[0])
        if teacher is None:
            return F.cross_entropy(logits, targets, label_smoothing=smoothing)
        answers = teacher.answers(views[1])
        if answers.shape != logits.shape:
            raise EvaluationError("The teacher must know the same classes as the network that it teaches.")
        return teacher.loss(logits, answers, F.cross_entropy(logits, targets, label_smoothing=smoothing))

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        epoch, position = divmod(step, self.steps_an_epoch)
        if self.order_of_epoch is None or self.order_of_epoch[0] != epoch:
            order = np.random.default_rng([self.config.seed, epoch]).permutation(self.rows)
            self.order_of_epoch = (epoch, order)
        chosen = self.order_of_epoch[1][position * self.batch_size : (position + 1) * self.batch_size]
        return images_of(self.cache, chosen), torch.from_numpy(self.cache.labels[chosen])

    def save(self) -> None:
        if self.checkpoint is not None:
            save_checkpoint(
                self.checkpoint,
                self.fingerprint,
                self.progress,
                self.module,
                self.optimizer,
                average=self.average,
            )

    def result(self, interrupted: bool) -> TrainingResult:
        return TrainingResult(
            seconds=self.progress.seconds,
            epochs=self.progress.images / len(self.rows),
            images_seen=self.progress.images,
            steps=self.progress.steps,
            interrupted=interrupted,
            images_per_second=self.progress.images / max(self.progress.seconds, 1e-9),
        )


def _fingerprint(
    module: nn.Module, cache: ImageCache, config: TrainingConfig, teacher: Teacher | None
) -> str:
    """Returns a digest that two trainings share only if one can go on with the other's checkpoint."""
    shapes = [(key, tuple(tensor.shape)) for key, tensor in module.state_dict().items()]
    same = replace(config, seconds=0.0)  # the promise of a later slice may be a little different
    taught = None if teacher is None else teacher.fingerprint()
    return hashlib.sha256(repr((shapes, cache.content_hash, same, taught)).encode()).hexdigest()
