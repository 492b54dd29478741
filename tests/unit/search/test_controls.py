"""Pause, go on, and more minutes: the rows, the worker's side, and the plan of the engine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone

from datasets_app.claims import claim
from datasets_app.models import Dataset, Membership, Role, Team
from nas.phases.plan import SHARES
from nas.phases.state import RunState
from nas.search import SearchOutcome, _take_budget
from search_app import controls, services
from search_app.models import SearchRun
from search_app.runner import run_slice
from tests.factories import SearchRunFactory, make_candidate

State = SearchRun.State


@pytest.fixture
def run(owner: User, settings: Any) -> SearchRun:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    return SearchRunFactory(owner=owner)


def state_of(run: SearchRun) -> str:
    run.refresh_from_db()
    return str(run.state)


def test_a_waiting_run_is_paused_and_no_worker_gets_it(run: SearchRun) -> None:
    controls.search_run_pause(run=run)
    assert claim(SearchRun, run.pk) is None
    services.search_run_resume(run=run)
    assert state_of(run) == State.QUEUED
    assert claim(SearchRun, run.pk) is not None


def test_a_paused_run_goes_on_with_its_worker_or_without(run: SearchRun) -> None:
    claim(SearchRun, run.pk)
    controls.search_run_pause(run=run)
    services.search_run_resume(run=run)
    assert state_of(run) == State.RUNNING, "its worker has not noticed the pause and still holds it"
    controls.search_run_pause(run=run)
    SearchRun.objects.update(lease_until=Now() - timedelta(seconds=1))
    services.search_run_resume(run=run)
    assert state_of(run) == State.QUEUED


def test_a_paused_run_can_be_stopped_and_its_best_is_kept(run: SearchRun) -> None:
    SearchRun.objects.update(started_at=timezone.now())
    controls.search_run_pause(run=run)
    services.search_run_stop(run=run)
    assert state_of(run) == State.STOPPING
    assert claim(SearchRun, run.pk) is not None, "a worker must write the results"


def test_a_run_that_never_began_ends_at_once(run: SearchRun) -> None:
    controls.search_run_pause(run=run)
    services.search_run_stop(run=run)
    assert state_of(run) == State.STOPPED


def test_a_paused_run_is_deleted_once_its_worker_has_let_go(run: SearchRun) -> None:
    held = claim(SearchRun, run.pk)
    controls.search_run_pause(run=run)
    with pytest.raises(ValidationError, match="still running"):
        services.search_run_delete(run=run)
    assert held is not None
    SearchRun.objects.update(lease_until=None)
    services.search_run_delete(run=run)
    assert not SearchRun.objects.exists()


@pytest.mark.parametrize(("changes", "words"), [
    ({"state": State.DONE}, "has ended"),
    ({"state": State.STOPPING}, "writing its results"),
    ({"state": State.RUNNING, "phase": "export"}, "writing its results"),
])  # fmt: skip
def test_what_ends_is_neither_paused_nor_extended(
    run: SearchRun, changes: dict[str, str], words: str
) -> None:
    SearchRun.objects.update(**changes)
    with pytest.raises(ValidationError, match=words):
        controls.search_run_pause(run=run)
    with pytest.raises(ValidationError, match=words):
        controls.search_run_extend(run=run, minutes=5)
    assert (state_of(run), run.minutes) == (changes["state"], 10.0)


def test_more_minutes_show_at_once(run: SearchRun) -> None:
    SearchRun.objects.update(state=State.RUNNING, spent_seconds=300, progress=0.5, eta_seconds=300)
    controls.search_run_extend(run=run, minutes=15)
    assert (run.minutes, run.progress, run.eta_seconds) == (25.0, 0.2, 1200.0)


@pytest.mark.parametrize("minutes", [0, -5, float("nan"), 1e9])
def test_senseless_minutes_are_refused(run: SearchRun, minutes: float) -> None:
    with pytest.raises(ValidationError, match="Choose between 1 and"):
        controls.search_run_extend(run=run, minutes=minutes)


def test_the_sum_keeps_the_limit_of_the_server(run: SearchRun, settings: Any) -> None:
    settings.MAX_SEARCH_MINUTES = 20
    with pytest.raises(ValidationError, match="Add at most 10 minutes"):
        controls.search_run_extend(run=run, minutes=11)
    controls.search_run_extend(run=run, minutes=10)
    assert run.minutes == 20


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("change", ["pause", "extend"])
def test_a_worker_gives_the_run_back_at_its_next_step(run: SearchRun, change: str) -> None:
    budgets = []

    def engine(
        config: Any, completed: object, tell: object, stop: Callable[[], bool], deadline: float
    ) -> SearchOutcome:
        budgets.append(config.minutes)
        if len(budgets) > 1:
            return SearchOutcome(True, False, 5.0, "report.json")
        assert not stop()
        if change == "pause":
            controls.search_run_pause(run=run)
        else:
            controls.search_run_extend(run=run, minutes=5)
        while True:  # asks the database once a second
            assert not stop()

    assert run_slice(run.pk, engine) is True
    assert (state_of(run), run.lease_until, run.attempt) == (
        State.PAUSED if change == "pause" else State.RUNNING,
        None,
        0,
    )
    if change == "pause":
        assert run_slice(run.pk, engine) is False
        assert len(budgets) == 1
        services.search_run_resume(run=run)
    assert run_slice(run.pk, engine) is False
    assert budgets == [10.0, 10.0 if change == "pause" else 15.0]
    assert state_of(run) == State.DONE


def planned(workdir: Path, phase: str, left: list[str]) -> RunState:
    ends = {"baselines": 100.0, "base_search": 200.0, "scaling": 300.0, "final_training": 500.0}
    begun = [*left, phase]
    values = {"phases_left": left, "minutes": 10.0, "final_seconds": 40.0}
    state = RunState(phase_ends={name: ends[name] for name in begun}, values=values)
    state.save(workdir)
    return state


def test_added_minutes_are_shared_by_the_phase_at_hand_and_those_to_come(tmp_path: Path) -> None:
    state = planned(tmp_path, "base_search", ["baselines"])
    _take_budget(state, 15.0)
    share = SHARES["base_search"] / (1 - SHARES["baselines"])
    assert state.phase_ends == {"baselines": 100.0, "base_search": pytest.approx(200.0 + 300.0 * share)}
    _take_budget(state, 15.0)
    assert state.phase_ends["base_search"] == pytest.approx(200.0 + 300.0 * share), "added once"


def test_the_final_training_gets_all_that_is_added_while_it_runs(tmp_path: Path) -> None:
    state = planned(tmp_path, "final_training", ["baselines", "base_search", "scaling"])
    _take_budget(state, 15.0)
    assert state.phase_ends["final_training"] == 800.0
    assert "final_seconds" not in state.values, "what has not begun is planned anew"
    assert state.phase_ends["scaling"] == 300.0


def test_what_the_live_page_asks_for_costs_few_queries(
    run: SearchRun, owner: User, client_of: Callable[[User | None], Client], django_assert_num_queries: Any
) -> None:
    for number in range(5):
        make_candidate(run, number)
    client = client_of(owner)
    signed_in = 2  # session and user
    base = f"/api/v1/searches/{run.pk}"
    for address, queries in (("/candidates/3", 2), ("/earlier", 2), ("/front?cost=size", 3)):
        with django_assert_num_queries(signed_in + queries):
            assert client.get(base + address).status_code == 200, address
    assert client.get(f"{base}/candidates/3").json()["architecture"]["resolution"] == 96
    assert client.get(f"{base}/candidates/99").status_code == 404
    assert client.get(f"{base}/candidates/{2**40}").status_code == 404
    assert client.get(f"{base}/front?cost=beauty").status_code == 422
    told = client.get(f"{base}/events?compact=true").json()
    assert told["items"] == []


def test_who_lost_the_data_set_trains_on_it_no_longer(run: SearchRun, owner: User, stranger: User) -> None:
    team = Team.objects.create(name="Otter lab")
    membership = Membership.objects.create(team=team, user=owner, role=Role.EDITOR)
    Dataset.objects.update(owner=stranger, team=team)
    SearchRun.objects.update(state=State.PAUSED)
    run = SearchRun.objects.get()
    controls.search_run_extend(run=run, minutes=1)
    Membership.objects.update(role=Role.VIEWER)
    with pytest.raises(ValidationError, match="as a viewer"):
        services.search_run_resume(run=run)
    with pytest.raises(ValidationError, match="as a viewer"):
        controls.search_run_extend(run=run, minutes=1)
    membership.delete()
    with pytest.raises(Dataset.DoesNotExist):
        services.search_run_resume(run=run)
    with pytest.raises(Dataset.DoesNotExist):
        controls.search_run_extend(run=run, minutes=1)
    assert (state_of(run), run.minutes) == (State.PAUSED, 11.0)
