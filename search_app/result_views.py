"""The page of what a search found."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from search_app.comparisons import comparisons_of
from search_app.devices import places_of
from search_app.elsewhere import elsewhere_of
from search_app.failures import failures_of
from search_app.handmade import baseline_sentences
from search_app.honesty import honesty_of
from search_app.ladder import ladder_of
from search_app.models import SearchRun
from search_app.pages import (
    chosen_options,
    leaderboard_of,
    method_history,
    method_words,
    plan_of_run,
    report_of,
)
from search_app.picks import picks_of
from search_app.price import Price, label_photos, price_of
from search_app.reproduce import reproduction_of
from search_app.results import BoardRow, scale_floor
from search_app.run_costs import run_costs
from search_app.selectors import search_run_for_user
from search_app.shown import failed_candidates, shown_candidates, tried


@require_GET
@login_required
def result(request: HttpRequest, run_id: uuid.UUID) -> HttpResponse:
    """What a search found; one that has not ended is shown live."""
    run = run_or_404(request, run_id)
    if not run.ended:
        return redirect("search:live", run.pk)
    report = report_of(run)
    candidates = shown_candidates(run, report)
    rows = leaderboard_of(run, report, candidates)
    places = places_of(request.user)
    elsewhere = elsewhere_of(run, report, places)
    picks = picks_of(rows)
    plan = plan_of_run(run)
    context = {
        "run": run,
        "report": report,
        "rows": rows,
        "floor": scale_floor(rows),
        "candidates": [candidate.to_json() for candidate in candidates],
        "n_hidden": max(0, run.n_candidates - len(candidates)),
        "options": chosen_options(run, plan),
        "method": method_words(run, plan),
        "plan": plan,
        "history": method_history(run),
        "elsewhere": elsewhere,
        "comparisons": comparisons_of(run, report, elsewhere, places, request.user) if elsewhere else [],
        "picks": picks,
        "themes": ("light", "dark"),
        "price": _price(request, run, rows, picks),
        "ladder": ladder_of(report),
        "honesty": honesty_of(report),
        "handmade": baseline_sentences(candidates),
        "failures": failures_of(failed_candidates(run)),
        "costs": run_costs(
            report, tried(run), spent_seconds=run.spent_seconds, minutes=run.minutes, watts=settings.WATTS
        ),
        "reproduction": reproduction_of(run, report),
    }
    return render(request, "search/result.html", context)


def run_or_404(request: HttpRequest, run_id: uuid.UUID | str) -> SearchRun:
    """Returns a run that the reader may see.

    Raises:
        Http404: If it is missing or someone else's.
    """
    try:
        return search_run_for_user(request.user, run_id)
    except SearchRun.DoesNotExist as error:
        raise Http404 from error


def number_of(request: HttpRequest, name: str) -> int | None:
    """Returns a number of the query, None if it is none."""
    text = request.GET.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _price(request: HttpRequest, run: SearchRun, rows: list[BoardRow], picks: list[Any]) -> Price | None:
    pair = (number_of(request, "a"), number_of(request, "b"))
    price = price_of(run.workdir, rows, picks, pair)
    return None if price is None else label_photos(price, run.dataset_version.classes)
