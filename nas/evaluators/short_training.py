"""The evaluator that trains: one code path for short and final trainings of every source."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch
from onnx import ModelProto
from torch import nn

from nas.architecture import Architecture, CellArchitecture, MBConvArchitecture, TimmArchitecture
from nas.candidate import DeviceFigures, FloatFigures, Metrics, Precision
from nas.data.augment import Augmentation
from nas.data.cache import ImageCache
from nas.errors import DeviceError, EvaluationError, ExportError, NasError, SpaceError
from nas.evaluators.base import Evaluated, Evaluator, ParentWeights, Recipe
from nas.evaluators.fairness import config_hash
from nas.evaluators.imagenet import imagenet_parent
from nas.evaluators.int8 import quantise_to_int8
from nas.evaluators.operator_weights import load_operator_weights, weights_file
from nas.events import ShouldStop
from nas.export.graph import onnx_core
from nas.hardware.latency import LatencyMeter
from nas.hardware.target import Built, DeviceTarget
from nas.networks import build_network, count_macs, count_params, inherit
from nas.paired import pack
from nas.prediction import validation_rows
from nas.spaces.lite import lite_version
from nas.training import Evaluation, TrainingConfig, TrainingResult, evaluate, train

RECIPES = {
    "inherited": Recipe(learning_rate=5e-4, head_multiplier=2.0),
    "ImageNet": Recipe(learning_rate=5e-4, head_multiplier=10.0),
    "from scratch": Recipe(learning_rate=2e-3),
}
"""What is taken where the caller does not say; a head that starts afresh learns faster than the rest."""


class ShortTraining(Evaluator):
    """Builds, inherits, trains for some seconds, evaluates on validation data, measures latency.

    Args:
        cache: The images; training and validation parts are used.
        meter: Measures latency.
        target: The device that networks are judged for; None for this machine.
        precision: What networks are judged as; hand-made networks of other kinds stay in fp32.
        augmentation: Random changes of training images; may be replaced later through the attribute.
        batch_size: Images a training step.
    """

    def __init__(
        self,
        cache: ImageCache,
        meter: LatencyMeter,
        target: DeviceTarget | None = None,
        *,
        precision: Precision = "fp32",
        augmentation: Augmentation | None = None,
        batch_size: int = 32,
    ) -> None:
        self.cache = cache
        self.meter = meter
        self.target = target
        self.precision = precision
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
        recipe: Recipe | None = None,
        checkpoint: Path | None = None,
        should_stop: ShouldStop | None = None,
        keep_interrupted: ShouldStop | None = None,
        keep_checkpoint: bool = False,
    ) -> Evaluated | None:
        """Trains and measures one network, see `Evaluator.evaluate`."""
        started = time.monotonic()
        module, initialisation, details = self._initialise(architecture, seed, parent, pretrained)
        prepared = time.monotonic() - started
        recipe = recipe or RECIPES[initialisation]
        config = TrainingConfig(
            resolution=architecture.resolution,
            seconds=max(0.1, seconds),
            batch_size=self.batch_size,
            learning_rate=recipe.learning_rate,
            head_multiplier=recipe.head_multiplier,
            freeze_norms=recipe.freeze_norms,
            first_stage=recipe.first_stage,
            augmentation=self.augmentation,
            seed=seed,
        )
        result = train(
            module,
            self.cache,
            config,
            checkpoint=checkpoint,
            should_stop=should_stop,
            keep_checkpoint=keep_checkpoint,
        )
        if result.interrupted and not (keep_interrupted is not None and keep_interrupted()):
            return None
        measuring = time.monotonic()
        evaluation = evaluate(module, self.cache, validation_rows(self.cache), architecture.resolution)
        metrics = self.measure(module, architecture, evaluation)
        return Evaluated(
            module=module,
            metrics=metrics,
            details={
                "initialisation": initialisation,
                "recipe": dict(vars(recipe)),
                "config_hash": config_hash(config),
                **details,
                **training_facts(result),
            },
            seconds=prepared + result.seconds + time.monotonic() - measuring,
            right="" if metrics.unquantised else right_answers(evaluation),
        )

    def measure(self, module: nn.Module, architecture: Architecture, evaluation: Evaluation) -> Metrics:
        """Exports the network, measures its latency and counts; with `precision` int8 after quantising it.

        Raises:
            EvaluationError: If the runtime cannot run it.
        """
        try:
            core = onnx_core(module, architecture)
        except ExportError as error:
            raise EvaluationError(str(error)) from error
        content = core.SerializeToString()
        latency = self.meter.measure(content, architecture.resolution)
        unquantised = None
        if self.precision == "int8" and isinstance(architecture, MBConvArchitecture):
            unquantised = FloatFigures(evaluation.accuracy, latency.p50_ms, len(content))
            evaluation, content = self._as_int8(module, architecture)
            latency = self.meter.measure(content, architecture.resolution)
        latency_ms, device = self._on_device(architecture, core, latency.p50_ms)
        return Metrics(
            accuracy=evaluation.accuracy,
            accuracy_low=evaluation.accuracy_low,
            accuracy_high=evaluation.accuracy_high,
            latency_ms=latency_ms,
            latency_p95_ms=latency.p95_ms,
            n_params=count_params(module),
            macs=count_macs(module, architecture.resolution),
            size_bytes=len(content),
            device=device,
            unquantised=unquantised,
        )

    def _as_int8(self, module: nn.Module, architecture: MBConvArchitecture) -> tuple[Evaluation, bytes]:
        """Returns what is left after quantising, and the int8 graph."""
        try:
            found = quantise_to_int8(module, architecture, self.cache)
        except ExportError as error:
            raise EvaluationError(str(error)) from error
        return found.evaluation, found.core.SerializeToString()

    def _on_device(
        self, architecture: Architecture, core: ModelProto, here_ms: float
    ) -> tuple[float, DeviceFigures | None]:
        """Returns the latency where the network will run, and the device's other figures."""
        if self.target is None:
            return here_ms, None
        try:
            return self.target.judge(Built(architecture, core, here_ms, self.meter.anchor()))
        except (DeviceError, SpaceError) as error:
            raise EvaluationError(str(error)) from error

    def fresh(self, architecture: Architecture, seed: int) -> nn.Module:
        """Builds a network with freshly drawn weights, the same for the same seed.

        Raises:
            EvaluationError: If it cannot be built.
        """
        try:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                return build_network(architecture, self.cache.n_classes)
        except SpaceError as error:
            raise EvaluationError(str(error)) from error

    def _initialise(
        self,
        architecture: Architecture,
        seed: int,
        parent: ParentWeights | None,
        pretrained: bool,
    ) -> tuple[nn.Module, str, dict[str, Any]]:
        """Returns the network before its training, how it was initialised, and facts about it."""
        module = self.fresh(architecture, seed)
        if isinstance(architecture, CellArchitecture) and parent and parent.architecture == architecture:
            module.load_state_dict(dict(parent.state))
            return module, "inherited", {"inheritance": "all weights of the same network"}
        if isinstance(architecture, TimmArchitecture) and pretrained:
            return module, *_operator_start(module, architecture.name)
        if not isinstance(architecture, MBConvArchitecture):
            return module, "from scratch", {}
        initialisation = "inherited"
        if parent is None and pretrained:
            parent, initialisation = imagenet_parent(lite_version(architecture) or 0), "ImageNet"
        if parent is None or not isinstance(parent.architecture, MBConvArchitecture):
            return module, "from scratch", {}
        inheritance = inherit(module, architecture, parent.state, parent.architecture)
        return module, initialisation, {"inheritance": inheritance.description}


def _operator_start(module: nn.Module, name: str) -> tuple[str, dict[str, Any]]:
    """Fills a hand-made network with the weights that the operator put there."""
    path = weights_file(name)
    if path is None:
        return "from scratch", {}
    try:
        load_operator_weights(module, name, path)
    except NasError as error:
        raise EvaluationError(str(error)) from error
    return "ImageNet", {"inheritance": f"all weights but the classifier, from {path.name}"}


def right_answers(evaluation: Evaluation) -> str:
    """Returns which images were answered right, packed as `nas.paired.pack` does."""
    answers = evaluation.probabilities.argmax(axis=1) == evaluation.labels
    return pack(answers.tolist())


def training_facts(result: TrainingResult) -> dict[str, Any]:
    """Returns what a training did, for the details of a candidate."""
    return {
        "training_seconds": round(result.seconds, 2),
        "epochs": round(result.epochs, 2),
        "images_seen": result.images_seen,
        "steps": result.steps,
        "images_per_second": round(result.images_per_second, 1),
        "interrupted": result.interrupted,
    }
