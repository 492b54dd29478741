"""The rewards against values worked out by hand."""

from __future__ import annotations

import pytest

from nas.objectives import REWARDS, absolute_reward, joint_reward, mnas_reward


def test_absolute_reward_prices_both_sides_of_the_target() -> None:
    assert absolute_reward(0.8, 10.0, 10.0) == pytest.approx(0.8)
    assert absolute_reward(0.8, 15.0, 10.0) == pytest.approx(0.75)
    assert absolute_reward(0.8, 5.0, 10.0) == pytest.approx(0.75)


def test_soft_reward_grows_by_5_percent_when_the_latency_is_halved() -> None:
    assert mnas_reward(0.8, 10.0, 10.0) == pytest.approx(0.8)
    assert mnas_reward(0.8, 5.0, 10.0) == pytest.approx(0.8 * 2**0.07)
    assert mnas_reward(0.8, 20.0, 10.0) == pytest.approx(0.8 / 2**0.07)


def test_hard_reward_ignores_what_is_fast_enough_and_divides_by_the_excess() -> None:
    assert mnas_reward(0.8, 1.0, 10.0, hard=True) == pytest.approx(0.8)
    assert mnas_reward(0.8, 20.0, 10.0, hard=True) == pytest.approx(0.4)


@pytest.mark.parametrize("name", REWARDS)
def test_rewards_agree_on_the_target_and_refuse_a_target_of_zero(name: str) -> None:
    assert joint_reward(name, 0.7, 10.0, 10.0) == pytest.approx(0.7)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="positive"):
        joint_reward(name, 0.7, 10.0, 0.0)  # type: ignore[arg-type]
