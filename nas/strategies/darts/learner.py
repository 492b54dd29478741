"""Weights and alphas that learn in turn on two halves of the training images."""

from __future__ import annotations

import math
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nas.data.augment import Augmentation, Augmenter
from nas.data.cache import ImageCache
from nas.data.preprocess import preprocess
from nas.errors import EvaluationError
from nas.events import ShouldStop
from nas.networks.mixed import MixedNetwork
from nas.prediction import evaluate, images_of, validation_rows
from nas.strategies.darts.gradients import largest_eigenvalue, unrolled_gradient
from nas.strategies.darts.options import DartsOptions
from nas.strategies.darts.selection import Judgement

_JUDGED_IMAGES = 512


class Interrupted(Exception):  # noqa: N818 - not an error: whole epochs are saved
    """Somebody wants the search to end."""


class Learner:
    """The mixed network, its two optimisers and the images.

    Args:
        cache: The images; the training part is split into two halves by the seed.
        options: How to search.
        seed: Seed of everything random. Each draw comes from (seed, epoch, step) alone.
        augmentation: Random changes of the images, for both halves.

    Raises:
        EvaluationError: If there are too few images.
    """

    def __init__(
        self, cache: ImageCache, options: DartsOptions, seed: int, augmentation: Augmentation
    ) -> None:
        self.cache, self.options, self.seed = cache, options, seed
        rows = np.random.default_rng([seed, 0]).permutation(cache.indices("train"))[: options.images]
        self.halves = rows[: len(rows) // 2], rows[len(rows) // 2 : 2 * (len(rows) // 2)]
        if len(self.halves[0]) < 4 or not len(cache.indices("val")):
            raise EvaluationError("A search needs at least eight training images and one to validate on.")
        self.batch_size = max(2, min(options.batch_size, len(self.halves[0]) // 2))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = MixedNetwork(
                options.template,
                options.channels,
                options.cells,
                cache.n_classes,
                share=options.share,
                auxiliary=options.auxiliary_skip,
                edge_normalisation=options.edge_normalisation,
                stem_stride=options.stem_stride,
            )
        self.network = network.to(memory_format=torch.channels_last)
        self.alphas = [*self.network.alphas.values(), *self.network.betas.values()]
        self.weights = self.network.weights()
        self.sgd = torch.optim.SGD(
            self.weights, options.weight_rate, options.momentum, weight_decay=options.weight_decay
        )
        self.adam = torch.optim.Adam(
            self.alphas, options.alpha_rate, (0.5, 0.999), weight_decay=options.alpha_decay
        )
        self.generator = torch.Generator()
        self.augmenter = Augmenter(augmentation, options.resolution, cache.n_classes, self.generator)

    def begin(self, epoch: int) -> None:
        """Sets what depends on the epoch: the rate of the weights and the auxiliary skip."""
        o = self.options
        falling = (1 + math.cos(math.pi * min(1.0, epoch / o.epochs))) / 2
        for group in self.sgd.param_groups:
            group["lr"] = o.weight_rate_end + (o.weight_rate - o.weight_rate_end) * falling
        if o.auxiliary_skip:
            self.network.get_buffer("beta").fill_(max(0.0, 1.0 - epoch / o.epochs))

    def begin_tuning(self) -> None:
        """Sets what holds while a cell is selected: a small rate, fresh momentum, no auxiliary skip."""
        self.sgd.state.clear()
        for group in self.sgd.param_groups:
            group["lr"] = self.options.tune_rate
        self.network.get_buffer("beta").zero_()

    def train_epoch(self, epoch: int, should_stop: ShouldStop | None, *, alphas_learn: bool) -> float:
        """Trains through both halves once.

        Args:
            epoch: Number of the epoch, which decides all draws.
            should_stop: Polled before every step.
            alphas_learn: False trains the weights alone.

        Returns:
            The mean loss of the weights' steps.

        Raises:
            Interrupted: If `should_stop` says so.
            EvaluationError: If the loss is not finite.
        """
        orders = [
            np.random.default_rng([self.seed, epoch, number]).permutation(half)
            for number, half in enumerate(self.halves, start=1)
        ]
        losses = []
        for step in range(len(orders[0]) // self.batch_size):
            if should_stop is not None and should_stop():
                raise Interrupted
            self.generator.manual_seed((self.seed * 1_000_003 + epoch * 10_007 + step) % 2**63)
            chosen = slice(step * self.batch_size, (step + 1) * self.batch_size)
            train = self._batch(orders[0][chosen])
            if alphas_learn:
                self._step_alphas(train, self._batch(orders[1][chosen]))
            losses.append(self._step_weights(train))
        return float(np.mean(losses))

    def _batch(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        return self.augmenter(images_of(self.cache, rows), torch.from_numpy(self.cache.labels[rows]))

    def _loss(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        return F.cross_entropy(self.network(batch[0]), batch[1])

    def _step_alphas(self, train: tuple[Tensor, Tensor], val: tuple[Tensor, Tensor]) -> None:
        if self.options.second_order:
            gradients = unrolled_gradient(
                lambda: self._loss(train),
                lambda: self._loss(val),
                self.weights,
                self.alphas,
                rate=self.sgd.param_groups[0]["lr"],
                momentum=[self.sgd.state[w].get("momentum_buffer", 0.0) for w in self.weights],
                momentum_factor=self.options.momentum,
                weight_decay=self.options.weight_decay,
            )
        else:
            gradients = list(torch.autograd.grad(self._loss(val), self.alphas))
        for alpha, gradient in zip(self.alphas, gradients, strict=True):
            alpha.grad = gradient
        self.adam.step()

    def _step_weights(self, batch: tuple[Tensor, Tensor]) -> float:
        loss = self._loss(batch)
        value = loss.item()
        if not math.isfinite(value):
            raise EvaluationError("The search diverged: its loss is no longer a number.")
        # operations that a mask took out have no gradient
        gradients = torch.autograd.grad(loss, self.weights, allow_unused=True)
        for weight, gradient in zip(self.weights, gradients, strict=True):
            weight.grad = gradient
        torch.nn.utils.clip_grad_norm_(self.weights, self.options.clip)
        self.sgd.step()
        return value

    def step_seconds(self) -> float:
        """Returns the seconds of one step of the weights and one of the alphas.

        It trains two steps: take another learner for the search itself.
        """
        batch = self._batch(self.halves[0][: self.batch_size])
        self._step_alphas(batch, batch)  # the first one is slow
        started = time.monotonic()
        self._step_alphas(batch, batch)
        self._step_weights(batch)
        return time.monotonic() - started

    def eigenvalue(self) -> float | None:
        """Returns the largest eigenvalue of the Hessian with respect to the alphas; None if not wanted.

        The loss is that of the same few images of the alphas' half each time, as they are.
        """
        o = self.options
        if not o.hessian_images:
            return None
        rows = self.halves[1][: o.hessian_images]
        x, labels = preprocess(images_of(self.cache, rows), o.resolution), self.cache.labels[rows]
        loss = F.cross_entropy(self.network(x), torch.from_numpy(labels))
        return largest_eigenvalue(loss, list(self.network.alphas.values()), steps=o.hessian_steps)

    def validation_accuracy(self) -> float:
        """Returns the accuracy of the mixed network on validation images, which no step ever sees."""
        # shuffled, because the norms take the statistics of each batch and rows lie class by class
        rows = np.random.default_rng(0).permutation(validation_rows(self.cache))
        rows = rows[: self.options.validation_images]
        return evaluate(self.network, self.cache, rows, self.options.resolution).accuracy

    def judge(self) -> Judgement:
        """Judges the network as it is now on at most 512 images of the alphas' half."""
        rows = self.halves[1][:_JUDGED_IMAGES]
        result = evaluate(self.network, self.cache, rows, self.options.resolution)
        right = result.probabilities[np.arange(len(rows)), result.labels]
        likelihood = float(np.log(np.maximum(right, 1e-12)).mean())
        both = result.accuracy, likelihood
        return both if self.options.judged_by == "accuracy" else both[::-1]
