"""Fronts of runs with many candidates, from a few columns: O(n log n), and no architecture is read."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from django.contrib.auth.models import User
from django.db.models import QuerySet

from nas.candidate import Fidelity
from nas.costs import COSTS, CostName
from nas.objectives import ACCURACY
from nas.pareto import Trained, current_numbers, non_dominated
from search_app.models import SearchRun
from search_app.selectors import search_runs_of_user

EARLIER = 20
"""Newest earlier runs that the live page offers to compare with."""


class _Row(NamedTuple):
    number: int
    label: str
    fidelity: Fidelity
    refines: int | None
    twin: int
    accuracy: float
    latency_ms: float
    size_bytes: int
    device: dict[str, Any] | None

    @property
    def fits(self) -> bool:
        return not (self.device or {}).get("broken_limits")

    def cost(self, name: CostName) -> float:
        """Returns the cost in the metric's own unit, NaN where nothing tells."""
        device = self.device or {}
        known = {
            "latency": self.latency_ms,
            "energy": device.get("energy_mj"),
            "memory": device.get("peak_sram_bytes"),
            "size": device.get("size_bytes") or self.size_bytes,
        }[name]
        return math.nan if known is None else float(known)


def earlier_runs(run: SearchRun, user: User) -> QuerySet[SearchRun]:
    """Returns earlier runs on the same data set that the user may see, newest first."""
    runs = search_runs_of_user(user).filter(
        dataset_version__dataset_id=run.dataset_version.dataset_id,
        created_at__lt=run.created_at,
        n_candidates__gt=0,
    )
    return runs.order_by("-created_at")[:EARLIER]


def front_points(run: SearchRun, cost: CostName) -> list[dict[str, Any]]:
    """Returns the front of validation accuracy against a cost, cheapest first; two queries.

    The rules are those of `nas.pareto.front_of_candidates`.

    Returns:
        `{"number", "label", "accuracy", "cost"}` of each; the cost in the metric's own unit.
    """
    rows = [_Row(*row) for row in run.candidates.filter(accuracy__isnull=False).values_list(*_Row._fields)]
    parents = dict(run.candidates.exclude(refines=None).values_list("number", "refines"))
    trained = [Trained(row.number, row.twin, row.fidelity, row.refines) for row in rows]
    current = current_numbers(trained, parents)
    rows = [row for row in rows if row.number in current]
    rows = [row for row in rows if row.fits] or rows
    places = non_dominated(
        [(row.accuracy, row.cost(cost)) for row in rows], (ACCURACY, COSTS[cost].objective)
    )
    front = sorted((rows[place] for place in places), key=lambda row: (row.cost(cost), row.number))
    return [
        {"number": row.number, "label": row.label, "accuracy": row.accuracy, "cost": row.cost(cost)}
        for row in front
    ]
