from __future__ import annotations

import pytest

from nas.phases.plan import SHARES, export_reserve, parent_resolution, phase_seconds

STEPS = tuple(SHARES)


def test_shares_use_the_whole_time():
    remaining, total = 600.0, 0.0
    for position, phase in enumerate(STEPS):
        share = phase_seconds(phase, remaining, STEPS[position:])
        total += share
        remaining -= share
    assert total == pytest.approx(600.0)
    assert remaining == pytest.approx(0.0)


def test_unused_time_flows_on():
    tight = phase_seconds("final_training", 100.0, ("final_training",))
    assert tight == pytest.approx(100.0)
    roomy = phase_seconds("scaling", 300.0, ("scaling", "final_training"))
    assert roomy > phase_seconds("scaling", 200.0, ("scaling", "final_training"))


def test_no_time_left_gives_no_share():
    assert phase_seconds("scaling", -5.0, STEPS) == 0.0


def test_export_reserve_grows_with_the_test_part_and_stays_within_a_quarter():
    assert export_reserve(720, 400, 4.0) > export_reserve(720, 100, 4.0)
    assert export_reserve(60, 50_000, 4.0) == 15.0
    plain = export_reserve(720, 100, 4.0)
    assert export_reserve(720, 100, 4.0, 20.0) == pytest.approx(plain + 20.0)
    assert export_reserve(720, 100, 4.0, 200.0) == pytest.approx(plain + 36.0)  # a twentieth of the time


@pytest.mark.parametrize(("seconds", "expected"), [(10.0, 64), (100.0, 160), (10_000.0, 224)])
def test_parent_resolution_grows_with_the_minutes(seconds: float, expected: int):
    choices = (64, 96, 128, 160, 192, 224)
    assert parent_resolution(choices, 1800, seconds, speed_at=128, images_per_second=75) == expected
