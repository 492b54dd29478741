"""The shortcut alarm: what tells the classes apart although it is not the subject of the photos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from nas.checks.border import Look, look_at_borders
from nas.checks.marks import FEWEST_IMAGES, Mark, find_marks, fine_detail
from nas.checks.probe import make_folds
from nas.checks.report import ImageFinding
from nas.checks.separation import auc_of, balanced_accuracy, cases_told_apart, tree_probabilities
from nas.checks.spots import MOST_CLASSES as MOST_CLASSES_FOR_SPOTS
from nas.checks.spots import Spot, describe_cells, find_spots
from nas.checks.subject import CheckSkippedError, Ints, Subject, class_finding, shrink

Doubles = npt.NDArray[np.float64]
Judged = tuple[dict[str, Any], list[ImageFinding]]

MOST_CLASSES: Final = 1000
STAGE: Final = "Looking for shortcuts"
_MOST_IMAGES: Final = 3000
_PER_CLASS: Final = 150
_DETAIL_BYTES: Final = 150_000_000
_FACT_AUC: Final = 0.97
_FACT_CASES: Final = 0.95
_MOST_TEXTS: Final = 50


@dataclass(frozen=True)
class Clue:
    """What one group of facts can tell.

    Attributes:
        name: For people.
        probabilities: (N, K) out-of-fold.
        evidence: In words, after "Photos of 'x'".
        may_ring: (K,) whether it may be called a shortcut of the class at all.
    """

    name: str
    probabilities: npt.NDArray[Any]
    evidence: str
    may_ring: npt.NDArray[np.bool_]


def find_shortcuts(subject: Subject) -> tuple[list[ImageFinding], list[dict[str, Any]]]:
    """Judges facts of the files, border colours and marks, each alone, by cross-validated prediction.

    Returns:
        At most one finding a class and kind of clue, and a table of all clues, telling or not.

    Raises:
        CheckSkippedError: One class only, or so many that memory would not be bounded.
    """
    if subject.n_classes < 2:
        raise CheckSkippedError
    if subject.n_classes > MOST_CLASSES:
        raise CheckSkippedError(f"Shortcuts were not looked for: there are over {MOST_CLASSES:,} classes.")
    subject.tell(STAGE, 0, 0)
    places = subject.sample(_PER_CLASS, _MOST_IMAGES, least=FEWEST_IMAGES)
    look = look_at_borders(subject, places, STAGE)
    clues = [*_file_clues(subject, places, look.busyness), *_border_clues(subject, places, look)]
    judged = [_judge_clue(subject, clue, subject.labels[places]) for clue in clues]
    judged += _look_for_marks(subject, places)
    return [finding for _, rung in judged for finding in rung], [entry for entry, _ in judged]


def _judge_clue(subject: Subject, clue: Clue, labels: Ints) -> Judged:
    """A row of the table, and a finding for each class that the clue gives away."""
    counts = np.bincount(labels, minlength=subject.n_classes)
    findings = []
    best = (0.5, 0)
    for i in np.flatnonzero(counts >= FEWEST_IMAGES).tolist():
        answers, is_class = clue.probabilities[:, i], labels == i
        auc, cases = auc_of(answers, is_class), cases_told_apart(answers, is_class)
        best = max(best, (auc, i))
        if clue.may_ring[i] and auc >= _FACT_AUC and cases >= _FACT_CASES:
            words = {"evidence": clue.evidence, "percent": round(100 * cases)}
            findings.append(class_finding("shortcut", subject.classes[i], auc, **words))
    accuracy = balanced_accuracy(clue.probabilities, labels)
    entry = _entry(clue.name, accuracy, 1 / subject.n_classes, alarm=bool(findings))
    return {**entry, "auc": round(best[0], 4), "class": subject.classes[best[1]]}, findings


def _entry(name: str, accuracy: float, chance: float, *, alarm: bool) -> dict[str, Any]:
    """A row of the table: for people, and as numbers."""
    return {
        "name": name,
        "score": f"{accuracy:.0%}",
        "chance": f"{chance:.0%}",
        "alarm": alarm,
        "balanced_accuracy": round(accuracy, 4),
    }


# Facts of the files


def _file_clues(subject: Subject, places: Ints, busyness: Doubles) -> list[Clue]:
    width, height, n_bytes = (
        np.array(subject.fact(name, 0), dtype=np.float64)[places] for name in ("width", "height", "n_bytes")
    )
    formats, modes, cameras = (
        np.array(subject.fact(name, ""), dtype=str)[places] for name in ("format", "mode", "camera")
    )
    exif = np.array(subject.fact("has_exif", False), dtype=bool)[places].astype(np.float64)
    ratio = np.log(np.maximum(width, 1) / np.maximum(height, 1))
    groups: list[tuple[str, str, Doubles]] = [
        ("Image size", "have a size of their own", np.stack([width, height], axis=1)),
        ("Proportions", "have proportions of their own", ratio[:, None]),
        ("File format", "have a file format or colour mode of their own", _numbers(formats, modes)),
        ("Camera", "come from a camera of their own, or from none", np.c_[_numbers(cameras), exif]),
        ("File size", "have files larger or smaller than their content explains",
         _file_size(n_bytes, width * height, busyness)),
    ]  # fmt: skip
    labels, k = subject.labels[places], subject.n_classes
    folds = make_folds(labels, subject.units[places], subject.seed)
    return [
        Clue(
            name, tree_probabilities(facts, labels, folds, k, subject.seed), evidence, np.ones(k, dtype=bool)
        )
        for name, evidence, facts in groups
        if np.ptp(facts, axis=0).any()
    ]


def _numbers(*columns: npt.NDArray[np.str_]) -> Doubles:
    """Texts as numbers, one column of indicators for each of the commonest texts."""
    parts = []
    for column in columns:
        texts, counts = np.unique(column, return_counts=True)
        common = texts[np.argsort(-counts, kind="stable")][:_MOST_TEXTS]
        parts.append(column[:, None] == common[None, :])
    return np.concatenate(parts, axis=1).astype(np.float64)


def _file_size(n_bytes: Doubles, n_pixels: Doubles, busyness: Doubles) -> Doubles:
    """(N, 1) log of the file size beyond what number of pixels and busyness of the picture explain.

    A file is larger when there is more to see, and that is no shortcut; the way it was saved is one.
    """
    if not n_bytes.any():
        return np.zeros((len(n_bytes), 1))
    target = np.log(np.maximum(n_bytes, 1) / np.maximum(n_pixels, 1))
    busy = np.log(busyness + 1)
    terms = np.c_[np.ones(len(busy)), busy, busy**2, busy[:, :1] * busy[:, 1:]]
    terms = np.c_[terms, np.log(np.maximum(n_pixels, 1))]
    fitted, *_ = np.linalg.lstsq(terms, target, rcond=None)
    left: npt.NDArray[np.float64] = (target - terms @ fitted)[:, None]
    return left


# Border and background


def _border_clues(subject: Subject, places: Ints, look: Look) -> list[Clue]:
    """Colours of the ground and of the rim, by small decision trees."""
    labels, k = subject.labels[places], subject.n_classes
    folds = make_folds(labels, subject.units[places], subject.seed)
    grounds, frames = np.zeros(k, dtype=bool), np.zeros(k, dtype=bool)
    for i in np.unique(labels):
        grounds[i], frames[i] = look.own_ground(labels == i), look.own_frame(labels == i)
    return [
        Clue(name, tree_probabilities(facts, labels, folds, k, subject.seed), evidence, may_ring)
        for name, facts, evidence, may_ring in (
            ("Colour of the background", look.ground, "stand before a ground of their own", grounds),
            ("Frame", look.rim, "have a frame of their own", frames),
        )
    ]


# Marks


def _look_for_marks(subject: Subject, places: Ints) -> list[Judged]:
    """Judges marks that are the same to the pixel, then, for the other classes, spots that are not."""
    side = _detail_side(len(places), subject.n_classes)
    few = subject.n_classes <= MOST_CLASSES_FOR_SPOTS
    details, cells = [], []
    for _, pixels in subject.blocks(places, 32, STAGE):
        small = shrink(pixels.astype(np.float32), side)
        details.append(fine_detail(small))
        if few:
            cells.append(describe_cells(small, details[-1]))
    labels, units, k = subject.labels[places], subject.units[places], subject.n_classes
    halves = make_folds(labels, units, subject.seed, n_folds=2)
    entry, findings = _judge_marks(subject, find_marks(np.concatenate(details), labels, halves, k))
    if not few:
        return [(entry, findings)]
    spots = find_spots(np.concatenate(cells), labels, make_folds(labels, units, subject.seed), k)
    known = {finding.label for finding in findings}
    return [
        (entry, findings),
        _judge_spots(subject, [s for s in spots if subject.classes[s.label] not in known]),
    ]


def _detail_side(n_images: int, n_classes: int) -> int:
    """The finest view that fits into memory: details of the images, and 9 sums of each class."""
    side = 128
    while side > 32 and side * side * 3 * (n_images + 9 * 4 * n_classes) > _DETAIL_BYTES:
        side //= 2
    return side


def _judge_marks(subject: Subject, marks: list[Mark]) -> Judged:
    findings = []
    for mark in marks:
        if mark.rings():
            words = {"evidence": f"carry a mark {_where(mark)}", "percent": round(100 * mark.cases)}
            findings.append(class_finding("shortcut", subject.classes[mark.label], mark.auc, **words))
    best = max(marks, key=lambda m: (m.rings(), m.auc), default=None)
    entry = _entry("A mark at the same spot", best.cases if best else 0.5, 0.5, alarm=bool(findings))
    if best:
        entry |= {"auc": round(best.auc, 4), "class": subject.classes[best.label]}
        entry |= {"coherence": round(best.coherence, 4)}
    return entry, findings


def _judge_spots(subject: Subject, spots: list[Spot]) -> Judged:
    findings = []
    for spot in spots:
        if spot.rings():
            words = {
                "evidence": f"show something of their own {_where(spot)}",
                "percent": round(100 * spot.cases),
            }
            findings.append(class_finding("shortcut", subject.classes[spot.label], spot.auc, **words))
    best = max(spots, key=lambda s: (s.rings(), s.auc - s.elsewhere), default=None)
    entry = _entry(
        "Something at one spot of the edge", best.cases if best else 0.5, 0.5, alarm=bool(findings)
    )
    if best:
        entry |= {"auc": round(best.auc, 4), "class": subject.classes[best.label]}
        entry |= {"elsewhere": round(best.elsewhere, 4), "middle": round(best.middle, 4)}
    return entry, findings


def _where(mark: Mark | Spot) -> str:
    """Place of the window in words."""
    x, y = mark.left + mark.width / 2, mark.top + mark.height / 2
    vertical = "upper" if y < 1 / 3 else "lower" if y > 2 / 3 else ""
    horizontal = "left" if x < 1 / 3 else "right" if x > 2 / 3 else ""
    if vertical and horizontal:
        return f"at the {vertical} {horizontal}"
    if vertical:
        return f"at the {vertical} edge"
    return f"at the {horizontal} edge" if horizontal else "in the middle"
