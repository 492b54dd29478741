"""Labels that are probably wrong, and how much copies flatter a result."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from cleanlab.filter import find_label_issues

from nas.checks.features import Features
from nas.checks.probe import Floats, Ints, calibrated, make_folds, out_of_fold_scores
from nas.checks.report import ImageFinding
from nas.checks.subject import CheckSkippedError, Subject

MOST_FINDINGS: Final = 2000
MOST_CLASSES: Final = 1000  # cleanlab counts in a table of classes x classes
_MOST_NUMBERS: Final = 60_000_000  # of scores, 240 MB
_OWN_AT_MOST: Final = 0.1
_OTHER_AT_LEAST: Final = 0.5


def predict_by_others(subject: Subject, features: Features, *, copies_apart: bool = True) -> Floats:
    """Scores of every image by a classifier that has not seen it.

    Args:
        subject: The images.
        features: Their descriptions.
        copies_apart: Whether the classifier must not have seen a copy of it either.

    Returns:
        (N', K) as `nas.checks.probe.out_of_fold_scores` gives them.

    Raises:
        CheckSkippedError: One class only, or so many that memory would not be bounded.
    """
    n, n_classes = len(subject), subject.n_classes
    if n_classes < 2:
        raise CheckSkippedError
    if n_classes > MOST_CLASSES or n * n_classes > _MOST_NUMBERS:
        raise CheckSkippedError(
            f"Wrong classes were not looked for: {n:,} images in {n_classes:,} classes would take too much "
            "memory."
        )
    units = subject.units if copies_apart else np.arange(n)
    folds = make_folds(subject.labels, units, subject.seed)
    return out_of_fold_scores(features.values, subject.labels, folds, n_classes)


def find_wrong_labels(subject: Subject, scores: Floats) -> tuple[list[ImageFinding], dict[str, Any]]:
    """Names images that look like another class than their own.

    Confident learning (cleanlab; Northcutt et al. 2021) says how many labels of each class are likely to be
    another one. Of these only clear cases are named: the given class has at most 10% of the probability, and
    no more than a blind guess would give it (one in K); another has at least half.

    Args:
        subject: The images.
        scores: Of `predict_by_others`; overwritten by probabilities.

    Returns:
        Findings, surest first, and facts: accuracy on unseen images, how many were doubted and named.
    """
    subject.tell("Looking for wrong classes", 0, 0)
    labels = subject.labels
    probabilities = calibrated(scores, labels)
    predicted = probabilities.argmax(axis=1)
    doubted = find_label_issues(labels, probabilities, filter_by="both", n_jobs=1)
    places, confidence = _clear_cases(probabilities, labels, doubted)
    findings = []
    for place, score in zip(places[:MOST_FINDINGS].tolist(), confidence.tolist(), strict=False):
        suggestion = subject.classes[predicted[place]]
        label = subject.index[place]["label"]
        words = {"label": label, "suggestion": suggestion, "percent": min(99, int(100 * score))}
        findings.append(subject.finding("wrong-label", place, words, score=score, suggestion=suggestion))
    facts = {
        "accuracy": float((predicted == labels).mean()),
        "doubted": int(doubted.sum()),
        "clear": len(places),
        "named": len(findings),
    }
    return findings, facts


def _clear_cases(probabilities: Floats, labels: Ints, doubted: npt.NDArray[np.bool_]) -> tuple[Ints, Floats]:
    """Positions of clear cases, surest first, and how sure."""
    own = probabilities[np.arange(len(labels)), labels]
    other = probabilities.max(axis=1)
    at_most = min(_OWN_AT_MOST, 1 / probabilities.shape[1])
    clear = np.flatnonzero(doubted & (own < at_most) & (other > _OTHER_AT_LEAST))
    odds = np.log(other[clear] + 1e-12) - np.log(own[clear] + 1e-12)
    order = np.argsort(-odds, kind="stable")
    return clear[order], (other / (other + own + 1e-12))[clear[order]]


def measure_leak(subject: Subject, features: Features, predicted: Ints) -> dict[str, Any] | None:
    """How much better a classifier looks when copies of its training images are among those it is judged on.

    Args:
        subject: The images.
        features: Their descriptions.
        predicted: (N',) classes by a classifier that has seen no copies.

    Returns:
        Accuracies with copies kept on one side and across sides, over all images and over those that have
        copies, and a sentence; None without copies.
    """
    copied = subject.groups >= 0
    if not copied.any():
        return None
    subject.tell("Measuring what copies do", 0, 0)
    flattered = predict_by_others(subject, features, copies_apart=False).argmax(axis=1)
    apart, across = predicted == subject.labels, flattered == subject.labels
    n_copies = int(copied.sum())
    return {
        "with_copies_apart": float(apart.mean()),
        "with_copies_across": float(across.mean()),
        "copied_apart": float(apart[copied].mean()),
        "copied_across": float(across[copied].mean()),
        "n_copies": n_copies,
        "sentence": (
            f"{n_copies:,} photos have copies; all copies of one are kept on one side of the division. "
            f"Spread over both sides, a quick test would recognise {across[copied].mean():.1%} of them "
            f"instead of {apart[copied].mean():.1%}, and {across.mean():.1%} instead of {apart.mean():.1%} "
            "of all photos."
        ),
    }
