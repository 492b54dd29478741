"""Pages of one search. Who may see what is decided by the selectors, what may be done by the services."""

from __future__ import annotations

import uuid

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from search_app.comparisons import comparisons_of
from search_app.devices import places_of
from search_app.elsewhere import elsewhere_of
from search_app.models import SearchRun
from search_app.pages import (
    PHASE_NAMES,
    chosen_options,
    leaderboard_of,
    live_snapshot,
    method_history,
    method_words,
    report_of,
)
from search_app.results import scale_floor
from search_app.selectors import candidates_of, run_summary, search_run_for_user
from search_app.spoken import spoken


@require_GET
@vary_on_headers("Accept")
@login_required
def live(request: HttpRequest, run_id: uuid.UUID) -> HttpResponse:
    """A search as it goes on; its script asks the same address for the present state alone."""
    run = _run_or_404(request, run_id)
    if request.headers.get("Accept") == "application/json":
        return JsonResponse(live_snapshot(run))
    context = {
        "run": run,
        "phases": PHASE_NAMES.items(),
        "summary": spoken(run_summary(run)),
        "options": chosen_options(run),
        "method": method_words(run),
    }
    return render(request, "search/live.html", context)


@require_GET
@login_required
def result(request: HttpRequest, run_id: uuid.UUID) -> HttpResponse:
    """What a search found; one that has not ended is shown live."""
    run = _run_or_404(request, run_id)
    if not run.ended:
        return redirect("search:live", run.pk)
    report = report_of(run)
    rows = leaderboard_of(run, report)
    places = places_of(request.user)
    elsewhere = elsewhere_of(run, report, places)
    context = {
        "run": run,
        "report": report,
        "rows": rows,
        "floor": scale_floor(rows),
        "candidates": spoken([candidate.to_engine().to_json() for candidate in candidates_of(run)]),
        "options": chosen_options(run),
        "method": method_words(run),
        "history": method_history(run),
        "elsewhere": elsewhere,
        "comparisons": comparisons_of(run, report, elsewhere, places, request.user) if elsewhere else [],
    }
    return render(request, "search/result.html", context)


def _run_or_404(request: HttpRequest, run_id: uuid.UUID) -> SearchRun:
    try:
        return search_run_for_user(request.user, run_id)
    except SearchRun.DoesNotExist as error:
        raise Http404 from error
