"""How the minutes are shared between the phases. Time that a phase leaves over flows on to the next ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from nas.candidate import Phase

Goal = Literal["balanced", "accuracy", "speed"]

SHARES: dict[Phase, float] = {"baselines": 0.30, "base_search": 0.16, "scaling": 0.10, "final_training": 0.44}
"""Shares of the time between the first model and the export. All later weights come from the adaptation among
the baselines, so that its seconds serve every finalist."""

ADAPTATION_SHARE = 0.75
"""Part of the baseline phase for adapting Lite0, whose weights every candidate inherits."""

TARGET_LATENCY: dict[Goal, float] = {"balanced": 0.6, "accuracy": 1.0, "speed": 0.35}
"""Latency that the base should have, as a multiple of the adapted Lite0's. At 0.6 the family S, M, L, XL
of compound scaling brackets Lite0."""

CANDIDATES_WANTED = 10
"""Networks that the base search aims at; longer trainings are preferred to more of them."""
SHORTEST_TRAINING = 1.0
LONGEST_TRAINING = 60.0
"""Seconds of one short training, at least and at most."""

LARGEST_RESERVE = 0.25
"""Part of the time that is kept back for exports and the report at most."""

PASS_OF_A_LARGE_SET = 4_000
"""Images that count as one pass at most: what a training learns depends on its steps, and new images teach at
least as much as the same ones again."""

_EPOCHS_WANTED = 2.0
_MODELS_EXPECTED = 10
_FIRST_MODEL_SECONDS, _RESERVE_ASSUMED = 15.0, 60.0
_INT8_SHARE = 0.05


def phase_seconds(
    phase: Phase, remaining: float, still_to_come: Sequence[Phase], shares: Mapping[Phase, float] = SHARES
) -> float:
    """Returns the seconds of one phase.

    Args:
        phase: One of `SHARES`.
        remaining: Seconds until the export must start, >= 0.
        still_to_come: The phases that share the rest, `phase` included.
        shares: Those of the plan.
    """
    return max(0.0, remaining) * shares[phase] / sum(shares[each] for each in still_to_come)


def short_training_seconds(phase: float, overhead: float, networks: int = CANDIDATES_WANTED) -> float:
    """Returns the seconds of one training of the base search.

    Args:
        phase: Seconds of the whole phase.
        overhead: Seconds that each network takes besides its training: measuring and judging.
        networks: Networks that the phase aims at, >= 1.
    """
    return min(max(phase / networks - overhead, SHORTEST_TRAINING), LONGEST_TRAINING)


def added_seconds(phase: Phase, added: float, shares: Mapping[Phase, float] = SHARES) -> float:
    """Returns the part of a raised budget that the phase at hand gets; those after it share the rest.

    Args:
        phase: One of `SHARES`.
        added: Seconds by which the budget was raised, >= 0.
        shares: Those of the plan.
    """
    steps = list(SHARES)
    return phase_seconds(phase, added, steps[steps.index(phase) :], shares)


def export_reserve(total_seconds: float, n_test: int, network_ms: float, int8_seconds: float = 0.0) -> float:
    """Returns the seconds kept back for exports, parity checks, the test part and the report.

    Args:
        total_seconds: The promise to the user.
        n_test: Images of the sealed part.
        network_ms: Latency of a typical network, milliseconds per image.
        int8_seconds: What the int8 file of the best network takes; it gets a twentieth of the time at most.
    """
    wanted = 10.0 + _MODELS_EXPECTED * (2.0 + n_test * network_ms / 1000.0)
    wanted += min(int8_seconds, _INT8_SHARE * total_seconds)
    return min(wanted, LARGEST_RESERVE * total_seconds)


def assumed_export_reserve(total_seconds: float) -> float:
    """Returns about what is kept back for first model and export, before anything is measured.

    Args:
        total_seconds: The promise to the user.
    """
    return _FIRST_MODEL_SECONDS + min(_RESERVE_ASSUMED, LARGEST_RESERVE * total_seconds)


def parent_resolution(
    choices: Sequence[int], n_train: int, seconds: float, speed_at: int, images_per_second: float
) -> int:
    """Returns the largest resolution at which the adaptation sees every training image twice.

    Of a large set it need not: two passes over `PASS_OF_A_LARGE_SET` images are enough. More pixels help a
    pretrained network more than more epochs do.

    Args:
        choices: Resolutions in pixels that the images allow.
        n_train: Training images.
        seconds: Training seconds of the adaptation.
        speed_at: Resolution in pixels at which the speed was measured.
        images_per_second: Training speed there; falls with the square of the resolution.
    """
    affordable = [
        resolution
        for resolution in choices
        if seconds * images_per_second * (speed_at / resolution) ** 2
        >= _EPOCHS_WANTED * min(n_train, PASS_OF_A_LARGE_SET)
    ]
    return max(affordable) if affordable else min(choices)
