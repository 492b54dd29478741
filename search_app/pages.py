"""What the pages of a run show, gathered from its rows and files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from nas.automatic import AUTO
from nas.candidate import Candidate
from search_app.columns import candidate_columns
from search_app.devices import shown_title
from search_app.forms import SPACE_NAMES, STRATEGY_NAMES
from search_app.models import SearchEvent, SearchRun
from search_app.options import COST_NAMES, EVALUATOR_NAMES, METHOD_TEXT, PRECISION_NAMES, REWARD_NAMES
from search_app.results import BoardRow, leaderboard
from search_app.selectors import cost_of, event_message, models_of, report_file, run_summary
from search_app.shown import shown_candidates
from search_app.spoken import spoken

TOLD_KINDS = ("phase_started", "phase_finished", "log", "model_exported")
MAX_TOLD = 300
PACE_EVENTS = 60
"""Progress events, one every two seconds, that the pace of a run is taken from."""

MAX_STEPS = 500
"""Steps of a method that a page shows; of longer searches as many, evenly spread."""
PHASE_NAMES = {
    "first_model": _("First model"),
    "baselines": _("Baselines"),
    "base_search": _("Base search"),
    "scaling": _("Compound scaling"),
    "final_training": _("Final training"),
    "export": _("Export"),
}


def live_snapshot(run: SearchRun) -> dict[str, Any]:
    """Returns the state of a run at its `last_seq`: the live page continues from there by events.

    The number of queries does not depend on how many candidates there are, and little else does: they come
    in columns.

    Progress events are left out, their newest one stands in the run's row: a search of a day would
    otherwise send megabytes to every page that is opened.
    """
    told: list[SearchEvent] = list(
        run.events.filter(kind__in=TOLD_KINDS, seq__lte=run.last_seq).order_by("-seq")[:MAX_TOLD]
    )
    return {
        "run": spoken(run_summary(run)),
        "last_seq": run.last_seq,
        "candidates": spoken(candidate_columns(run)),
        "events": [spoken(event_message(event)) for event in reversed(told)],
        "method": method_history(run),
        "plan": spoken(plan_of_run(run)),
        "pace": recent_pace(run),
    }


def recent_pace(run: SearchRun) -> list[dict[str, Any]]:
    """Returns two of the latest progress events, the older one first, fewer at the start of a run.

    Returns:
        `{"at", "spent_seconds"}` of each: how much of the wall clock a working second takes lately.
    """
    events = run.events.filter(kind="progress", seq__lte=run.last_seq).order_by("-seq")
    latest = list(events.values_list("created_at", "payload")[:PACE_EVENTS])
    ends = [latest[-1], latest[0]] if len(latest) > 1 else latest
    return [{"at": at.isoformat(), "spent_seconds": payload.get("spent_seconds")} for at, payload in ends]


def method_history(run: SearchRun) -> dict[str, Any]:
    """Returns what the search method has shown of itself up to `last_seq`.

    Returns:
        `steps`: up to `MAX_STEPS` of `{"step", "values"}` in order, first and last among them; and the last
        one's `shares`.
    """
    events = run.events.filter(kind="method", seq__lte=run.last_seq).order_by("seq")
    numbers = list(events.values_list("seq", flat=True))
    if len(numbers) > MAX_STEPS:
        last = len(numbers) - 1
        numbers = [numbers[round(place * last / (MAX_STEPS - 1))] for place in range(MAX_STEPS)]
    told = list(events.filter(seq__in=numbers).values_list("payload", flat=True))
    return {
        "steps": [{"step": one.get("step"), "values": one.get("values") or {}} for one in told],
        "shares": told[-1].get("shares") or {} if told else {},
    }


def plan_of_run(run: SearchRun) -> dict[str, Any] | None:
    """Returns a run's newest plan with its `reasons`, see `nas.planner.Plan`; None before there is one."""
    told = run.events.filter(kind="plan", seq__lte=run.last_seq).order_by("-seq")
    payload: dict[str, Any] | None = told.values_list("payload", flat=True).first()
    return payload


def method_words(run: SearchRun, plan: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Returns the name of the run's strategy and two sentences: what it does, how to read it.

    Args:
        run: The search.
        plan: Its newest plan, which tells what the planner chose.
    """
    strategy = _concrete(run.strategy, "strategy", plan)
    return {"name": _short(STRATEGY_NAMES, strategy), "text": _short(METHOD_TEXT, strategy)}


def chosen_options(run: SearchRun, plan: Mapping[str, Any] | None = None) -> list[tuple[str, str]]:
    """Returns the expert options of a run as names and values for people; the arguments of `method_words`."""
    space = _concrete(run.space, "space", plan)
    return [
        (gettext("Runs on"), shown_title(run.device, run.device_title)),
        (gettext("Strategy"), _short(STRATEGY_NAMES, _concrete(run.strategy, "strategy", plan))),
        (gettext("Space"), _short(SPACE_NAMES, space).partition(":")[0]),
        (gettext("Evaluator"), _short(EVALUATOR_NAMES, _concrete(run.evaluator, "evaluator", plan))),
        (gettext("Precision"), _short(PRECISION_NAMES, run.precision)),
        (gettext("Weighed against"), _short(COST_NAMES, run.cost)),
        (gettext("Reward"), _short(REWARD_NAMES, run.reward)),
        (gettext("Seed"), str(run.seed)),
    ]


def _concrete(chosen: str, name: str, plan: Mapping[str, Any] | None) -> str:
    """Returns what was chosen: what the planner took, where it was left to it and is known."""
    return chosen if chosen != AUTO or plan is None else str((plan.get("plan") or {}).get(name, chosen))


def _short(names: Mapping[str, Any], value: str) -> str:
    return str(names.get(value, value))


def report_of(run: SearchRun) -> dict[str, Any]:
    """Returns the run's report.json, an empty dict if there is none (yet) or it cannot be read."""
    try:
        report = json.loads(report_file(run, "report.json").read_text(encoding="utf-8"))
    except (SearchRun.DoesNotExist, OSError, ValueError):
        return {}
    return report if isinstance(report, dict) else {}


def leaderboard_of(
    run: SearchRun, report: Mapping[str, Any], candidates: Sequence[Candidate] | None = None
) -> list[BoardRow]:
    """Returns the rows of the result page, best first.

    Args:
        run: The search.
        report: Its report.json.
        candidates: Those that it shows, if they are at hand.
    """
    if candidates is None:
        candidates = shown_candidates(run, report)
    models = {model.candidate_number: model for model in models_of(run)}
    chosen = {str(model.name): number for number, model in models.items()}.get(str(report.get("best")))
    return leaderboard(candidates, models, report.get("test") or [], chosen, cost_of(run).name)
