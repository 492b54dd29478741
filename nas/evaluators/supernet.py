"""Evaluators of a one-shot search: one trains the supernet, the other scores its sub-networks."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nas.architecture import Architecture, MBConvArchitecture
from nas.checkpoint import read_state
from nas.errors import EvaluationError, SpaceError
from nas.evaluators.base import Evaluated, Evaluator, ParentWeights, Recipe
from nas.evaluators.imagenet import imagenet_parent
from nas.evaluators.short_training import ShortTraining, training_facts
from nas.events import ShouldStop
from nas.networks import build_network
from nas.prediction import evaluate, validation_rows
from nas.spaces.lite import LITE0_STAGES, lite0_architecture
from nas.supernet.draws import Sandwich
from nas.supernet.elastic import ElasticLite0
from nas.supernet.files import load_elastic, save_elastic
from nas.supernet.folding import fit_folds
from nas.supernet.norms import recentre_norms
from nas.supernet.scoring import settled
from nas.supernet.training import ElasticConfig, train_elastic
from nas.supernet.transfer import adapted

NAME = "supernet"
"""Under this name the candidates say who judged them."""


@dataclass
class ElasticTraining(Evaluator):
    """Makes a supernet of the adapted Lite0, trains it and judges its largest sub-network.

    Attributes:
        training: Judges and measures as it does everywhere; its cache and augmentation are used.
        path: File of the supernet's weights.
        resolutions: Sides in pixels that are elastic, ascending.
        weights: Elastic weights to begin with, see `nas.supernet.pretraining`; None for the parent's own.
    """

    training: ShortTraining
    path: Path
    resolutions: tuple[int, ...]
    weights: Path | None = None

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
        """Trains the supernet for some seconds; see `Evaluator.evaluate`.

        `architecture` is the whole Lite0 at the resolution of the parent, which is the teacher.

        Raises:
            EvaluationError: If the parent is no whole Lite0, or the training fails.
        """
        started = time.monotonic()
        if parent is None or not _is_whole(architecture) or not _is_whole(parent.architecture):
            raise EvaluationError("A supernet begins with an adapted EfficientNet-Lite0, and there is none.")
        assert isinstance(architecture, MBConvArchitecture)
        resuming = checkpoint is not None and read_state(checkpoint) is not None
        teacher, supernet = self._start(parent, architecture.resolution, resuming=resuming)
        prepared = time.monotonic() - started
        config = ElasticConfig(
            architecture.resolution,
            seconds=max(0.1, seconds - prepared),
            augmentation=self.training.augmentation,
            seed=seed,
        )
        draws = Sandwich(self.resolutions, progressive=self.weights is None)
        result = train_elastic(
            supernet,
            teacher,
            self.training.cache,
            config,
            draws,
            checkpoint=checkpoint,
            should_stop=should_stop,
        )
        if result.interrupted and not (keep_interrupted is not None and keep_interrupted()):
            return None
        judging = time.monotonic()
        details = {"initialisation": "inherited", "evaluator": NAME, **training_facts(result)}
        save_elastic(supernet, self.path, details)
        evaluated = _judged(self.training, supernet, architecture, details)
        spent = prepared + result.seconds + time.monotonic() - judging
        return Evaluated(evaluated.module, evaluated.metrics, details, spent)

    def _start(
        self, parent: ParentWeights, resolution: int, *, resuming: bool
    ) -> tuple[nn.Module, ElasticLite0]:
        """Returns teacher and supernet; where a checkpoint goes on, it brings what is fitted here."""
        cache = self.training.cache
        with torch.random.fork_rng(devices=[]):
            teacher = build_network(lite0_architecture(resolution), cache.n_classes)
        teacher.load_state_dict(dict(parent.state))
        if self.weights is not None:
            supernet = adapted(load_elastic(self.weights), imagenet_parent().state, parent.state)
            recentre_norms(supernet.network, cache, resolution)
        else:
            if not resuming:
                recentre_norms(teacher, cache, resolution)
            supernet = ElasticLite0.of(teacher.state_dict(), cache.n_classes)
            if not resuming:
                fit_folds(supernet, cache, resolution)
        return teacher.eval(), supernet


class SupernetScores(Evaluator):
    """Scores sub-networks of a trained supernet: extraction and statistics of their own, no training.

    Args:
        training: Judges and measures as it does everywhere.
        path: File of the supernet's weights; read at the first call.
    """

    def __init__(self, training: ShortTraining, path: Path) -> None:
        self._training, self._path = training, path
        self._supernet: ElasticLite0 | None = None

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
        """Scores one network; see `Evaluator.evaluate`. `seconds` plays no part: nothing is trained.

        Raises:
            EvaluationError: If the weights cannot be read, or the network is no part of them.
        """
        started = time.monotonic()
        if self._supernet is None:
            self._supernet = load_elastic(self._path)
        if not isinstance(architecture, MBConvArchitecture):
            raise EvaluationError("The supernet holds parts of EfficientNet-Lite0 only.")
        details = {"initialisation": "inherited", "evaluator": NAME}
        evaluated = _judged(self._training, self._supernet, architecture, details)
        spent = time.monotonic() - started
        return Evaluated(evaluated.module, evaluated.metrics, details, spent)


def _judged(
    training: ShortTraining, supernet: ElasticLite0, architecture: MBConvArchitecture, details: dict[str, Any]
) -> Evaluated:
    cache = training.cache
    try:
        module = settled(supernet, architecture, cache)
    except SpaceError as error:
        raise EvaluationError(str(error)) from error
    evaluation = evaluate(module, cache, validation_rows(cache), architecture.resolution)
    return Evaluated(module, training.measure(module, architecture, evaluation), details)


def _is_whole(architecture: Architecture) -> bool:
    return isinstance(architecture, MBConvArchitecture) and architecture.stages == LITE0_STAGES
