"""Pages that compare: two searches, and two networks of one search."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from nas.candidate import Candidate
from nas.pareto import current_candidates
from search_app.models import SearchRun
from search_app.pages import leaderboard_of, report_of
from search_app.price import price_of
from search_app.result_views import number_of, run_or_404
from search_app.run_pair import fronts_of, option_rows, side_of, verdict_of, warnings_of
from search_app.selectors import search_runs_of_user
from search_app.shown import shown_candidates
from search_app.versus import versus_of

MOST_RUNS = 100
MOST_NETWORKS = 200


@require_GET
@login_required
def compare_runs(request: HttpRequest) -> HttpResponse:
    """Two searches; without two different ones the page only asks for them."""
    ended = search_runs_of_user(request.user).filter(state__in=SearchRun.ended_states)
    chosen = [run_or_404(request, text) for name in ("a", "b") if (text := request.GET.get(name))]
    context: dict[str, object] = {"runs": ended[:MOST_RUNS], "chosen": [run.pk for run in chosen]}
    if any(not run.ended for run in chosen):
        context["problem"] = "running"
    elif len(chosen) == 2 and chosen[0].pk != chosen[1].pk:
        first, second = (side_of(run) for run in chosen)
        context |= {
            "sides": (first, second),
            "options": option_rows(first, second),
            "warnings": warnings_of(first, second),
            "verdict": verdict_of(first, second),
            "fronts": fronts_of((first, second)),
        }
    elif len(chosen) == 2:
        context["problem"] = "same"
    return render(request, "search/compare_runs.html", context)


@require_GET
@login_required
def compare_networks(request: HttpRequest, run_id: uuid.UUID) -> HttpResponse:
    """Two networks of a search; those that are not named are the best and the fastest of the leaderboard."""
    run = run_or_404(request, run_id)
    report = report_of(run)
    wanted = [number_of(request, name) for name in ("a", "b")]
    candidates = shown_candidates(run, report, [number for number in wanted if number is not None])
    current = [one for one in current_candidates(candidates) if one.metrics is not None]
    rows = leaderboard_of(run, report, candidates)
    by_number = {one.number: one for one in candidates if one.metrics is not None}
    if any(number is not None and number not in by_number for number in wanted):
        raise Http404
    pair = [by_number[number] for number in wanted if number is not None]
    for other in [row.candidate for row in rows] + current:
        if len(pair) < 2 and all(other.number != one.number for one in pair):
            pair.append(other)
    on_board = {row.candidate.number for row in rows}
    told = len(pair) == 2 and all(one.number in on_board for one in pair)
    same = len(pair) == 2 and pair[0].number == pair[1].number
    context = {
        "run": run,
        "networks": _offered(pair, current),
        "pair": pair,
        "versus": versus_of(run.workdir, *pair) if len(pair) == 2 else None,
        "price": None
        if same or not told
        else price_of(run.workdir, rows, [], (pair[0].number, pair[1].number)),
    }
    return render(request, "search/compare_networks.html", context)


def _offered(pair: Sequence[Candidate], current: Sequence[Candidate]) -> list[Candidate]:
    """Returns the networks to choose from, the most accurate first; those shown are always among them."""
    ranked = sorted(current, key=lambda one: -one.metrics.accuracy if one.metrics else 0.0)
    offered = ranked[:MOST_NETWORKS]
    return [*(one for one in pair if one not in offered), *offered]
