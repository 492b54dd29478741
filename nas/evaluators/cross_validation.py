"""Cross-validation for tiny sets: a network that never saw a photo judges it, for every unsealed one.

A network is trained once a fold, from ImageNet weights under a head that was fitted to the fold's own
training photos, and judged on what was held out (Stone 1974; stratified as Kohavi 1995 advises). No fold
begins with weights of an earlier training of the run, for these have seen all photos. The network that is
kept goes on from its parent and learns from all photos; it had more of them and more time than what the
accuracy was measured on.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from nas.architecture import Architecture, MBConvArchitecture
from nas.candidate import Metrics
from nas.data.cache import ImageCache
from nas.data.views import CacheView, Rows, folds
from nas.evaluators.base import Evaluated, ParentWeights, Recipe
from nas.evaluators.first_model import Probe
from nas.evaluators.short_training import ShortTraining, right_answers
from nas.events import ShouldStop
from nas.prediction import Evaluation, evaluation_of
from nas.spaces.lite import LITE0_STAGES

FOLDS_PART = 0.5
"""Part of the training seconds for all folds together; the rest is for the network that is kept."""


class CrossValidation(ShortTraining):
    """Judges networks by k folds over training and validation part; the kept network learns from both.

    Args:
        plain: An evaluator whose cache, meter, target, augmentation and batch size are taken over.
        n_folds: Number of folds, >= 2.
    """

    def __init__(self, plain: ShortTraining, n_folds: int) -> None:
        super().__init__(
            plain.cache,
            plain.meter,
            plain.target,
            precision=plain.precision,
            augmentation=plain.augmentation,
            batch_size=plain.batch_size,
        )
        self.parts = folds(plain.cache, n_folds)
        self._probes: dict[int, Probe] = {}

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
        **further: Any,
    ) -> Evaluated | None:
        """Trains a fold at a time and then the network that is kept; see `Evaluator.evaluate`.

        A slice that ends between two folds goes on with the next; an interruption by the user keeps what the
        folds so far have shown.
        """
        shared: dict[str, Any] = {
            "seed": seed, "recipe": recipe, "should_stop": should_stop, "keep_interrupted": keep_interrupted,
            **further,
        }  # fmt: skip
        judged: list[Evaluation] = []
        spent = trained = 0.0
        for number, (train, held) in enumerate(self.parts):
            file = None if checkpoint is None else checkpoint.with_suffix(f".fold{number}.safetensors")
            kept_fold = _load(file)
            if kept_fold is None:
                part = _Part(self, CacheView(self.cache, train, held))
                result = part.evaluate(
                    architecture,
                    seconds=FOLDS_PART * seconds / len(self.parts),
                    parent=self._start(architecture, parent, train, pretrained=pretrained),
                    pretrained=pretrained,
                    checkpoint=file,
                    **shared,
                )
                if result is None or part.evaluation is None:
                    return None
                kept_fold = (part.evaluation, result.seconds, float(result.details["training_seconds"]))
                _save(file, *kept_fold)
            judged.append(kept_fold[0])
            spent, trained = spent + kept_fold[1], trained + kept_fold[2]
        pooled = pool(judged)
        rows = np.sort(np.concatenate([held for _, held in self.parts]))
        whole = _Part(self, CacheView(self.cache, rows, rows[:1]), judged=pooled)
        kept = whole.evaluate(
            architecture,
            seconds=(1.0 - FOLDS_PART) * seconds,
            parent=parent,
            pretrained=pretrained,
            checkpoint=checkpoint,
            keep_checkpoint=keep_checkpoint,
            **shared,
        )
        if kept is None:
            return None
        if not keep_checkpoint:
            _forget(checkpoint, len(self.parts))
        trained += float(kept.details["training_seconds"])
        facts = {**fold_facts(judged), "training_seconds": round(trained, 2)}
        return replace(
            kept,
            details={**kept.details, **facts},
            seconds=kept.seconds + spent,
            right=right_answers(pooled),
            out_of_fold=pooled,
        )

    def _start(
        self, architecture: Architecture, parent: ParentWeights | None, train: Rows, *, pretrained: bool
    ) -> ParentWeights | None:
        """Returns ImageNet weights under a head of the fold, where the network would inherit any."""
        if not isinstance(architecture, MBConvArchitecture) or not (parent or pretrained):
            return None
        if parent is not None and not pretrained and not _from_imagenet(parent):
            return None
        side = architecture.resolution
        if side not in self._probes:
            self._probes = {side: Probe(self.cache, side)}  # of one resolution at a time
        return self._probes[side].parent(train)


class _Part(ShortTraining):
    """Trains on one division; does not measure, but keeps or replaces what its validation part says."""

    def __init__(self, outer: CrossValidation, cache: ImageCache, judged: Evaluation | None = None) -> None:
        super().__init__(
            cache,
            outer.meter,
            outer.target,
            precision=outer.precision,
            augmentation=outer.augmentation,
            batch_size=outer.batch_size,
        )
        self.judged = judged
        self.evaluation: Evaluation | None = None

    def measure(self, module: nn.Module, architecture: Architecture, evaluation: Evaluation) -> Metrics:
        """Measures the network that is kept, with the accuracy of the folds; of a fold keeps its answers."""
        if self.judged is not None:
            return super().measure(module, architecture, self.judged)
        self.evaluation = evaluation
        found = evaluation
        return Metrics(found.accuracy, found.accuracy_low, found.accuracy_high, 0.0, 0.0, 0, 0, 0)


def pool(judged: list[Evaluation]) -> Evaluation:
    """Joins the folds' answers; the accuracy is their mean, weighed by their sizes, with one interval."""
    probabilities = np.concatenate([one.probabilities for one in judged])
    return evaluation_of(probabilities, np.concatenate([one.labels for one in judged]))


def fold_facts(judged: list[Evaluation]) -> dict[str, Any]:
    """Returns what the record of a candidate says of its folds."""
    return {
        "folds": len(judged),
        "fold_accuracies": [round(one.accuracy, 4) for one in judged],
        "judged_on": sum(len(one.labels) for one in judged),
    }


def out_of_fold_file(weights: Path) -> Path:
    """Returns where the answers of the folds lie, beside the weights of a candidate."""
    return weights.with_suffix(".folds.npz")


def save_out_of_fold(weights: Path, evaluation: Evaluation | None) -> None:
    """Keeps the answers on held-out photos beside the weights: the kept network has seen these photos."""
    if evaluation is not None:
        np.savez(out_of_fold_file(weights), probabilities=evaluation.probabilities, labels=evaluation.labels)


def load_out_of_fold(weights: Path) -> Evaluation | None:
    """Returns the answers on held-out photos, None where a candidate was not cross-validated."""
    file = out_of_fold_file(weights)
    if not file.exists():
        return None
    with np.load(file) as kept:
        return evaluation_of(kept["probabilities"], kept["labels"])


def _from_imagenet(parent: ParentWeights) -> bool:
    return isinstance(parent.architecture, MBConvArchitecture) and parent.architecture.stages == LITE0_STAGES


def _load(file: Path | None) -> tuple[Evaluation, float, float] | None:
    """Returns what an earlier slice kept of a fold: answers, seconds in all and of training."""
    if file is None or not out_of_fold_file(file).exists():
        return None
    with np.load(out_of_fold_file(file)) as kept:
        seconds, training = (float(each) for each in kept["seconds"])
        return evaluation_of(kept["probabilities"], kept["labels"]), seconds, training


def _save(file: Path | None, evaluation: Evaluation, seconds: float, training: float) -> None:
    if file is None:
        return
    np.savez(
        out_of_fold_file(file),
        probabilities=evaluation.probabilities,
        labels=evaluation.labels,
        seconds=np.array([seconds, training]),
    )
    file.unlink(missing_ok=True)  # the fold is over


def _forget(checkpoint: Path | None, n_folds: int) -> None:
    for number in range(n_folds if checkpoint is not None else 0):
        assert checkpoint is not None
        out_of_fold_file(checkpoint.with_suffix(f".fold{number}.safetensors")).unlink(missing_ok=True)
