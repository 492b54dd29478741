"""Laying one picture over another: shift and stretch are found, and agreement says what it should."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from nas.data.alignment import GREY, agreement, align, halve, move, shrink
from tests.unit.checks.made import scene

Floats = npt.NDArray[np.float32]


def smooth(seed: int, side: int = 64) -> Floats:
    """(1, side, side) brightness of a large picture, so averaged that it can be read between pixels."""
    return shrink(scene(seed, 4 * side)[None], side) @ GREY


def test_shrink_averages_whole_areas() -> None:
    squares = np.arange(16, dtype=np.uint8).reshape(1, 4, 4, 1).repeat(3, axis=3)
    assert shrink(squares, 2)[0, :, :, 0].tolist() == [[2.5, 4.5], [10.5, 12.5]]


def test_shrink_shares_out_pixels_between_areas() -> None:
    row = np.array([0, 30, 60], dtype=np.uint8)
    squares = np.broadcast_to(row[None, None, :, None], (1, 3, 3, 3))
    assert shrink(squares, 2)[0, 0, :, 0] == pytest.approx([10, 50])


def test_halve_keeps_the_mean() -> None:
    picture = smooth(1)
    assert halve(picture).shape == (1, 32, 32)
    assert halve(picture).mean() == pytest.approx(picture.mean(), rel=1e-4)


def test_moving_nowhere_changes_nothing_and_by_a_pixel_moves_a_pixel() -> None:
    picture = smooth(1)
    assert np.array_equal(move(picture, np.zeros((1, 4), dtype=np.float32)), picture)
    place = np.array([[1 / 64, 0, 0, 0]], dtype=np.float32)
    assert move(picture, place)[:, :, :-1] == pytest.approx(picture[:, :, 1:], abs=1e-2)


@pytest.mark.parametrize(
    "place",
    [(0.03, 0, 0, 0), (0, 0, -0.03, 0), (0, 0.06, 0, 0.06), (0.02, -0.05, -0.02, 0.04)],
    ids=["right", "up", "stretched", "all"],
)
def test_shift_and_stretch_are_found_again(place: tuple[float, ...]) -> None:
    true = np.array([place], dtype=np.float32)
    b = smooth(5)
    a = move(b, true)
    found = align(halve(halve(a)), halve(halve(b)), np.zeros((1, 4), dtype=np.float32), steps=3)
    found = align(a, b, align(halve(a), halve(b), found), steps=2)
    assert found == pytest.approx(true, abs=0.004)
    assert agreement(a, move(b, found)).edges[0] > 0.99 > agreement(a, b).edges[0]


def test_other_contrast_and_brightness_do_not_mislead() -> None:
    true = np.array([[0.02, 0.03, 0.01, -0.02]], dtype=np.float32)
    b = smooth(6)
    a = 0.7 * move(b, true) + 30
    found = align(a, b, align(halve(a), halve(b), np.zeros((1, 4), dtype=np.float32), steps=3), steps=2)
    assert found == pytest.approx(true, abs=0.004)


def test_place_stays_within_what_a_small_crop_can_ask_for() -> None:
    place = align(smooth(1), smooth(2), np.zeros((1, 4), dtype=np.float32), steps=8)
    assert np.abs(place).max() <= 0.12 + 1e-6


def test_strangers_agree_in_nothing() -> None:
    seen = agreement(smooth(1), smooth(2))
    assert abs(float(seen.edges[0])) < 0.3
    assert float(seen.evidence[0]) < 45


def test_shared_shadow_agrees_in_tone_but_not_in_edges() -> None:
    ramp = np.linspace(0, 400, 64, dtype=np.float32)[None, :, None]
    seen = agreement(smooth(1) / 4 + ramp, smooth(2) / 4 + ramp)
    assert seen.tone[0] > 0.95
    assert seen.edges[0] < 0.6


def test_a_plain_stroke_is_less_evidence_than_a_detailed_picture() -> None:
    stroke = np.zeros((1, 64, 64), dtype=np.float32)
    stroke[:, 30:34, 20:44] = 200
    random = np.random.default_rng(0)
    noise = random.normal(0, 2, (2, 64, 64)).astype(np.float32)
    plain = agreement(stroke + noise[:1], stroke + noise[1:])
    rich = agreement(smooth(3) + noise[:1], smooth(3) + noise[1:])
    assert rich.evidence[0] > 2 * plain.evidence[0]
