"""Findings of the engine as rows."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any, Final

from django.db import transaction

from datasets_app.attempt import Attempt
from datasets_app.models import Finding
from datasets_app.rows import insert_rows
from nas.data.findings import is_refusal, make_problem
from nas.errors import Problem

ROWS_AT_ONCE: Final = 5000
MAX_FINDINGS: Final = 50_000
_COLUMNS: Final = (
    "path", "kind", "reason", "remedy", "refused", "row", "other_row", "score", "suggestion", "label",
    "dismissed",
)  # fmt: skip


def finding_row(problem: Problem) -> dict[str, Any]:
    """Columns of a finding of the import."""
    return {
        "path": problem.path,
        "kind": problem.kind,
        "reason": problem.reason,
        "remedy": problem.remedy,
        "refused": is_refusal(problem),
        "row": None,
        "other_row": None,
        "score": None,
        "suggestion": "",
        "label": "",
        "dismissed": False,
    }


def insert_findings(attempt: Attempt, findings: Iterable[dict[str, Any]]) -> None:
    """Writes findings in short transactions; there is an end to how many.

    Raises:
        FenceLostError: The claim is lost.
    """
    rest = iter(findings)
    left = MAX_FINDINGS
    while some := list(islice(rest, min(ROWS_AT_ONCE, left))):
        left -= len(some)
        _insert(attempt, some)
    if more := sum(1 for _ in rest):
        _insert(attempt, [finding_row(make_problem("", "more-findings", n=more))])


def _insert(attempt: Attempt, findings: list[dict[str, Any]]) -> None:
    attempt.check()
    with transaction.atomic():
        attempt.lock()
        rows = [[one[name] for name in _COLUMNS] for one in findings]
        insert_rows(Finding, _COLUMNS, rows, dataset_id=attempt.dataset.pk)
