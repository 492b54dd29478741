"""The evaluator that trains: one code path for short and final trainings of every source."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nas.architecture import Architecture, MBConvArchitecture
from nas.candidate import Metrics
from nas.data.augment import Augmentation
from nas.data.cache import ImageCache
from nas.errors import EvaluationError, ExportError, SpaceError
from nas.evaluators.base import Evaluated, Evaluator, ParentWeights
from nas.evaluators.imagenet import imagenet_parent
from nas.events import ShouldStop
from nas.export.graph import onnx_core
from nas.hardware.latency import LatencyMeter
from nas.networks import build_network, count_macs, count_params, inherit
from nas.prediction import reestimate_batch_norm
from nas.training import Evaluation, TrainingConfig, TrainingResult, evaluate, train

_RATE = {"inherited": 5e-4, "ImageNet": 5e-4, "from scratch": 2e-3}
_HEAD_MULTIPLIER = {"inherited": 2.0, "ImageNet": 10.0, "from scratch": 1.0}
_NORM_IMAGES = 256
_NORM_SHARE = 0.1  # of the training seconds at most goes into batch-norm statistics before the first step


class ShortTraining(Evaluator):
    """Builds, inherits, trains for some seconds, evaluates on validation data, measures latency.

    Args:
        cache: The images; training and validation parts are used.
        meter: Measures latency.
        augmentation: Random changes of training images; may be replaced later through the attribute.
        batch_size: Images a training step.
    """

    def __init__(
        self,
        cache: ImageCache,
        meter: LatencyMeter,
        *,
        augmentation: Augmentation | None = None,
        batch_size: int = 32,
    ) -> None:
        self.cache = cache
        self.meter = meter
        self.augmentation = augmentation or Augmentation()
        self.batch_size = batch_size

    def evaluate(
        self,
        architecture: Architecture,
        *,
        seconds: float,
        seed: int,
        parent: ParentWeights | None = None,
        pretrained: bool = False,
        learning_rate: float | None = None,
        checkpoint: Path | None = None,
        should_stop: ShouldStop | None = None,
        keep_interrupted: ShouldStop | None = None,
    ) -> Evaluated | None:
        """Trains and measures one network, see `Evaluator.evaluate`."""
        started = time.monotonic()
        module, initialisation, details = self._initialise(architecture, seed, parent, pretrained)
        resumes = checkpoint is not None and checkpoint.exists()
        if details.get("norms_reestimated") and not resumes:
            self._settle_norms(module, architecture.resolution, seed, seconds)
        prepared = time.monotonic() - started
        config = TrainingConfig(
            resolution=architecture.resolution,
            seconds=max(0.1, seconds if resumes else seconds - prepared),
            batch_size=self.batch_size,
            learning_rate=learning_rate or _RATE[initialisation],
            head_multiplier=_HEAD_MULTIPLIER[initialisation],
            augmentation=self.augmentation,
            seed=seed,
        )
        result = train(module, self.cache, config, checkpoint=checkpoint, should_stop=should_stop)
        if result.interrupted and not (keep_interrupted is not None and keep_interrupted()):
            return None
        measuring = time.monotonic()
        evaluation = evaluate(module, self.cache, self.cache.indices("val"), architecture.resolution)
        metrics = self.measure(module, architecture, evaluation)
        return Evaluated(
            module=module,
            metrics=metrics,
            details={
                "initialisation": initialisation,
                "learning_rate": config.learning_rate,
                **details,
                **_training_facts(result),
            },
            seconds=prepared + result.seconds + time.monotonic() - measuring,
        )

    def measure(self, module: nn.Module, architecture: Architecture, evaluation: Evaluation) -> Metrics:
        """Exports the network, measures its latency and counts.

        Raises:
            EvaluationError: If the runtime cannot run it.
        """
        try:
            content = onnx_core(module, architecture).SerializeToString()
        except ExportError as error:
            raise EvaluationError(str(error)) from error
        latency = self.meter.measure(content, architecture.resolution)
        return Metrics(
            accuracy=evaluation.accuracy,
            accuracy_low=evaluation.accuracy_low,
            accuracy_high=evaluation.accuracy_high,
            latency_ms=latency.p50_ms,
            latency_p95_ms=latency.p95_ms,
            n_params=count_params(module),
            macs=count_macs(module, architecture.resolution),
            size_bytes=len(content),
        )

    def _initialise(
        self,
        architecture: Architecture,
        seed: int,
        parent: ParentWeights | None,
        pretrained: bool,
    ) -> tuple[nn.Module, str, dict[str, Any]]:
        """Returns the network before its training, how it was initialised, and facts about it."""
        try:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                module = build_network(architecture, self.cache.n_classes)
        except SpaceError as error:
            raise EvaluationError(str(error)) from error
        if not isinstance(architecture, MBConvArchitecture):
            return module, "from scratch", {}
        initialisation = "inherited"
        if parent is None and pretrained:
            parent, initialisation = imagenet_parent(), "ImageNet"
        if parent is None or not isinstance(parent.architecture, MBConvArchitecture):
            return module, "from scratch", {}
        inheritance = inherit(module, architecture, parent.state, parent.architecture)
        return (
            module,
            initialisation,
            {"inheritance": inheritance.description, "norms_reestimated": not inheritance.identical},
        )

    def _settle_norms(self, module: nn.Module, resolution: int, seed: int, seconds: float) -> None:
        """Re-estimates batch-norm statistics with as many images as a small share of the time allows."""
        n_images, started = 32, time.monotonic()
        while n_images <= _NORM_IMAGES:
            reestimate_batch_norm(module, self.cache, resolution, n_images=n_images, seed=seed)
            used = time.monotonic() - started
            if used * 5 > _NORM_SHARE * seconds:
                break
            n_images *= 4


def _training_facts(result: TrainingResult) -> dict[str, Any]:
    return {
        "training_seconds": round(result.seconds, 2),
        "epochs": round(result.epochs, 2),
        "images_seen": result.images_seen,
        "steps": result.steps,
        "images_per_second": round(result.images_per_second, 1),
        "interrupted": result.interrupted,
    }
