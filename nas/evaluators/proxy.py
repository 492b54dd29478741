"""The evaluator that does not train: a zero-cost proxy judges fresh weights.

A proxy is no accuracy and never stands where one is expected. It ranks networks against each other, and
only those that are trained from scratch: on trained weights it measures the training, not the network.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from torch import nn

from nas.architecture import Architecture
from nas.errors import EvaluationError
from nas.evaluators.base import Evaluated, Evaluator, ParentWeights, Recipe
from nas.evaluators.short_training import ShortTraining
from nas.events import ShouldStop
from nas.prediction import evaluate, validation_rows
from nas.proxies.scores import proxy_batch, proxy_scores


class ProxyEvaluator(Evaluator):
    """Scores networks with fresh weights by one proxy.

    Args:
        training: Builds and measures; its images are used.
        proxy: One of `nas.proxies.PROXIES`.
        seed: Seed of the choice of images, the same for all networks that are compared.
    """

    def __init__(self, training: ShortTraining, proxy: str, *, seed: int = 0) -> None:
        self.training = training
        self.proxy = proxy
        self.seed = seed

    def score(self, architecture: Architecture, *, seed: int) -> float | None:
        """Returns the proxy of a network with fresh weights; larger is meant to be better.

        Args:
            architecture: What to build.
            seed: Seed of the weights.

        Returns:
            The score; None if it is not a finite number.

        Raises:
            EvaluationError: If the network cannot be built or there are too few images.
        """
        return self._score(self.training.fresh(architecture, seed), architecture)

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
    ) -> Evaluated:
        """Scores and measures one network without training it; see `Evaluator.evaluate`.

        The score stands in `details["proxy"]`, labelled. The accuracy among the metrics is the measured one
        of the untrained network, about that of a guess. What concerns a training is not used.

        Raises:
            EvaluationError: If weights are to be inherited, or the network cannot be built or measured.
        """
        if parent is not None or pretrained:
            raise EvaluationError(
                "A proxy says nothing about a network with inherited weights; take another evaluator, or a "
                "space that is trained from scratch."
            )
        started = time.monotonic()
        module = self.training.fresh(architecture, seed)
        facts = proxy_facts(self.proxy, self._score(module, architecture))
        cache = self.training.cache
        evaluation = evaluate(module, cache, validation_rows(cache), architecture.resolution)
        metrics = self.training.measure(module, architecture, evaluation)
        details = {"initialisation": "untrained", **facts}
        return Evaluated(module, metrics, details, time.monotonic() - started)

    def _score(self, module: nn.Module, architecture: Architecture) -> float | None:
        images, labels = proxy_batch(self.training.cache, architecture.resolution, self.seed)
        return proxy_scores(module, images, labels, (self.proxy,))[self.proxy]


def proxy_facts(proxy: str, score: float | None) -> dict[str, Any]:
    """Returns a score for the details of a candidate, with what it is not."""
    return {"proxy": {"name": proxy, "score": score, "meaning": "ranks untrained networks; not an accuracy"}}
