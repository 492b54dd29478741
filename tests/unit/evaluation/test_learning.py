"""The learning curve foretells what more photos bring, and its interval means what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nas.data.cache import ImageCache
from nas.errors import EvaluationError
from nas.evaluation.curve import bootstrapped, class_gains, estimate, fit_power_law
from nas.evaluation.learning import curve_of, make_learning_curve, sizes_for, wrong_answers
from nas.evaluation.learning_file import learning_file, load_learning_curve, save_learning_curve

SIZES = [100, 200, 400, 800, 1600]


def quiet(_stage: str, _done: int, _total: int) -> None:
    pass


def test_the_power_law_is_found_again() -> None:
    truth = [(0.8, 0.5, 0.05), (2.0, 0.8, 0.0), (0.3, 0.25, 0.1)]
    errors = np.array([[c + a * n**-b for a, b, c in truth] for n in SIZES])
    fit = fit_power_law(SIZES, errors)
    for i, (a, b, c) in enumerate(truth):
        assert fit.error(3200)[i] == pytest.approx(c + a * 3200**-b, abs=1e-4)


def test_errors_that_grow_or_stay_are_a_flat_line_and_none_is_negative() -> None:
    errors = np.array([[0.1, 0.2, 0.4], [0.2, 0.2, 0.2], [0.3, 0.2, 0.05], [0.3, 0.2, 0.0], [0.4, 0.2, 0.0]])
    fit = fit_power_law(SIZES, errors)
    assert fit.error(3200)[0] == pytest.approx(errors[:, 0].mean())
    assert fit.error(3200)[1] == pytest.approx(0.2)
    assert 0 <= fit.error(3200)[2] < 0.02


def test_a_bootstrap_has_the_spread_of_its_photos() -> None:
    rng = np.random.default_rng(12)
    wrong = rng.random((1, 400)) < 0.2
    values = bootstrapped([wrong])[0]
    assert values[0] == wrong.mean()
    p = float(wrong.mean())
    assert values[1:].std() == pytest.approx((p * (1 - p) / 400) ** 0.5, rel=0.15)
    found = estimate(values)
    assert found.low < found.value < found.high


def test_intervals_hold_the_true_gain_about_as_often_as_they_say() -> None:
    """Photos with a difficulty each; the share that is wrong at size n is exactly 0.04 + 1.5 n^-0.5."""
    held = 0
    true_gain = 1.5 * (1600**-0.5 - 3200**-0.5)
    for trial in range(40):
        rng = np.random.default_rng(trial)
        difficulty = rng.random(1000)
        wrong = [
            difficulty + rng.normal(0, 0.01, (5 if n < 1600 else 1, 1000)) < 0.04 + 1.5 * n**-0.5
            for n in SIZES
        ]
        found = curve_of(wrong, SIZES, np.zeros(1000, int), n_train=1600)["doubled"]
        held += found.low <= true_gain <= found.high
    assert held >= 34, held  # 38 expected of 40; fewer than 34 of a 95% interval: one in three hundred


def test_what_is_foretold_comes_true() -> None:
    """Clouds in 40 dimensions: the same stand-in with really twice as many photos lands in the interval."""
    rng = np.random.default_rng(7)
    centres = rng.normal(0, 0.42, (8, 40))

    def drawn(n: int) -> tuple[np.ndarray, np.ndarray]:
        labels = rng.integers(0, 8, n)
        return (centres[labels] + rng.normal(0, 1, (n, 40))).astype(np.float32), labels

    train, val = drawn(1600), drawn(2500)
    sizes = sizes_for(800, 8)
    half = (train[0][:800], train[1][:800])
    curve = curve_of(wrong_answers(half, val, sizes, 8, quiet), sizes, val[1], n_train=800)
    now = wrong_answers(half, val, [800], 8, quiet)[0].mean()
    then = wrong_answers(train, val, [1600], 8, quiet)[0].mean()
    doubled = curve["doubled"]
    assert doubled.low > 0
    assert doubled.low - 0.01 <= now - then <= doubled.high + 0.01
    assert doubled.high - doubled.low < 0.04


def test_only_classes_that_surely_gained_are_named() -> None:
    rng = np.random.default_rng(2)
    labels = np.repeat(np.arange(5), 60)
    half = rng.random((5, 300)) < 0.3
    full = rng.random((5, 300)) < 0.3
    full[:, labels == 3] = rng.random((5, 60)) < 0.05
    labels[-55:] = 0  # of class 4 five photos are left: too few to say anything
    full[:, labels == 4] = False
    found = class_gains(half, full, labels)
    assert [one.number for one in found] == [3]
    own = half[:, labels == 3].mean() - full[:, labels == 3].mean()
    assert found[0].gain.value == pytest.approx(own)
    assert found[0].n == 60


def test_sizes_grow_in_equal_ratios() -> None:
    assert sizes_for(1600, 4) == [100, 174, 303, 528, 919, 1600]
    assert sizes_for(80, 10)[0] == 20
    assert sizes_for(80, 10)[-1] == 80


def test_a_curve_of_real_photos_is_kept(photo_cache: ImageCache, tmp_path: Path) -> None:
    stages: list[str] = []
    curve = make_learning_curve(photo_cache.directory, lambda stage, _d, _t: stages.append(stage))
    assert curve.network is None  # unit tests go without; tests/integration has the pretrained one
    assert curve.sizes[-1] == curve.n_train == len(photo_cache.indices("train"))
    assert curve.accuracy[-1].value > curve.accuracy[0].value - 0.05
    assert curve.accuracy[-1].value > 0.7
    assert curve.ahead[1][0] == 2 * curve.n_train
    assert len(set(stages)) == 2
    path = learning_file(tmp_path)
    save_learning_curve(path, curve)
    assert load_learning_curve(path) == curve
    path.write_text("{", encoding="utf-8")
    assert load_learning_curve(path) is None


def test_too_few_photos_are_refused_with_a_sentence(
    photo_cache: ImageCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nas.evaluation.learning._LEAST_OF_CLASS", 1000)
    with pytest.raises(EvaluationError, match="at least 1000 training photos a class"):
        make_learning_curve(photo_cache.directory, quiet)
