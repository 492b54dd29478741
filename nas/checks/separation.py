"""How well one number, or a few facts, tell a class from the others."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata
from sklearn.tree import DecisionTreeClassifier

from nas.checks.subject import Ints

Doubles = npt.NDArray[np.float64]

_LEAVES: Final = 32


def auc_of(answers: npt.NDArray[Any], is_class: npt.NDArray[np.bool_]) -> float:
    """Area under the ROC curve: chance that an image of the class gets the higher answer, ties half."""
    n_in = int(is_class.sum())
    n_out = len(is_class) - n_in
    if not n_in or not n_out:
        return 0.5
    ranks = rankdata(answers)
    return float((ranks[is_class].sum() - n_in * (n_in + 1) / 2) / (n_in * n_out))


def cases_told_apart(answers: npt.NDArray[Any], is_class: npt.NDArray[np.bool_]) -> float:
    """Balanced accuracy at the best threshold: mean share of right answers of the class and of the others."""
    if is_class.all() or not is_class.any():
        return 0.5
    order = np.argsort(-answers, kind="stable")
    inside = np.cumsum(is_class[order]) / is_class.sum()
    outside = np.cumsum(~is_class[order]) / (~is_class).sum()
    last = np.append(np.diff(answers[order]) != 0, True)  # equal answers cannot be cut apart
    return float(((inside - outside)[last].max(initial=0.0) + 1) / 2)


def tree_probabilities(facts: Doubles, labels: Ints, folds: Ints, n_classes: int, seed: int) -> Doubles:
    """(N, K) out-of-fold probabilities of a small decision tree, every class weighted alike.

    Args:
        facts: (N, F) numbers.
        labels: (N,) class indices.
        folds: (N,) fold of each image.
        n_classes: K.
        seed: Of the tree.
    """
    probabilities = np.zeros((len(labels), n_classes))
    for fold in np.unique(folds):
        held_out = folds == fold
        if held_out.all():
            continue
        tree = DecisionTreeClassifier(
            max_leaf_nodes=max(_LEAVES, 2 * n_classes),
            min_samples_leaf=3,
            class_weight="balanced",
            random_state=seed,
        )
        tree.fit(facts[~held_out], labels[~held_out])
        probabilities[np.ix_(held_out, tree.classes_)] = tree.predict_proba(facts[held_out])
    return probabilities


def balanced_accuracy(probabilities: npt.NDArray[Any], labels: Ints) -> float:
    """Mean over the classes of the share of their images that are predicted right."""
    right = probabilities.argmax(axis=1) == labels
    n = np.bincount(labels)
    return float((np.bincount(labels, weights=right) / np.maximum(n, 1))[n > 0].mean())
