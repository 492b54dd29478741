"""What a search cost: minutes by phase, trainings, energy. Plain data, no database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from search_app.pages import PHASE_NAMES
from search_app.shown import Tried

JOULES_IN_KWH = 3_600_000


@dataclass(frozen=True)
class PhaseCost:
    """What a phase took.

    Attributes:
        title: Its name.
        seconds: Working seconds.
        share: Of the whole search, 0 to 1.
        n_candidates: Networks that were evaluated in it, failed ones included.
    """

    title: str
    seconds: float
    share: float
    n_candidates: int


@dataclass(frozen=True)
class RunCosts:
    """What a search took.

    Attributes:
        phases: In their order; what came before and between them is the last one.
        seconds: Working seconds of the search.
        promised_seconds: Its budget.
        n_trainings: Networks that were evaluated, failed ones included.
        n_failed: Those that failed.
        failed_seconds: Seconds spent on those.
        kwh: Energy.
        measured: True if the processor's counters told the energy: that of the processor alone.
        watts: What was assumed where they did not.
    """

    phases: tuple[PhaseCost, ...]
    seconds: float
    promised_seconds: float
    n_trainings: int
    n_failed: int
    failed_seconds: float
    kwh: float
    measured: bool
    watts: int


def run_costs(
    report: Mapping[str, Any],
    tried: Tried,
    *,
    spent_seconds: float,
    minutes: float,
    watts: int,
) -> RunCosts:
    """Returns the ledger of a search.

    Args:
        report: Its report.json; empty if there is none.
        tried: How many networks it evaluated.
        spent_seconds: What the run's row says.
        minutes: The budget.
        watts: What the machine is assumed to take.
    """
    total = float(report.get("spent_seconds") or spent_seconds)
    phases = [
        PhaseCost(
            str(PHASE_NAMES.get(one["phase"], one["phase"])),
            float(one["seconds"]),
            _share(float(one["seconds"]), total),
            tried.by_phase.get(one["phase"], 0),
        )
        for one in report.get("phases") or []
    ]
    joules = ((report.get("config") or {}).get("plan") or {}).get("cpu_joules")
    return RunCosts(
        phases=tuple(phases),
        seconds=total,
        promised_seconds=60 * minutes,
        n_trainings=tried.n,
        n_failed=tried.n_failed,
        failed_seconds=tried.failed_seconds,
        kwh=(watts * total if joules is None else float(joules)) / JOULES_IN_KWH,
        measured=joules is not None,
        watts=watts,
    )


def _share(seconds: float, total: float) -> float:
    return min(1.0, seconds / total) if total > 0 else 0.0
