"""Claims, leases and fences on the real table of searches."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db.models.functions import Now

from datasets_app.claims import (
    MAX_ATTEMPTS,
    FenceLostError,
    claim,
    claimable_rows,
    extend_lease,
    fenced_update,
    release,
)
from nas.events import Event
from search_app.models import SearchEvent, SearchRun
from search_app.record import record_event
from tests.factories import SearchRunFactory, candidate_json

State = SearchRun.State


@pytest.fixture
def run(owner: User) -> SearchRun:
    return SearchRunFactory(owner=owner)


def expire(run: SearchRun) -> None:
    SearchRun.objects.filter(pk=run.pk).update(lease_until=Now() - timedelta(seconds=1))


def test_a_waiting_run_is_claimed_once(run: SearchRun) -> None:
    held = claim(SearchRun, run.pk)
    assert held is not None
    assert (held.fence, held.attempt) == (1, 1)
    assert claim(SearchRun, run.pk) is None
    run.refresh_from_db()
    assert run.state == State.RUNNING


def test_an_expired_lease_frees_the_run_and_the_fence_grows(run: SearchRun) -> None:
    first = claim(SearchRun, run.pk)
    assert first is not None
    assert not claimable_rows(SearchRun).exists()
    expire(run)
    assert claimable_rows(SearchRun).get() == run
    second = claim(SearchRun, run.pk)
    assert second is not None
    assert second.fence == first.fence + 1


def test_a_stopping_run_stays_stopping_when_claimed(run: SearchRun) -> None:
    SearchRun.objects.update(state=State.STOPPING)
    assert claim(SearchRun, run.pk) is not None
    run.refresh_from_db()
    assert run.state == State.STOPPING


@pytest.mark.parametrize("state", SearchRun.ended_states)
def test_an_ended_run_is_never_claimed(run: SearchRun, state: str) -> None:
    SearchRun.objects.update(state=state)
    assert claim(SearchRun, run.pk) is None


def test_writes_with_a_stale_fence_change_nothing(run: SearchRun) -> None:
    stale = claim(SearchRun, run.pk)
    assert stale is not None
    expire(run)
    fresh = claim(SearchRun, run.pk)
    assert fresh is not None
    assert not fenced_update(stale, name="stolen")
    assert not extend_lease(stale)
    assert not release(stale, state=State.DONE)
    with pytest.raises(FenceLostError):
        record_event(run.pk, Event("candidate_finished", {"candidate": candidate_json(0)}), stale)
    run.refresh_from_db()
    assert (run.state, run.last_seq, run.candidates.count()) == (State.RUNNING, 0, 0)
    assert run.name != "stolen"
    assert record_event(run.pk, Event("log", {"message": "mine"}), fresh) == 1


def test_attempts_count_claims_without_progress(run: SearchRun) -> None:
    for attempt in range(1, MAX_ATTEMPTS + 1):
        held = claim(SearchRun, run.pk)
        assert held is not None
        assert (held.attempt, held.exhausted) == (attempt, False)
        expire(run)
    last = claim(SearchRun, run.pk)
    assert last is not None
    assert last.exhausted


def test_a_finished_candidate_sets_the_attempts_back(run: SearchRun) -> None:
    held = claim(SearchRun, run.pk)
    record_event(run.pk, Event("candidate_finished", {"candidate": candidate_json(0)}), held)
    expire(run)
    again = claim(SearchRun, run.pk)
    assert again is not None
    assert again.attempt == 1


def test_numbers_have_no_gaps_and_a_candidate_exists_once(run: SearchRun) -> None:
    held = claim(SearchRun, run.pk)
    event = Event("candidate_finished", {"candidate": candidate_json(0)})
    better = Event("candidate_finished", {"candidate": candidate_json(1)})
    for one in (Event("log", {"message": "a"}), event, event, better):
        record_event(run.pk, one, held)
    assert list(SearchEvent.objects.values_list("seq", flat=True)) == [1, 2, 3, 4]
    run.refresh_from_db()
    assert (run.n_candidates, run.best_accuracy, run.last_seq) == (2, 0.51, 4)


def test_values_that_are_no_json_become_null(run: SearchRun) -> None:
    held = claim(SearchRun, run.pk)
    record_event(run.pk, Event("progress", {"phase": "scaling", "fraction": float("nan")}), held)
    assert run.events.get().payload == {"phase": "scaling", "fraction": None}


def test_what_the_device_cannot_hold_is_best_only_while_nothing_fits(run: SearchRun) -> None:
    held = claim(SearchRun, run.pk)
    for number, accuracy, broken in ((0, 0.9, ["too large"]), (1, 0.7, []), (2, 0.95, ["too large"])):
        data = candidate_json(number)
        data["metrics"] |= {"accuracy": accuracy, "device": {"broken_limits": broken}}
        record_event(run.pk, Event("candidate_finished", {"candidate": data}), held)
        run.refresh_from_db()
        assert run.best_accuracy == (0.9 if number == 0 else 0.7)


def test_a_candidate_survives_the_way_through_the_table(run: SearchRun) -> None:
    data = candidate_json(3, details={"phi": 1}, refines=1)
    data["metrics"]["unquantised"] = {"accuracy": 0.6, "latency_ms": 7.5, "size_bytes": 13_600_000}
    record_event(run.pk, Event("candidate_finished", {"candidate": data}), claim(SearchRun, run.pk))
    assert run.candidates.get().to_engine().to_json() == data
