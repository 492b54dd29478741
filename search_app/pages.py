"""What the pages of a run show, gathered from its rows and files."""

from __future__ import annotations

import json
from typing import Any

from search_app.models import SearchEvent, SearchRun
from search_app.results import BoardRow, leaderboard
from search_app.selectors import candidates_of, event_message, models_of, report_file, run_summary

TOLD_KINDS = ("phase_started", "phase_finished", "log", "model_exported")
MAX_TOLD = 300
PHASE_NAMES = {
    "first_model": "First model",
    "baselines": "Baselines",
    "base_search": "Base search",
    "scaling": "Compound scaling",
    "final_training": "Final training",
    "export": "Export",
}


def live_snapshot(run: SearchRun) -> dict[str, Any]:
    """Returns the state of a run at its `last_seq`: the live page continues from there by events.

    Progress events are left out, their newest one stands in the run's row: a search of a day would
    otherwise send megabytes to every page that is opened.
    """
    told: list[SearchEvent] = list(
        run.events.filter(kind__in=TOLD_KINDS, seq__lte=run.last_seq).order_by("-seq")[:MAX_TOLD]
    )
    return {
        "run": run_summary(run),
        "last_seq": run.last_seq,
        "candidates": [candidate.to_engine().to_json() for candidate in candidates_of(run)],
        "events": [event_message(event) for event in reversed(told)],
    }


def report_of(run: SearchRun) -> dict[str, Any]:
    """Returns the run's report.json, an empty dict if there is none (yet) or it cannot be read."""
    try:
        report = json.loads(report_file(run, "report.json").read_text(encoding="utf-8"))
    except (SearchRun.DoesNotExist, OSError, ValueError):
        return {}
    return report if isinstance(report, dict) else {}


def leaderboard_of(run: SearchRun, report: dict[str, Any]) -> list[BoardRow]:
    """Returns the rows of the result page, best first."""
    candidates = [candidate.to_engine() for candidate in candidates_of(run)]
    models = {model.candidate_number: model for model in models_of(run)}
    chosen = {str(model.name): number for number, model in models.items()}.get(str(report.get("best")))
    return leaderboard(candidates, models, report.get("test") or [], chosen)
