"""Kept answers of exported models, as the pages need them: read once, remembered while the file is the same.

The probabilities of other classes are let go of after reading; what is remembered is about 50 bytes a photo.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nas.evaluation.calibration import Bin, Outcome, brier_score, reliability, threshold_curve
from nas.evaluation.figures import Cells, Share, accuracy_of, confusion_cells, top_k
from nas.evaluation.photos import PhotoFacts, load_photos, photos_file
from nas.evaluation.predictions import Ints, Part, load_predictions, predictions_file
from nas.evaluation.slices import Slice, SliceFigures, slice_figures, slices_of
from search_app.models import SearchRun, TrainedModel

TOP: int = 5
_REMEMBERED = 16  # files; a person looks at a few models at a time

Key = tuple[Path, int, int]


@dataclass(frozen=True)
class Answers:
    """What one file of a model answered, N photos of C classes.

    Attributes:
        part: `test` or `val`.
        rows: (N,) rows in the image cache.
        labels: (N,) true classes.
        answers: (N,) answers.
        confidences: (N,) float32 probability of the answer.
        of_truth: (N,) float32 probability of the true class.
        n_classes: C.
        threshold: Bar of "I don't know" in the download.
        has_int8: True if the model has answers of an int8 file, too.
        accuracy: Share of right answers.
        top: Share of photos whose true class is among the five most probable; None for up to ten classes.
        brier: Brier score.
        bins: Of the reliability diagram.
        curve: What bars of "I don't know" would do.
        cells: Of the confusion matrix.
    """

    part: Part
    rows: Ints
    labels: Ints
    answers: Ints
    confidences: npt.NDArray[np.float32]
    of_truth: npt.NDArray[np.float32]
    n_classes: int
    threshold: float
    has_int8: bool
    accuracy: Share
    top: Share | None
    brier: float
    bins: list[Bin]
    curve: list[Outcome]
    cells: Cells

    @property
    def correct(self) -> npt.NDArray[np.bool_]:
        """(N,) True where the answer is the true class."""
        right: npt.NDArray[np.bool_] = self.answers == self.labels
        return right


def answers_of(model: TrainedModel, *, int8: bool = False) -> Answers | None:
    """Returns the kept answers of a model, None if there are none.

    Args:
        model: The model, with its run.
        int8: Those of its int8 file; of the other one where it has none.

    Raises:
        EvaluationError: If the file is damaged.
    """
    key = _key(predictions_file(model.run.workdir, model.name))
    return None if key is None else _read(key, int8)


def slices_for(model: TrainedModel, *, int8: bool = False) -> tuple[list[SliceFigures], bool]:
    """Returns accuracy on kinds of photos, and whether the photos themselves were measured.

    Raises:
        EvaluationError: If a file is damaged.
    """
    key = _key(predictions_file(model.run.workdir, model.name))
    if key is None:
        return [], False
    facts = _key(photos_file(model.run.workdir, _read(key, int8).part))
    return _sliced(key, int8, facts), facts is not None


def slice_of(model: TrainedModel, name: str) -> Slice | None:
    """Returns one kind of photos, None if there is no such kind.

    Raises:
        EvaluationError: If a file is damaged.
    """
    return next((one.slice for one in slices_for(model)[0] if one.slice.key == name), None)


def classes_of(run: SearchRun) -> list[str]:
    """Returns the class names of a run in label order."""
    return [str(name) for name in run.dataset_version.classes]


def _key(path: Path) -> Key | None:
    """Returns a path with what changes when its content does; None if there is no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return path, found.st_mtime_ns, found.st_size


@lru_cache(maxsize=_REMEMBERED)
def _read(key: Key, int8: bool) -> Answers:
    predictions = load_predictions(key[0])
    has_int8 = predictions.has_int8
    if int8 and has_int8:
        predictions = predictions.of_int8()
    each = np.arange(len(predictions))
    return Answers(
        part=predictions.part,
        rows=predictions.rows,
        labels=predictions.labels,
        answers=predictions.answers,
        confidences=predictions.confidences,
        of_truth=predictions.probabilities[each, predictions.labels].astype(np.float32),
        n_classes=predictions.n_classes,
        threshold=predictions.threshold,
        has_int8=has_int8,
        accuracy=accuracy_of(predictions),
        top=top_k(predictions, TOP) if predictions.n_classes > 2 * TOP else None,
        brier=brier_score(predictions),
        bins=reliability(predictions),
        curve=threshold_curve(predictions),
        cells=confusion_cells(predictions.labels, predictions.answers, predictions.n_classes),
    )


@lru_cache(maxsize=4)
def _facts(key: Key) -> PhotoFacts:
    return load_photos(key[0])


@lru_cache(maxsize=_REMEMBERED)
def _sliced(key: Key, int8: bool, facts_key: Key | None) -> list[SliceFigures]:
    answers = _read(key, int8)
    facts = None if facts_key is None else _facts(facts_key)
    if facts is not None and not np.array_equal(facts.rows, answers.rows):
        facts = None  # measured of other photos: of another part of an older run
    return slice_figures(slices_of(facts, answers.labels, answers.n_classes), answers.correct)
