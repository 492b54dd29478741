"""The contract of an evaluator: an architecture goes in, a trained and measured network comes out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from nas.architecture import Architecture
from nas.candidate import Metrics
from nas.events import ShouldStop
from nas.prediction import Evaluation


@dataclass(frozen=True)
class ParentWeights:
    """A trained network whose weights are inherited."""

    architecture: Architecture
    state: Mapping[str, Tensor]


@dataclass(frozen=True)
class Evaluated:
    """What came of an evaluation.

    Attributes:
        module: The trained network.
        metrics: Measured on validation data and in the runtime.
        details: JSON-ready facts for the expert.
        seconds: Wall-clock seconds of all slices, measuring included.
        right: Which validation images it got right, see `nas.paired.pack`; empty where it was judged after
            quantisation.
        out_of_fold: Answers on held-out photos, where the accuracy is by cross-validation.
    """

    module: nn.Module
    metrics: Metrics
    details: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    right: str = ""
    out_of_fold: Evaluation | None = None


@dataclass(frozen=True)
class Recipe:
    """What the initialisation asks of a training; see `nas.training.TrainingConfig` for each.

    Attributes:
        learning_rate: Peak rate.
        head_multiplier: Factor on the rate of the classifier.
        freeze_norms: True keeps batch-norm statistics.
        first_stage: First stage that is trained.
    """

    learning_rate: float
    head_multiplier: float = 1.0
    freeze_norms: bool = False
    first_stage: int = 0


class Evaluator(ABC):
    """Judges architectures. One evaluator serves all candidates of a run."""

    @abstractmethod
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
        """Trains and measures one network.

        Args:
            architecture: What to build.
            seconds: Training seconds; measuring comes on top.
            seed: Seed of everything random.
            parent: Weights to inherit; None for none.
            pretrained: Inherit ImageNet weights where there are any; ignored if `parent` is given.
            recipe: How to train; None takes what suits the initialisation.
            checkpoint: File from which an interrupted training goes on.
            should_stop: Polled after every training step.
            keep_interrupted: Asked after an interruption: True measures the network as it is, False puts
                it down for a later slice.
            keep_checkpoint: True leaves the checkpoint at the end, too, for a call with more seconds.

        Returns:
            What came of it; None if it was put down.

        Raises:
            EvaluationError: If it cannot be built, trained or measured.
        """
