"""Counts and figures of answers, against scikit-learn, plain Python and answers made by hand."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix as sklearn_confusion
from sklearn.metrics import precision_recall_fscore_support, top_k_accuracy_score

from nas.evaluation.calibration import (
    brier_score,
    expected_calibration_error,
    outcome_at,
    reliability,
    threshold_curve,
)
from nas.evaluation.figures import (
    Cells,
    accuracy_of,
    class_figures,
    confusion_cells,
    macro_f1,
    most_confused,
    most_confused_classes,
    order_by_confusion,
    top_k,
    worst_mistakes,
)
from nas.evaluation.predictions import Predictions, predictions_of

# Three classes; truth, then the probabilities of the answer. Two mistakes: the second and the last.
BY_HAND = [
    (0, (0.92, 0.04, 0.04)),
    (0, (0.20, 0.75, 0.05)),
    (1, (0.10, 0.60, 0.30)),
    (1, (0.25, 0.50, 0.25)),
    (2, (0.04, 0.04, 0.92)),
    (2, (0.95, 0.02, 0.03)),
]


def cells(found: Predictions) -> Cells:
    return confusion_cells(found.labels, found.answers, found.n_classes)


def cells_of(matrix: np.ndarray) -> Cells:
    truth, answer = np.nonzero(matrix)
    return Cells(truth, answer, matrix[truth, answer], len(matrix))


def by_hand() -> Predictions:
    labels = np.array([truth for truth, _ in BY_HAND])
    return predictions_of("test", "", np.arange(6), labels, np.array([p for _, p in BY_HAND], np.float32))


def drawn(n: int = 700, n_classes: int = 9, seed: int = 0) -> Predictions:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, n_classes - 1, n)  # the last class has no photo
    raw = rng.gamma(0.4, size=(n, n_classes))
    raw[np.arange(n), labels] += rng.gamma(1.0, size=n)
    return predictions_of("test", "", np.arange(n), labels, (raw / raw.sum(1, keepdims=True)).astype("f4"))


def test_confusion_cells_are_those_of_scikit_learn() -> None:
    found = drawn()
    expected = sklearn_confusion(found.labels, found.answers, labels=range(9))
    assert np.array_equal(cells(found).matrix(), expected)
    assert cells(by_hand()).matrix().tolist() == [[1, 1, 0], [0, 2, 0], [1, 0, 1]]
    assert (accuracy_of(found).k, accuracy_of(found).n) == (int(np.trace(expected)), 700)


def test_figures_of_classes_are_those_of_scikit_learn() -> None:
    found = drawn()
    figures = class_figures(cells(found))
    precision, recall, f1, support = precision_recall_fscore_support(
        found.labels, found.answers, labels=range(9), zero_division=0
    )
    for one in figures:
        assert one.precision.value == pytest.approx(precision[one.number])
        assert one.f1 == pytest.approx(f1[one.number])
        assert one.support == support[one.number]
        if one.support:
            assert one.recall.value == pytest.approx(recall[one.number])
    assert figures[8].recall.value is None
    assert (figures[8].recall.low, figures[8].recall.high) == (0.0, 1.0)
    assert macro_f1(figures) == pytest.approx(f1[:8].mean())


def test_wilson_intervals_of_classes_solve_their_equation() -> None:
    """Each end p of the interval satisfies (k/n - p)^2 = z^2 p (1 - p) / n."""
    for one in class_figures(cells(drawn()))[:8]:
        for end in (one.recall.low, one.recall.high):
            gap = (one.recall.k / one.recall.n - end) ** 2
            assert gap == pytest.approx(1.959963984540054**2 * end * (1 - end) / one.recall.n, abs=1e-12)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_top_k_is_that_of_scikit_learn(k: int) -> None:
    found = drawn()
    expected = top_k_accuracy_score(found.labels, found.probabilities, k=k, labels=range(9))
    assert top_k(found, k).value == pytest.approx(expected)


def test_mistakes_come_most_confident_first() -> None:
    assert worst_mistakes(by_hand()).tolist() == [5, 1]
    found = drawn()
    expected = sorted(
        (i for i in range(700) if found.probabilities[i].argmax() != found.labels[i]),
        key=lambda i: -found.probabilities[i].max(),
    )
    assert worst_mistakes(found).tolist() == expected


def test_confused_pairs_are_the_most_frequent_ones() -> None:
    found = drawn()
    pairs = Counter(
        (truth, answer)
        for truth, answer in zip(found.labels.tolist(), found.answers.tolist(), strict=True)
        if truth != answer
    )
    listed = most_confused(cells(found), limit=7)
    assert [one.n for one in listed] == [n for _, n in pairs.most_common(7)]
    assert all(pairs[one.truth, one.answer] == one.n for one in listed)
    assert [(one.truth, one.answer, one.n, one.support) for one in most_confused(cells(by_hand()))] == [
        (0, 1, 1, 2),
        (2, 0, 1, 2),
    ]


def test_worst_classes_are_those_that_are_mixed_up_with_each_other() -> None:
    matrix = np.diag([50] * 30)
    matrix[4, 17] = 9
    matrix[17, 4] = 2
    matrix[20, 5] = 10
    matrix[2, 3] = 1
    assert most_confused_classes(cells_of(matrix), limit=4) == [4, 5, 17, 20]
    assert most_confused_classes(cells_of(matrix), limit=5) == [4, 5, 17, 20]  # half a pair says nothing
    assert most_confused_classes(cells_of(np.diag([3, 3]))) == []
    assert order_by_confusion(cells_of(matrix))[:4] == [20, 4, 17, 2]


def test_bins_and_calibration_error_by_hand() -> None:
    bins = reliability(by_hand())
    assert [one.right.n for one in bins] == [0, 0, 0, 0, 0, 1, 1, 1, 0, 3]
    assert [one.right.k for one in bins] == [0, 0, 0, 0, 0, 1, 1, 0, 0, 2]
    gaps = [abs(1 - 0.5), abs(1 - 0.6), abs(0 - 0.75), 3 * abs(2 / 3 - (0.92 + 0.92 + 0.95) / 3)]
    assert expected_calibration_error(bins) == pytest.approx(sum(gaps) / 6, abs=1e-6)


def test_calibration_error_in_plain_python() -> None:
    found = drawn()
    groups: dict[int, list[tuple[float, bool]]] = {}
    for row, label in zip(found.probabilities.tolist(), found.labels.tolist(), strict=True):
        top = max(row)
        groups.setdefault(min(int(top * 10), 9), []).append((top, row.index(top) == label))
    gap = sum(abs(sum(top for top, _ in g) - sum(right for _, right in g)) for g in groups.values())
    assert expected_calibration_error(reliability(found)) == pytest.approx(gap / 700)


def test_brier_score_in_plain_python() -> None:
    found = drawn(200)
    total = sum(
        sum((p - (c == label)) ** 2 for c, p in enumerate(row))
        for row, label in zip(found.probabilities.tolist(), found.labels.tolist(), strict=True)
    )
    assert brier_score(found) == pytest.approx(total / 200, rel=1e-5)


def test_bars_sort_photos_into_three_outcomes() -> None:
    found = outcome_at(by_hand(), 0.7)
    assert (found.right, found.wrong, found.unknown) == (2, 2, 2)
    assert found.coverage.value == pytest.approx(4 / 6)
    assert found.accuracy.value == pytest.approx(2 / 4)
    assert outcome_at(by_hand(), 0.6).unknown == 1  # equal to the bar is an answer
    assert outcome_at(by_hand(), 1.0).accuracy.value is None


def test_the_curve_in_plain_python() -> None:
    found = drawn(300)
    tops = found.probabilities.max(axis=1)
    right = found.probabilities.argmax(axis=1) == found.labels
    curve = threshold_curve(found)
    assert [one.threshold for one in curve] == [float(Fraction(i, 100)) for i in range(101)]
    for one in curve:
        given = [i for i in range(300) if tops[i] >= np.float32(one.threshold)]
        assert one.right == sum(right[i] for i in given)
        assert one.wrong == sum(not right[i] for i in given)
        assert one.right + one.wrong + one.unknown == 300
