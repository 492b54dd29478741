"""The result page's plain data: who is best, who is as good, what to download. No database here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext

from nas.candidate import Candidate
from nas.costs import CostName
from nas.pareto import front_of_candidates
from search_app.charts import SERIES, TRAINED


@dataclass(frozen=True)
class BoardRow:
    """One network of the leaderboard.

    Attributes:
        candidate: The engine's record.
        source: Where it comes from, for people.
        trained: How far it was trained, for people.
        accuracy: Of the sealed test part if it was judged there, else of validation; with 95% interval.
        accuracy_low: Lower end.
        accuracy_high: Upper end.
        tested: True if the figures are of the test part.
        tie: True if its interval overlaps that of the best: the photos cannot tell them apart.
        on_front: True if nothing is both cheaper and better on validation photos.
        recommended: True for the one that the report recommends, chosen on validation photos.
        model: The exported model, None if it was not exported.
        int8_accuracy: Of its int8 file on the test part; None if that was not judged.
    """

    candidate: Candidate
    source: str
    trained: str
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    tested: bool
    tie: bool
    on_front: bool
    recommended: bool
    model: Any
    int8_accuracy: float | None = None


def leaderboard(
    candidates: Sequence[Candidate],
    models: Mapping[int, Any],
    tests: Sequence[Mapping[str, Any]],
    recommended: int | None = None,
    cost: CostName = "latency",
) -> list[BoardRow]:
    """Returns exported and front networks: those judged on the test part first, best first.

    Args:
        candidates: All candidates of the run.
        models: Exported model by candidate number.
        tests: The report's sealed test results; each has `candidate` and the accuracy with its interval.
        recommended: Number of the candidate that the report recommends.
        cost: What the run weighed accuracy against.
    """
    judged = {int(one["candidate"]): one for one in tests if one.get("accuracy") is not None}
    front = set(front_of_candidates(candidates, cost))
    chosen = [one for one in candidates if one.metrics and one.number in front | set(models) | set(judged)]
    rows = [_row(one, judged.get(one.number), models.get(one.number)) for one in chosen]
    rows = [
        replace(row, on_front=row.candidate.number in front, recommended=row.candidate.number == recommended)
        for row in rows
    ]
    rows.sort(key=lambda row: (not row.tested, -row.accuracy, _latency(row)))
    if not rows:
        return rows
    best = rows[0]
    ties = [row is not best and row.tested == best.tested and overlaps(row, best) for row in rows]
    return [replace(row, tie=tie) for row, tie in zip(rows, ties, strict=True)]


def overlaps(one: BoardRow, other: BoardRow) -> bool:
    """Returns whether the 95% intervals of two networks share a value."""
    return one.accuracy_low <= other.accuracy_high and other.accuracy_low <= one.accuracy_high


def scale_floor(rows: Sequence[BoardRow]) -> float:
    """Returns where the drawn scale of intervals begins: just below the lowest one, 0 without rows."""
    return max(0.0, min((row.accuracy_low for row in rows), default=0.0) - 0.02)


def _latency(row: BoardRow) -> float:
    assert row.candidate.metrics is not None
    return row.candidate.metrics.latency_ms


def _row(one: Candidate, test: Mapping[str, Any] | None, model: Any) -> BoardRow:
    metrics = one.metrics
    assert metrics is not None
    figures: Mapping[str, Any] = test if test is not None else vars(metrics)
    return BoardRow(
        candidate=one,
        source=gettext(SERIES[one.source][0]),
        trained=gettext(TRAINED[one.fidelity]),
        accuracy=figures["accuracy"],
        accuracy_low=figures["accuracy_low"],
        accuracy_high=figures["accuracy_high"],
        tested=test is not None,
        tie=False,
        on_front=False,
        recommended=False,
        model=model,
        int8_accuracy=((test or {}).get("int8") or {}).get("accuracy"),
    )
