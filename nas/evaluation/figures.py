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


@dataclass(frozen=True)
class Cells:
    """The cells of a confusion matrix that are not empty, by true class, then answer.

    A matrix of 10,000 classes has a hundred million cells, of which N photos fill N at most.

    Attributes:
        truth: (M,) true classes.
        answer: (M,) answers.
        n: (M,) photos, at least 1.
        n_classes: C.
    """

    truth: Ints
    answer: Ints
    n: Ints
    n_classes: int

    @property
    def support(self) -> Ints:
        """(C,) photos of each true class."""
        return _tally(self.truth, self.n, self.n_classes)

    @property
    def answered(self) -> Ints:
        """(C,) photos with each answer."""
        return _tally(self.answer, self.n, self.n_classes)

    @property
    def right(self) -> Ints:
        """(C,) photos of each class with the right answer."""
        same = self.truth == self.answer
        return _tally(self.truth[same], self.n[same], self.n_classes)

    def matrix(self) -> Ints:
        """Returns (C, C) counts: row i, column j has the photos of class i answered with class j."""
        full = np.zeros((self.n_classes, self.n_classes), dtype=np.int64)
        full[self.truth, self.answer] = self.n
        return full

    def wrong(self) -> Cells:
        """Returns the cells off the diagonal."""
        off = self.truth != self.answer
        return Cells(self.truth[off], self.answer[off], self.n[off], self.n_classes)


def _tally(classes: Ints, n: Ints, n_classes: int) -> Ints:
    counted: Ints = np.bincount(classes, weights=n, minlength=n_classes).round().astype(np.int64)
    return counted


def confusion_cells(labels: Ints, answers: Ints, n_classes: int) -> Cells:
    """Counts photos by true class and answer."""
    places, n = np.unique(labels * n_classes + answers, return_counts=True)
    return Cells(places // n_classes, places % n_classes, n.astype(np.int64), n_classes)


def accuracy_of(predictions: Predictions) -> Share:
    """Returns the share of right answers."""
    return Share(int(predictions.correct.sum()), len(predictions))


def class_figures(cells: Cells) -> list[ClassFigures]:
    """Returns the figures of each class, in class order."""
    figures = []
    counts = zip(cells.right.tolist(), cells.support.tolist(), cells.answered.tolist(), strict=True)
    for number, (k, n, m) in enumerate(counts):
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


def most_confused(cells: Cells, limit: int = 10) -> list[Confusion]:
    """Returns the pairs of true class and wrong answer with the most photos, at most `limit`.

    Of pairs with as many photos the one comes first that is a larger share of its true class.
    """
    wrong, support = cells.wrong(), cells.support
    order = np.lexsort((wrong.answer, wrong.truth, -wrong.n / support[wrong.truth], -wrong.n))[:limit]
    return [
        Confusion(int(wrong.truth[i]), int(wrong.answer[i]), int(wrong.n[i]), int(support[wrong.truth[i]]))
        for i in order
    ]


def most_confused_classes(cells: Cells, limit: int = 12) -> list[int]:
    """Returns the classes worth a look of their own in a large matrix, in class order.

    Pairs of classes are taken by the photos that went astray between them in either direction, the most
    first, until `limit` classes are together.
    """
    wrong, c = cells.wrong(), cells.n_classes
    pairs = np.minimum(wrong.truth, wrong.answer) * c + np.maximum(wrong.truth, wrong.answer)
    places, which = np.unique(pairs, return_inverse=True)
    both = np.bincount(which, weights=wrong.n)
    chosen: dict[int, None] = {}
    for i in np.argsort(-both, kind="stable"):
        pair = divmod(int(places[i]), c)
        if len(chosen.keys() | set(pair)) <= limit:
            chosen.update(dict.fromkeys(pair))
        if len(chosen) >= limit:
            break
    return sorted(chosen)


def order_by_confusion(cells: Cells) -> list[int]:
    """Returns the classes with the largest share of wrong photos first, of equal ones by number."""
    missed = 1 - cells.right / np.maximum(1, cells.support)
    return [int(each) for each in np.lexsort((np.arange(cells.n_classes), -missed))]
