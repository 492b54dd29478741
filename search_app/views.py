"""Pages of one search. Who may see what is decided by the selectors, what may be done by the services."""

from __future__ import annotations

import uuid

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from search_app.models import SearchRun
from search_app.pages import (
    PHASE_NAMES,
    chosen_options,
    live_snapshot,
    method_words,
    plan_of_run,
)
from search_app.selectors import run_summary, search_run_for_user
from search_app.spoken import spoken


@require_GET
@vary_on_headers("Accept")
@login_required
def live(request: HttpRequest, run_id: uuid.UUID) -> HttpResponse:
    """A search as it goes on; its script asks the same address for the present state alone."""
    run = _run_or_404(request, run_id)
    if request.headers.get("Accept") == "application/json":
        return JsonResponse(live_snapshot(run))
    plan = plan_of_run(run)
    context = {
        "run": run,
        "phases": PHASE_NAMES.items(),
        "summary": spoken(run_summary(run)),
        "options": chosen_options(run, plan),
        "method": method_words(run, plan),
    }
    return render(request, "search/live.html", context)


def _run_or_404(request: HttpRequest, run_id: uuid.UUID) -> SearchRun:
    try:
        return search_run_for_user(request.user, run_id)
    except SearchRun.DoesNotExist as error:
        raise Http404 from error
