"""Wrong labels are found where classes can be told apart, and the effect of copies is measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from nas.checks import labels as labels_module
from nas.checks.features import Features
from nas.checks.labels import find_wrong_labels, measure_leak, predict_by_others
from nas.checks.probe import calibrated, make_folds, out_of_fold_scores, softmax
from nas.checks.subject import CheckSkippedError, Subject
from tests.unit.checks.made import Bytes, open_subject

N, K = 40, 3


def blank() -> list[Bytes]:
    return [np.full((4, 4, 3), i % 250, dtype=np.uint8) for i in range(N * K)]


def clusters(spread: float, seed: int = 0) -> tuple[Features, list[str]]:
    """Descriptions in K heaps, and the class of each."""
    random = np.random.default_rng(seed)
    centres = random.normal(0, 1, (K, 16)) * 3
    truth = np.repeat(np.arange(K), N)
    values = centres[truth] + random.normal(0, spread, (N * K, 16))
    return Features(values.astype(np.float32), {}), ["abc"[i] for i in truth]


def subject_with(directory: Path, labels: list[str]) -> Subject:
    return open_subject(directory, blank(), labels)


def test_wrong_labels_are_found_with_the_class_they_belong_to(tmp_path: Path) -> None:
    features, truth = clusters(1.0)
    wrong = [3, 17, 45, 60, 85, 110]
    given = ["abc"["abc".index(label) - 1] if i in wrong else label for i, label in enumerate(truth)]
    subject = subject_with(tmp_path, given)
    findings, facts = find_wrong_labels(subject, predict_by_others(subject, features))
    rows = {f.row for f in findings}
    assert rows <= set(wrong)
    assert len(rows) >= 4
    assert all(f.suggestion == truth[f.row or 0] for f in findings)
    assert all(f"looks like '{f.suggestion}'" in f.reason for f in findings)
    assert [f.score for f in findings] == sorted((f.score for f in findings), reverse=True)
    assert facts["named"] == facts["clear"] == len(findings)
    assert 0.9 < facts["accuracy"] < 1


def test_right_labels_are_left_alone(tmp_path: Path) -> None:
    features, truth = clusters(1.0)
    subject = subject_with(tmp_path, truth)
    assert find_wrong_labels(subject, predict_by_others(subject, features))[0] == []


def test_hard_classes_do_not_raise_hundreds_of_doubts(tmp_path: Path) -> None:
    features, truth = clusters(12.0)
    subject = subject_with(tmp_path, truth)
    findings, facts = find_wrong_labels(subject, predict_by_others(subject, features))
    assert facts["accuracy"] < 0.8
    assert len(findings) < 0.1 * len(truth)


def test_among_many_classes_the_own_one_must_be_less_likely_than_a_blind_guess() -> None:
    probabilities = np.full((3, 50), 0.0, dtype=np.float32)
    probabilities[:, 1] = 0.9
    probabilities[:, 0] = (0.05, 0.03, 0.01)
    places, confidence = labels_module._clear_cases(
        probabilities, np.zeros(3, dtype=int), np.ones(3, dtype=bool)
    )
    assert places.tolist() == [2]
    assert confidence == pytest.approx([0.9 / 0.91])


def test_one_class_is_skipped_silently(tmp_path: Path) -> None:
    features, truth = clusters(1.0)
    with pytest.raises(CheckSkippedError, match=r"^$"):
        predict_by_others(subject_with(tmp_path, ["a"] * len(truth)), features)


def test_too_many_classes_are_skipped_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(labels_module, "MOST_CLASSES", 2)
    features, truth = clusters(1.0)
    with pytest.raises(CheckSkippedError, match="120 images in 3 classes would take too much memory"):
        predict_by_others(subject_with(tmp_path, truth), features)


def test_copies_on_both_sides_flatter_and_the_sentence_says_by_how_much(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    values = np.repeat(random.normal(0, 1, (60, 80)), 2, axis=0).astype(np.float32)  # nothing but copies
    images = [image for i in range(60) for image in [np.full((4, 4, 3), i, dtype=np.uint8)] * 2]
    given = [label for label in random.choice(list("abc"), 60) for _ in range(2)]
    subject = open_subject(tmp_path, images, given)
    features = Features(values, {})
    predicted = predict_by_others(subject, features).argmax(axis=1)
    leak = measure_leak(subject, features, predicted)
    assert leak is not None
    assert leak["n_copies"] == 120
    assert leak["with_copies_across"] > leak["with_copies_apart"] + 0.2
    assert f"{leak['copied_across']:.1%} of them instead of {leak['copied_apart']:.1%}" in leak["sentence"]


def test_without_copies_there_is_no_leak_to_measure(tmp_path: Path) -> None:
    features, truth = clusters(1.0)
    subject = subject_with(tmp_path, truth)
    assert measure_leak(subject, features, subject.labels) is None


def test_folds_keep_copies_together_and_classes_even() -> None:
    labels = np.repeat([0, 1], 50)
    units = np.arange(100) // 2
    folds = make_folds(labels, units, seed=0)
    assert (folds[::2] == folds[1::2]).all()
    counts = np.array([np.bincount(folds[labels == label], minlength=5) for label in (0, 1)])
    assert counts.min() == counts.max() == 10
    assert (folds == make_folds(labels, units, seed=0)).all()
    assert (folds != make_folds(labels, units, seed=1)).any()


def test_each_image_is_predicted_by_others_only() -> None:
    random = np.random.default_rng(0)
    values = random.normal(0, 1, (60, 200)).astype(
        np.float32
    )  # so many numbers that one's own label is learnt
    labels = random.integers(0, 2, 60)
    folds = make_folds(labels, np.arange(60), seed=0)
    unseen = out_of_fold_scores(values, labels, folds, 2).argmax(axis=1)
    assert (unseen == labels).mean() < 0.75


def test_calibration_softens_what_is_too_sure() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, 600)
    scores: npt.NDArray[np.float32] = np.full((600, 3), -20, dtype=np.float32)
    guesses = np.where(random.random(600) < 0.7, labels, (labels + 1) % 3)
    scores[np.arange(600), guesses] = 20
    sure = calibrated(scores.copy(), labels).max(axis=1)
    assert sure.mean() == pytest.approx(0.7, abs=0.05)
    assert softmax(scores).max(axis=1).mean() > 0.99
