"""What a search optimises: named metrics with a direction, and rewards that join two of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RewardName = Literal["absolute", "soft", "hard"]

REWARDS: tuple[RewardName, ...] = ("absolute", "soft", "hard")
"""Ways to join accuracy and a cost into one reward, the default first."""


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


def absolute_reward(accuracy: float, cost: float, target: float, beta: float = -0.1) -> float:
    """TuNAS' absolute reward, Q + beta * |T / T0 - 1| (Bender et al. 2020, eq. 2).

    Args:
        accuracy: Fraction in [0, 1].
        cost: Latency or another cost T, > 0.
        target: The wanted cost T0 in the same unit, > 0.
        beta: Price of missing the target, <= 0.

    Raises:
        ValueError: If `target` is not positive.
    """
    if target <= 0:
        raise ValueError("target must be positive")
    return accuracy + beta * abs(cost / target - 1.0)


def mnas_reward(accuracy: float, cost: float, target: float, *, hard: bool = False) -> float:
    """MnasNet's reward, Q * (T / T0)^w (Tan et al. 2019, equations 2 and 3).

    Args:
        accuracy: Fraction in [0, 1].
        cost: Latency or another cost T, > 0.
        target: The wanted cost T0 in the same unit, > 0.
        hard: False takes w = -0.07 on both sides of the target. True takes w = 0 up to the target and -1
            above it, so that a cheaper network is worth no more.

    Raises:
        ValueError: If `target` is not positive.
    """
    if target <= 0:
        raise ValueError("target must be positive")
    ratio = cost / target
    if hard:
        return float(accuracy / max(1.0, ratio))
    return float(accuracy * ratio**-0.07)


def joint_reward(name: RewardName, accuracy: float, cost: float, target: float) -> float:
    """Returns the reward called `name`; see `absolute_reward` and `mnas_reward`."""
    if name == "absolute":
        return absolute_reward(accuracy, cost, target)
    return mnas_reward(accuracy, cost, target, hard=name == "hard")
