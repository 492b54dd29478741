"""What result pages read of a search with thousands of networks."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from nas.pareto import front_of_candidates
from search_app.models import SearchRun
from search_app.selectors import candidates_of
from search_app.shown import MOST, failed_candidates, shown_candidates, tried
from tests import factories, full_house


@pytest.fixture
def long_run(owner: User) -> SearchRun:
    run: SearchRun = factories.SearchRunFactory(owner=owner, state=SearchRun.State.DONE)
    full_house.fill(run, 1500)
    factories.TrainedModelFactory(run=run, candidate_number=777)
    run.refresh_from_db()
    return run


def test_all_that_counts_is_shown_of_a_long_search(long_run: SearchRun) -> None:
    shown = shown_candidates(long_run, {"test": [{"candidate": 555}]}, also=[333])
    numbers = [one.number for one in shown]
    everything = [row.to_engine() for row in candidates_of(long_run)]
    front = front_of_candidates(everything)
    assert front_of_candidates(shown) == front
    assert {*front, 777, 555, 333} <= set(numbers)
    assert {one.number for one in everything if one.source != "base_search"} <= set(numbers)
    assert numbers == sorted(set(numbers)) and MOST * 0.9 < len(numbers) < MOST * 1.3


def test_a_short_search_is_shown_whole(owner: User) -> None:
    run = factories.SearchRunFactory(owner=owner)
    full_house.fill(run, 60)
    run.refresh_from_db()
    assert [one.number for one in shown_candidates(run, {})] == list(range(60))


def test_what_is_not_shown_is_still_counted(long_run: SearchRun) -> None:
    counted = tried(long_run)
    assert counted.n == 1500 and counted.n_failed == 30
    assert counted.by_phase == {"base_search": 1500}
    assert counted.failed_seconds == pytest.approx(30 * 4.5)
    assert [row.number for row in failed_candidates(long_run)] == list(range(49, 1500, 50))
