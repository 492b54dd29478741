from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.quantise.histogram import CALIBRATIONS, Calibration, choose_range


def histogram(values: np.ndarray, bins: int = 2048) -> tuple[np.ndarray, np.ndarray]:
    return np.histogram(values, bins)


def error(values: np.ndarray, low: float, high: float, levels: int) -> float:
    scale = (high - low) / levels
    rounded = np.round((np.clip(values, low, high) - low) / scale) * scale + low
    return float(((rounded - values) ** 2).mean())


@pytest.mark.parametrize("how", CALIBRATIONS)
@given(st.integers(0, 2**32 - 1), st.sampled_from([15, 255]))
@settings(max_examples=15, deadline=None)
def test_ranges_hold_zero_and_stay_within_what_was_seen(how: Calibration, seed: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(rng.uniform(-2, 2), rng.uniform(0.1, 3), 5_000)
    low, high = choose_range(*histogram(values), levels, how)
    assert min(0.0, values.min()) - 1e-6 <= low <= 0.0 <= high <= max(0.0, values.max()) + 1e-6
    assert high - low > 0


@pytest.mark.parametrize("how", ["percentile", "entropy"])  # to the squared error a far value is dear
def test_one_far_value_does_not_take_the_steps_of_all_others(how: Calibration) -> None:
    rng = np.random.default_rng(0)
    values = np.append(rng.exponential(1.0, 200_000), 400.0)
    low, high = choose_range(*histogram(values), 255, how)
    assert low == 0.0
    assert 5 < high < 100


def test_mse_loses_least() -> None:
    values = np.random.default_rng(0).standard_t(3, 50_000)
    chosen = {how: choose_range(*histogram(values), 15, how) for how in CALIBRATIONS}
    losses = {how: error(values, *ends, 15) for how, ends in chosen.items()}
    assert losses["mse"] <= min(losses.values()) * 1.02
    assert losses["mse"] < 0.5 * error(values, float(values.min()), float(values.max()), 15)


def test_the_zeros_of_a_relu_do_not_shrink_the_range_by_entropy() -> None:
    rng = np.random.default_rng(0)
    positive = np.abs(rng.normal(0, 1, 50_000))
    alone = choose_range(*histogram(np.append(positive, 0.0)), 255, "entropy")
    among_zeros = choose_range(*histogram(np.append(positive, np.zeros(1_000_000))), 255, "entropy")
    assert among_zeros[1] == pytest.approx(alone[1], rel=0.1)


def test_a_tensor_that_is_always_zero_gets_a_range_of_nothing() -> None:
    assert choose_range(np.zeros(8), np.zeros(9), 255, "mse") == (0.0, 0.0)
