"""Right and wrong counted: confusion matrix, figures of each class, top-k, mistakes, confused pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nas.evaluation.predictions import Ints, Predictions
from nas.statistics import wilson_interval


@dataclass(frozen=True)
class Share:
    """A share of photos with its 95% Wilson interval.

    Attributes:
        k: Photos that count.
        n: Photos in all; the share of none is None, its interval (0, 1).
    """

    k: int
    n: int

    @property
    def value(self) -> float | None:
        """k / n, None for n = 0."""
        return self.k / self.n if self.n else None

    @property
    def low(self) -> float:
        """Lower end of the interval."""
        return wilson_interval(self.k, self.n)[0]

    @property
    def high(self) -> float:
        """Upper end of the interval."""
        return wilson_interval(self.k, self.n)[1]


@dataclass(frozen=True)
class ClassFigures:
    """What a model does with one class.

    Attributes:
        number: The class.
        support: Photos whose true class it is.
        answered: Photos for which it was the answer.
        precision: Of the photos with this answer, those of the class.
        recall: Of the photos of the class, those with this answer.
        f1: Harmonic mean of the two, 2k / (support + answered) with k right ones; None if both are 0.
    """

    number: int
    support: int
    answered: int
    precision: Share
    recall: Share
    f1: float | None


@dataclass(frozen=True)
class Confusion:
    """Photos of class `truth` that were answered with class `answer`.

    Attributes:
        truth: True class.
        answer: Another class.
        n: How many photos.
        support: Photos of the true class.
    """

    truth: int
    answer: int
    n: int
    support: int


def confusion_matrix(predictions: Predictions) -> Ints:
    """Returns (C, C) counts: row i, column j has the photos of class i that were answered with class j."""
    c = predictions.n_classes
    counted = np.bincount(predictions.labels * c + predictions.answers, minlength=c * c)
    matrix: Ints = counted.reshape(c, c).astype(np.int64)
    return matrix


def accuracy_of(predictions: Predictions) -> Share:
    """Returns the share of right answers."""
    return Share(int(predictions.correct.sum()), len(predictions))


def class_figures(matrix: Ints) -> list[ClassFigures]:
    """Returns the figures of each class from a confusion matrix, in class order."""
    right, support, answered = np.diag(matrix), matrix.sum(axis=1), matrix.sum(axis=0)
    figures = []
    for number in range(len(matrix)):
        k, n, m = int(right[number]), int(support[number]), int(answered[number])
        f1 = 2 * k / (n + m) if n + m else None
        figures.append(ClassFigures(number, n, m, Share(k, m), Share(k, n), f1))
    return figures


def macro_f1(figures: list[ClassFigures]) -> float | None:
    """Returns the mean F1 of the classes that have photos; None without any."""
    found = [one.f1 for one in figures if one.support and one.f1 is not None]
    return sum(found) / len(found) if found else None


def top_k(predictions: Predictions, k: int) -> Share:
    """Returns for how many photos the true class is among the k most probable ones.

    Its rank is 1 plus the number of classes with a higher probability; the answer itself has rank 1.
    """
    each = np.arange(len(predictions))
    of_truth = predictions.probabilities[each, predictions.labels]
    rank = 1 + (predictions.probabilities > of_truth[:, None]).sum(axis=1)
    within = (rank <= k) | predictions.correct
    return Share(int(within.sum()), len(predictions))


def worst_mistakes(predictions: Predictions) -> Ints:
    """Returns the places of the wrong answers in the predictions, the most confident first."""
    wrong = np.flatnonzero(~predictions.correct)
    order = np.argsort(-predictions.confidences[wrong], kind="stable")
    places: Ints = wrong[order].astype(np.int64)
    return places


def most_confused(matrix: Ints, limit: int = 10) -> list[Confusion]:
    """Returns the pairs of true class and wrong answer with the most photos, at most `limit`.

    Of pairs with as many photos the one comes first that is a larger share of its true class.
    """
    support = matrix.sum(axis=1)
    off = matrix.copy()
    np.fill_diagonal(off, 0)
    truth, answer = np.nonzero(off)
    n = off[truth, answer]
    order = np.lexsort((answer, truth, -n / support[truth], -n))[:limit]
    return [Confusion(int(truth[i]), int(answer[i]), int(n[i]), int(support[truth[i]])) for i in order]


def most_confused_classes(matrix: Ints, limit: int = 12) -> list[int]:
    """Returns the classes worth a look of their own in a large matrix, in class order.

    Pairs of classes are taken by the photos that went astray between them in either direction, the most
    first, until `limit` classes are together.
    """
    both = matrix + matrix.T
    upper = np.triu(both, k=1)
    first, second = np.nonzero(upper)
    chosen: dict[int, None] = {}
    for i in np.argsort(-upper[first, second], kind="stable"):
        new = [each for each in (int(first[i]), int(second[i])) if each not in chosen]
        if len(chosen) + len(new) <= limit:
            chosen.update(dict.fromkeys(new))
        if len(chosen) >= limit:
            break
    return sorted(chosen)


def order_by_confusion(matrix: Ints) -> list[int]:
    """Returns the classes with the most wrong photos first: by 1 - recall, then by class number."""
    support = np.maximum(1, matrix.sum(axis=1))
    wrong = 1 - np.diag(matrix) / support
    return [int(each) for each in np.lexsort((np.arange(len(matrix)), -wrong))]
