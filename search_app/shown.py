"""Which networks of a search its result pages read: all that count, and an even sample of many others."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum

from nas.candidate import Candidate as EngineCandidate
from search_app.fronts import front_points
from search_app.models import Candidate, SearchRun
from search_app.selectors import candidates_of, cost_of

MOST = 200
"""A search of no more networks is shown whole."""


@dataclass(frozen=True)
class Tried:
    """How many networks a search evaluated.

    Attributes:
        by_phase: Networks of each phase, failed ones included.
        n_failed: Those that failed.
        failed_seconds: Working seconds that these took.
    """

    by_phase: Mapping[str, int]
    n_failed: int
    failed_seconds: float

    @property
    def n(self) -> int:
        """All of them."""
        return sum(self.by_phase.values())


def shown_candidates(
    run: SearchRun, report: Mapping[str, Any], also: Collection[int] = ()
) -> list[EngineCandidate]:
    """Returns the networks that pages of a finished search show, in the order of their numbers.

    Of more than `MOST` these are: the front, what was exported, judged on the test part or fully trained,
    everything that the base search did not propose, and every so-many-th of the others.

    Args:
        run: The search.
        report: Its report.json; empty if there is none.
        also: Numbers of further networks that must be among them.
    """
    rows = candidates_of(run)
    if run.n_candidates > MOST:
        front = report.get("front") or [point["number"] for point in front_points(run, cost_of(run).name)]
        judged = [int(test["candidate"]) for test in report.get("test") or []]
        if run.cost != "latency":  # pages also say what is beaten in time
            front = [*front, *(point["number"] for point in front_points(run, "latency"))]
        wanted = {*front, *judged, *also, *run.models.values_list("candidate_number", flat=True)}
        step = math.ceil(run.n_candidates / MOST)
        rows = rows.annotate(place=F("number") % step).filter(
            Q(number__in=wanted) | ~Q(source="base_search") | Q(fidelity="final") | Q(place=0)
        )
    return [row.to_engine() for row in rows]


def failed_candidates(run: SearchRun) -> QuerySet[Candidate]:
    """Returns the networks that failed, without what is bulky."""
    return (
        candidates_of(run)
        .filter(status="failed")
        .only("run", "number", "label", "status", "error", "seconds")
    )


def tried(run: SearchRun) -> Tried:
    """Counts the networks of a search; one query."""
    found = list(
        run.candidates.order_by().values_list("phase", "status").annotate(Count("id"), Sum("seconds"))
    )
    failed = [(n, seconds) for _, status, n, seconds in found if status == "failed"]
    phases = dict.fromkeys((phase for phase, *_ in found), 0)
    for phase, _, n, _ in found:
        phases[phase] += n
    return Tried(phases, sum(n for n, _ in failed), float(sum(seconds for _, seconds in failed)))
