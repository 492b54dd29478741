"""Temperature and the bar of "I don't know", on answers whose quality is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from nas.export.trust import calibration_error, fit_trust


def answers(n: int, boast: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Logits of a network that knows the true chances and then multiplies its logits by `boast`."""
    rng = np.random.default_rng(seed)
    logits = 1.5 * rng.standard_normal((n, 4))
    chances = softmax(logits, axis=1)
    labels = np.array([rng.choice(4, p=row) for row in chances])
    return boast * logits, labels


@pytest.mark.parametrize("boast", [0.5, 1.0, 4.0])
def test_the_temperature_takes_back_what_a_network_boasts(boast: float) -> None:
    trust = fit_trust(*answers(6000, boast))
    assert trust.temperature == pytest.approx(boast, rel=0.08)
    assert trust.error_after < 0.03
    assert trust.error_after <= trust.error_before + 0.005


def test_answers_above_the_bar_are_wrong_half_as_often() -> None:
    logits, labels = answers(6000, 3.0)
    trust = fit_trust(logits, labels)
    other, theirs = answers(6000, 3.0, seed=1)  # what it never saw
    probabilities = softmax(other / trust.temperature, axis=1)
    given = probabilities.max(axis=1) >= trust.threshold
    right = probabilities.argmax(axis=1) == theirs
    assert 0 < trust.threshold < 1
    assert given.mean() == pytest.approx(trust.coverage, abs=0.03)
    assert 1 - right[given].mean() == pytest.approx(0.5 * (1 - right.mean()), rel=0.15)


def test_a_network_without_errors_always_answers() -> None:
    labels = np.arange(200) % 4
    trust = fit_trust(2.0 * np.eye(4)[labels], labels)
    assert trust.temperature == pytest.approx(1.0, abs=0.01)  # no bolder than the network itself
    assert (trust.threshold, trust.coverage, trust.accuracy) == (0.0, 1.0, 1.0)


def test_a_network_that_is_always_wrong_answers_hardly_ever() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 4
    trust = fit_trust(rng.uniform(1, 2, (200, 1)) * np.eye(4)[(labels + 1) % 4], labels)
    assert trust.coverage < 0.05


def test_too_few_images_fit_nothing() -> None:
    logits, labels = answers(20, 3.0)
    trust = fit_trust(logits, labels)
    assert (trust.temperature, trust.threshold, trust.n_images) == (1.0, 0.0, 20)
    assert not trust.fitted


def test_the_calibration_error_is_the_gap_of_confidence_and_accuracy() -> None:
    probabilities = np.tile([0.95, 0.05], (100, 1))
    labels = np.array([0] * 60 + [1] * 40)
    assert calibration_error(probabilities, labels) == pytest.approx(0.35)
