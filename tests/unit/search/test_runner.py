"""One slice of a run, with engines of a few lines that speak the real engine's contract."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models.functions import Now

from datasets_app import handover
from datasets_app.claims import MAX_ATTEMPTS, FenceLostError, claim
from nas.candidate import Candidate
from nas.errors import DataError
from nas.events import Event
from nas.search import SearchConfig, SearchOutcome
from search_app import services
from search_app.models import SearchRun
from search_app.runner import STOP_POLL_SECONDS, run_slice
from tests.factories import SearchRunFactory, candidate_json

pytestmark = pytest.mark.django_db(transaction=True)
State = SearchRun.State
Stop = Callable[[], bool]
Tell = Callable[[Event], None]


@pytest.fixture
def run(owner: User, settings: Any) -> SearchRun:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    return SearchRunFactory(owner=owner)


def finish(number: int) -> Event:
    return Event("candidate_finished", {"candidate": candidate_json(number)})


class Engine:
    """Finishes one candidate a slice, three in all."""

    def __init__(self) -> None:
        self.configs: list[SearchConfig] = []

    def __call__(
        self, config: SearchConfig, completed: Sequence[Candidate], tell: Tell, stop: Stop, deadline: float
    ) -> SearchOutcome:
        self.configs.append(config)
        tell(finish(len(completed)))
        done = len(completed) == 2
        if done:
            tell(Event("run_finished", {"reason": "done", "report": "report.json"}))
        return SearchOutcome(done, False, 10.0 * (len(completed) + 1), "report.json" if done else None)


def test_slices_go_on_where_the_last_one_ended(run: SearchRun) -> None:
    engine = Engine()
    assert [run_slice(str(run.pk), engine) for _ in range(4)] == [True, True, False, False]
    run.refresh_from_db()
    assert (run.state, run.n_candidates, run.last_seq, run.progress) == (State.DONE, 3, 4, 1.0)
    assert (run.spent_seconds, run.report) == (30.0, "report.json")
    assert run.finished_at is not None
    assert [config.already_spent_seconds for config in engine.configs] == [0.0, 10.0, 20.0]
    assert run.lease_until is None


def test_the_engine_gets_the_options_of_the_run(run: SearchRun) -> None:
    chosen = {"strategy": "ppo", "space": "mbconv", "evaluator": "halving", "reward": "hard", "seed": 7}
    chosen |= {"device": "npu", "precision": "int8"}
    SearchRun.objects.update(**chosen)
    engine = Engine()
    run_slice(run.pk, engine)
    assert {name: getattr(engine.configs[0], name) for name in chosen} == chosen


def test_a_stop_reaches_the_engine_and_results_are_kept(run: SearchRun) -> None:
    def engine(config: object, completed: object, tell: Tell, stop: Stop, deadline: float) -> SearchOutcome:
        tell(finish(0))
        assert not stop()
        services.search_run_stop(run=run)
        while not stop():  # asks the database once a second
            pass
        return SearchOutcome(True, True, 5.0, "report.json")

    assert STOP_POLL_SECONDS <= 1
    assert run_slice(run.pk, engine) is False
    run.refresh_from_db()
    assert (run.state, run.n_candidates) == (State.STOPPED, 1)


def test_a_worker_that_lost_its_lease_ends_without_writing(run: SearchRun) -> None:
    def engine(config: object, completed: object, tell: Tell, stop: Stop, deadline: float) -> SearchOutcome:
        SearchRun.objects.filter(pk=run.pk).update(lease_until=Now() - timedelta(seconds=1))
        assert claim(SearchRun, run.pk, worker="another") is not None
        with pytest.raises(FenceLostError):
            stop()
        tell(finish(0))
        raise AssertionError("the event of a lost claim was accepted")

    assert run_slice(run.pk, engine) is False
    run.refresh_from_db()
    assert (run.state, run.claimed_by, run.n_candidates, run.last_seq) == (State.RUNNING, "another", 0, 0)


def test_a_run_that_breaks_its_worker_is_given_up_with_a_sentence(run: SearchRun) -> None:
    def engine(*_: object) -> SearchOutcome:
        raise RuntimeError("internal words")

    assert [run_slice(run.pk, engine) for _ in range(MAX_ATTEMPTS)] == [True, True, False]
    run.refresh_from_db()
    assert run.state == State.FAILED
    assert "Press Resume" in run.error
    assert "internal words" not in run.error


def test_a_run_that_kills_its_worker_is_given_up_with_a_sentence(run: SearchRun) -> None:
    for _ in range(MAX_ATTEMPTS):
        assert claim(SearchRun, run.pk) is not None
        SearchRun.objects.update(lease_until=Now() - timedelta(seconds=1))
    assert run_slice(run.pk, Engine()) is False
    run.refresh_from_db()
    assert run.state == State.FAILED
    assert "memory" in run.error


def test_unusable_data_end_the_run_with_the_engines_sentence(run: SearchRun) -> None:
    def engine(*_: object) -> SearchOutcome:
        raise DataError("The images are gone. Upload them again.")

    assert run_slice(run.pk, engine) is False
    run.refresh_from_db()
    assert (run.state, run.error) == (State.FAILED, "The images are gone. Upload them again.")


def test_an_ending_worker_hands_over_at_the_next_step(
    run: SearchRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    def engine(config: object, completed: object, tell: Tell, stop: Stop, deadline: float) -> SearchOutcome:
        tell(finish(0))
        handover.request_handover()
        try:
            stop()
        except Exception:  # what an engine may do around one candidate
            pytest.fail("the handover was swallowed")
        raise AssertionError("the handover was not seen")

    try:
        assert run_slice(run.pk, engine) is True
    finally:
        handover._flag[0] = 0
    run.refresh_from_db()
    assert (run.state, run.lease_until, run.attempt, run.n_candidates) == (State.RUNNING, None, 0, 1)
    assert claim(SearchRun, run.pk) is not None


def test_a_deleted_run_is_no_work(run: SearchRun) -> None:
    SearchRun.objects.all().delete()
    assert run_slice(run.pk, Engine()) is False
