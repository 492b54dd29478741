"""Fronts of runs with many candidates, from a few columns: O(n log n), and no architecture is read."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

from django.db.models import QuerySet

from nas.costs import CostName
from search_app.models import SearchRun

EARLIER = 20
"""Newest earlier runs that the live page offers to compare with."""

_RANK = {"frozen": 0, "short": 1, "final": 2}


class _Row(NamedTuple):
    number: int
    label: str
    fidelity: str
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


def earlier_runs(run: SearchRun) -> QuerySet[SearchRun]:
    """Returns the owner's other runs on the same data set that have tried something, newest first."""
    runs = SearchRun.objects.filter(
        owner_id=run.owner_id,
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
    names = _Row._fields
    rows = [_Row(*row) for row in run.candidates.filter(accuracy__isnull=False).values_list(*names)]
    parents = dict(run.candidates.exclude(refines=None).values_list("number", "refines"))
    rows = _current(rows, parents)
    rows = [row for row in rows if row.fits] or rows
    return [
        {"number": row.number, "label": row.label, "accuracy": row.accuracy, "cost": row.cost(cost)}
        for row in _front(rows, cost)
    ]


def _current(rows: Iterable[_Row], parents: dict[int, int | None]) -> list[_Row]:
    """Drops what a later, further training of the same network supersedes."""
    superseded: set[int] = set()
    furthest: dict[int, int] = {}
    rows = list(rows)
    for row in rows:
        parent = row.refines
        while parent is not None and parent not in superseded:
            superseded.add(parent)
            parent = parents.get(parent)
        furthest[row.twin] = max(furthest.get(row.twin, 0), _RANK[row.fidelity])
    return [row for row in rows if row.number not in superseded and _RANK[row.fidelity] == furthest[row.twin]]


def _front(rows: Iterable[_Row], cost: CostName) -> list[_Row]:
    known = [row for row in rows if not math.isnan(row.cost(cost))]
    front: list[_Row] = []
    for row in sorted(known, key=lambda row: (row.cost(cost), -row.accuracy, row.number)):
        best = front[-1] if front else None
        equal = best is not None and (row.accuracy, row.cost(cost)) == (best.accuracy, best.cost(cost))
        if best is None or row.accuracy > best.accuracy or equal:
            front.append(row)
    return front
