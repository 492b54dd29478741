"""A run record as the documented, versioned report.json (docs/report.md)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import nas
from nas.pareto import current_candidates
from nas.report.anytime import anytime
from nas.report.command import search_command
from nas.report.honesty import fairness, optimism, resnet50
from nas.report.ledger import ledger
from nas.report.ranking import rankings
from nas.report.record import RunRecord
from nas.report.verdict import judge, recommended, test_result, warnings

SCHEMA_VERSION = 1
_HIDDEN_TEST_KEYS = {"correct"}


def build_document(record: RunRecord) -> dict[str, Any]:
    """Returns the content of report.json; JSON-ready, NaN and infinity as null."""
    verdict, best = judge(record), recommended(record)
    document = {
        "schema_version": SCHEMA_VERSION,
        "engine_version": nas.__version__,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "stopped": record.stopped,
        "minutes": record.minutes,
        "spent_seconds": round(record.spent_seconds, 2),
        "best": record.best,
        "verdict": {
            "headline": verdict.headline,
            "sentences": list(verdict.sentences),
            "comparison": verdict.comparison,
        },
        "warnings": warnings(record),
        "config": record.config,
        "data": record.data,
        "machine": record.machine,
        "phases": record.phases,
        "cost": ledger(record),
        "front": record.front,
        "current": [candidate.number for candidate in current_candidates(record.candidates)],
        "candidates": [candidate.to_json() for candidate in record.candidates],
        "models": record.models,
        "test": [
            {key: value for key, value in result.items() if key not in _HIDDEN_TEST_KEYS}
            for result in record.test
        ],
        "anytime": anytime(record.candidates, record.config.get("cost", "latency")),
        "ranking": rankings(record.candidates),
        "optimism": optimism(record, best, test_result(record, best)),
        "fairness": fairness(record, best),
        "resnet50": resnet50(record, best, record.test),
        "scaling": record.scaling,
        "elsewhere": record.elsewhere,
        "reproduce": {
            "command": search_command({**record.config, "minutes": record.minutes}),
            "data_hash": record.data.get("content_hash"),
        },
    }
    plain: dict[str, Any] = _plain(document)
    return plain


def to_json(document: Mapping[str, Any]) -> str:
    """Returns the document as strict JSON text."""
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _plain(value: Any) -> Any:
    """Returns the value with JSON's own types only; numpy scalars and paths become numbers and text."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, str | bool | int | float) else str(value)
