"""What a search optimises: named metrics with a direction, and rewards that join two of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RewardName = Literal["absolute", "soft", "hard"]

REWARDS: tuple[RewardName, ...] = ("absolute", "soft", "hard")
"""Ways to join accuracy and latency into one reward, the default first."""


@dataclass(frozen=True)
class Objective:
    """A metric and its direction.

    Attributes:
        name: Key in a candidate's metrics, e.g. ``"accuracy"`` or ``"latency_ms"``.
        maximize: True if larger is better.
    """

    name: str
    maximize: bool


ACCURACY = Objective("accuracy", maximize=True)
LATENCY_MS = Objective("latency_ms", maximize=False)


def absolute_reward(accuracy: float, latency_ms: float, target_ms: float, beta: float = -0.1) -> float:
    """TuNAS' absolute reward, Q + beta * |T / T0 - 1| (Bender et al. 2020, eq. 2).

    Args:
        accuracy: Fraction in [0, 1].
        latency_ms: Milliseconds, > 0.
        target_ms: The wanted latency T0 in milliseconds, > 0.
        beta: Price of missing the target, <= 0.

    Raises:
        ValueError: If `target_ms` is not positive.
    """
    if target_ms <= 0:
        raise ValueError("target_ms must be positive")
    return accuracy + beta * abs(latency_ms / target_ms - 1.0)


def mnas_reward(accuracy: float, latency_ms: float, target_ms: float, *, hard: bool = False) -> float:
    """MnasNet's reward, Q * (T / T0)^w (Tan et al. 2019, equations 2 and 3).

    Args:
        accuracy: Fraction in [0, 1].
        latency_ms: Milliseconds, > 0.
        target_ms: The wanted latency T0 in milliseconds, > 0.
        hard: False takes w = -0.07 on both sides of the target. True takes w = 0 up to the target and -1
            above it, so that a faster network is worth no more.

    Raises:
        ValueError: If `target_ms` is not positive.
    """
    if target_ms <= 0:
        raise ValueError("target_ms must be positive")
    ratio = latency_ms / target_ms
    if hard:
        return float(accuracy / max(1.0, ratio))
    return float(accuracy * ratio**-0.07)


def joint_reward(name: RewardName, accuracy: float, latency_ms: float, target_ms: float) -> float:
    """Returns the reward called `name`; see `absolute_reward` and `mnas_reward`."""
    if name == "absolute":
        return absolute_reward(accuracy, latency_ms, target_ms)
    return mnas_reward(accuracy, latency_ms, target_ms, hard=name == "hard")
