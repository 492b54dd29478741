"""What a search cost: minutes by phase, trainings, energy. Plain data, no database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nas.candidate import Candidate
from search_app.pages import PHASE_NAMES

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
    candidates: list[Candidate],
    *,
    spent_seconds: float,
    minutes: float,
    watts: int,
) -> RunCosts:
    """Returns the ledger of a search.

    Args:
        report: Its report.json; empty if there is none.
        candidates: All its candidates.
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
            sum(candidate.phase == one["phase"] for candidate in candidates),
        )
        for one in report.get("phases") or []
    ]
    joules = ((report.get("config") or {}).get("plan") or {}).get("cpu_joules")
    failed = [one for one in candidates if one.status == "failed"]
    return RunCosts(
        phases=tuple(phases),
        seconds=total,
        promised_seconds=60 * minutes,
        n_trainings=len(candidates),
        n_failed=len(failed),
        failed_seconds=sum(one.seconds for one in failed),
        kwh=(watts * total if joules is None else float(joules)) / JOULES_IN_KWH,
        measured=joules is not None,
        watts=watts,
    )


def _share(seconds: float, total: float) -> float:
    return min(1.0, seconds / total) if total > 0 else 0.0
