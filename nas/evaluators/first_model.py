"""The first usable model: frozen pretrained features and a linear head, trained in seconds."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas.architecture import MBConvArchitecture
from nas.data.cache import ImageCache
from nas.data.views import folds, stratified
from nas.errors import EvaluationError
from nas.evaluators.base import ParentWeights
from nas.evaluators.imagenet import imagenet_parent
from nas.networks import build_network
from nas.prediction import Evaluation, evaluation_of, predict_batches, validation_rows
from nas.spaces.lite import lite0_architecture

_MOST_IMAGES = 5_000
_FEWEST_IMAGES = 256
_VAL_PART = 0.25  # of the seconds
_MOST_FLIPPED = 500
_PENALTIES = (1e-4, 1e-3, 1e-2)
_FLIP_COSTS = 0.03
_FLIP_IMAGES = 3  # fewer say nothing in a small set
_ITERATIONS = 100


@dataclass(frozen=True)
class FirstModel:
    """What came of it.

    Attributes:
        module: Features and head as one network, in eval mode.
        architecture: Lite0 at the resolution used.
        evaluation: Predictions on the validation part.
        details: JSON-ready: `images_per_second` (forward passes, measured), `flip_ok` (False where mirrored
            validation images are recognised clearly worse), `n_train`, `penalty`.
        judged: Answers of each fold, none without cross-validation.
    """

    module: nn.Module
    architecture: MBConvArchitecture
    evaluation: Evaluation
    details: dict[str, Any] = field(default_factory=dict)
    judged: tuple[Evaluation, ...] = ()


def train_first_model(
    cache: ImageCache, resolution: int, *, seed: int = 0, seconds: float = math.inf, n_folds: int = 0
) -> FirstModel:
    """Trains a linear head on frozen ImageNet features (L-BFGS; the L2 penalty by validation accuracy).

    Args:
        cache: The images; at most 5,000 of the training part are used.
        resolution: Side of the input in pixels.
        seed: Seed of their choice.
        seconds: For computing features: a slow machine sees fewer images, evenly of all classes.
        n_folds: Judges by so many folds over both parts, and learns from both; 0 keeps the parts.

    Raises:
        EvaluationError: If there are no training or validation images.
    """
    train_rows, val_rows = cache.indices("train"), validation_rows(cache)
    if len(train_rows) < 2 or len(val_rows) < 1:
        raise EvaluationError("Too few images to train and validate on; add images to every class.")
    module, classifier = _headless(resolution, cache.n_classes)
    val_rows, val_features = _features_within(module, cache, val_rows, resolution, _VAL_PART * seconds)
    chosen = np.random.default_rng(seed).permutation(train_rows)[:_MOST_IMAGES]
    started = time.monotonic()
    chosen, features = _features_within(module, cache, chosen, resolution, (1.0 - _VAL_PART) * seconds)
    speed = len(chosen) / (time.monotonic() - started)
    labels, val_labels = torch.from_numpy(cache.labels[chosen]), cache.labels[val_rows]
    weight, bias, penalty = _best_head(features, labels, val_features, val_labels, cache.n_classes)
    evaluation = evaluation_of(_probabilities(val_features, weight, bias), val_labels)
    flip_ok = _flip_ok(module, cache, val_rows, evaluation, head=(weight, bias), resolution=resolution)
    judged: list[Evaluation] = []
    if n_folds:
        probe = Probe(cache, resolution, penalty)
        judged = [probe.judge(train, held) for train, held in folds(cache, n_folds)]
        weight, bias = probe.head(probe.rows)
        evaluation = _pooled(judged)
    with torch.no_grad():
        classifier.weight.copy_(weight)
        classifier.bias.copy_(bias)
    module.classifier = classifier
    details = {"images_per_second": speed, "flip_ok": flip_ok, "n_train": len(chosen), "penalty": penalty}
    architecture = lite0_architecture(resolution)
    return FirstModel(module.eval(), architecture, evaluation, details, tuple(judged))


class Probe:
    """Frozen ImageNet features of all photos that are not sealed, computed once, and heads for parts of them.

    Args:
        cache: The images of a tiny set.
        resolution: Side of the input in pixels.
        penalty: L2 penalty of the heads.
    """

    def __init__(self, cache: ImageCache, resolution: int, penalty: float = _PENALTIES[1]) -> None:
        self.rows = np.sort(np.concatenate([cache.indices("train"), cache.indices("val")]))
        self._cache, self._resolution, self._penalty = cache, resolution, penalty
        module, _ = _headless(resolution, cache.n_classes)
        self._features = _features(module, cache, self.rows, resolution)

    def head(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        """Returns (K, D) weights and (K,) biases of a head that is fitted to some rows."""
        labels = torch.from_numpy(self._cache.labels[rows])
        return _fit(self._of(rows), labels, self._cache.n_classes, self._penalty)

    def judge(self, train: np.ndarray, held: np.ndarray) -> Evaluation:
        """Returns the answers on held-out rows of a head that is fitted to the others."""
        return evaluation_of(
            _probabilities(self._of(held), *self.head(train)), np.asarray(self._cache.labels[held])
        )

    def parent(self, train: np.ndarray) -> ParentWeights:
        """Returns a whole Lite0 with ImageNet weights under a head that is fitted to some rows."""
        module, classifier = _headless(self._resolution, self._cache.n_classes)
        module.classifier = classifier
        weight, bias = self.head(train)
        with torch.no_grad():
            classifier.weight.copy_(weight)
            classifier.bias.copy_(bias)
        return ParentWeights(lite0_architecture(self._resolution), module.state_dict())

    def _of(self, rows: np.ndarray) -> Tensor:
        return self._features[torch.from_numpy(np.searchsorted(self.rows, rows))]


def _headless(resolution: int, n_classes: int) -> tuple[nn.Module, nn.Linear]:
    """Returns Lite0 with ImageNet weights without its head, and a head to be fitted."""
    module = build_network(lite0_architecture(resolution), n_classes)
    module.load_state_dict(dict(imagenet_parent().state), strict=False)
    classifier: nn.Linear = module.get_classifier()  # type: ignore[operator] # timm's method
    module.reset_classifier(0)  # type: ignore[operator]
    return module, classifier


def _pooled(judged: list[Evaluation]) -> Evaluation:
    labels = np.concatenate([one.labels for one in judged])
    return evaluation_of(np.concatenate([one.probabilities for one in judged]), labels)


def _features_within(
    module: nn.Module, cache: ImageCache, rows: np.ndarray, resolution: int, seconds: float
) -> tuple[np.ndarray, Tensor]:
    """Returns the rows, ascending, whose features the seconds were enough for, and these.

    Evenly of all classes: with every step the sample grows, and a larger one holds the smaller.
    """
    until, size = time.monotonic() + seconds, _FEWEST_IMAGES
    seen, parts = rows[:0], []
    while len(seen) < len(rows) and (len(seen) == 0 or time.monotonic() < until):
        new = np.setdiff1d(stratified(cache, rows, size), seen)
        parts.append(_features(module, cache, new, resolution))
        seen, size = np.concatenate([seen, new]), size + _FEWEST_IMAGES
    order = np.argsort(seen)
    return seen[order], torch.cat(parts)[torch.from_numpy(order)]


def _features(
    module: nn.Module, cache: ImageCache, rows: np.ndarray, resolution: int, *, mirrored: bool = False
) -> Tensor:
    """Returns (N, D) float32 features."""
    if not mirrored:
        return torch.cat([output for output, _ in predict_batches(module, cache, rows, resolution)])
    with torch.inference_mode():
        return torch.cat(
            [module(x.flip(3)) for _, x in predict_batches(module, cache, rows, resolution)]
        ).clone()


def _best_head(
    features: Tensor, labels: Tensor, val_features: Tensor, val_labels: np.ndarray, n_classes: int
) -> tuple[Tensor, Tensor, float]:
    """Fits one head a penalty and returns the one that does best on validation data."""
    fits = [(*_fit(features, labels, n_classes, penalty), penalty) for penalty in _PENALTIES]

    def accuracy(fit: tuple[Tensor, Tensor, float]) -> float:
        return float((_probabilities(val_features, fit[0], fit[1]).argmax(axis=1) == val_labels).mean())

    return max(fits, key=accuracy)


def _fit(features: Tensor, labels: Tensor, n_classes: int, penalty: float) -> tuple[Tensor, Tensor]:
    """Multinomial logistic regression by L-BFGS; returns (K, D) weights and (K,) biases."""
    features = features.clone()  # out of inference mode
    weight = torch.zeros(n_classes, features.shape[1], requires_grad=True)
    bias = torch.zeros(n_classes, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=_ITERATIONS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(features @ weight.T + bias, labels) + penalty * weight.square().sum()
        torch.autograd.backward(loss)
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return weight.detach(), bias.detach()


def _probabilities(features: Tensor, weight: Tensor, bias: Tensor) -> np.ndarray:
    result: np.ndarray = (features @ weight.T + bias).softmax(dim=1).numpy()
    return result


def _flip_ok(
    module: nn.Module,
    cache: ImageCache,
    val_rows: np.ndarray,
    plain: Evaluation,
    *,
    head: tuple[Tensor, Tensor],
    resolution: int,
) -> bool:
    """True unless mirrored validation images are recognised worse: by three points and by three images."""
    # spread over all classes, which lie one after the other
    chosen = np.unique(np.linspace(0, len(val_rows) - 1, _MOST_FLIPPED).astype(int))
    flipped = _features(module, cache, val_rows[chosen], resolution, mirrored=True)
    labels = plain.labels[chosen]
    mirrored = int((_probabilities(flipped, *head).argmax(axis=1) == labels).sum())
    lost = int((plain.probabilities[chosen].argmax(axis=1) == labels).sum()) - mirrored
    return lost < _FLIP_IMAGES or lost <= _FLIP_COSTS * len(chosen)
