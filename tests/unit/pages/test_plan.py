"""The planner on pages: what it offers before the start, what it tells during and after a search."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client

from nas.automatic import AUTO
from nas.events import Event
from nas.planner import make_plan
from nas.planner.situations import SITUATIONS, facts_of
from search_app import services
from search_app.models import SearchRun
from search_app.pages import live_snapshot
from search_app.record import record_event
from tests import factories

ClientOf = Callable[[User | None], Client]
PLAN = make_plan(facts_of(SITUATIONS[3]))

pytestmark = pytest.mark.django_db


@pytest.fixture
def planned(owner: User, storage: object) -> SearchRun:
    run: SearchRun = factories.SearchRunFactory(
        owner=owner, state=SearchRun.State.DONE, space=AUTO, strategy=AUTO, evaluator=AUTO
    )
    for finalists in (9, PLAN.finalists):  # the newest counts
        payload: dict[str, Any] = {"plan": {**PLAN.to_json(), "finalists": finalists}}
        record_event(run.pk, Event("plan", {**payload, "reasons": list(PLAN.reasons)}))
    run.refresh_from_db()
    return run


def words(client: Client, address: str, **headers: str) -> str:
    return " ".join(client.get(address, headers=headers).content.decode().split())


def test_the_planner_is_offered_first_and_taken_where_nothing_is_said(
    client_of: ClientOf, owner: User, storage: object
) -> None:
    version = factories.DatasetVersionFactory(dataset__owner=owner)
    page = words(client_of(owner), "/searches/new/")
    assert page.count("Let the planner choose (recommended)") == 3
    run = services.search_run_start(owner=owner, dataset=version.dataset, minutes=5)
    assert (run.space, run.strategy, run.evaluator) == (AUTO, AUTO, AUTO)
    answers = {"dataset": str(version.dataset_id), "goal": "balanced", "minutes": "5", "strategy": "darts"}
    client_of(owner).post("/searches/new/", answers)
    mine = SearchRun.objects.get(strategy="darts")
    assert mine.space == AUTO  # the planner takes a space of cells
    with pytest.raises(ValidationError, match="cannot be quantised"):
        services.search_run_start(
            owner=owner, dataset=version.dataset, minutes=5, strategy="darts", precision="int8"
        )


def test_an_outline_is_told_before_the_start_and_a_choice_of_ones_own_in_it(
    client_of: ClientOf, owner: User, storage: object
) -> None:
    version = factories.DatasetVersionFactory(dataset__owner=owner)
    ask = f"/searches/new/estimate/?dataset={version.dataset_id}&minutes=20&space=auto&evaluator=auto"
    told = words(client_of(owner), f"{ask}&strategy=auto&baselines=on")
    assert "What the planner would choose, and why" in told
    assert "There are 70 photos to train on in 2 classes" in told
    assert "cross-validation" in told
    assert "You chose the strategy nsga2 yourself" in words(client_of(owner), f"{ask}&strategy=nsga2")
    chosen = ask.replace("auto", "training", 1).replace("space=training", "space=mbconv")
    chosen = chosen.replace("evaluator=auto", "evaluator=training")
    assert "What the planner would choose" not in words(client_of(owner), f"{chosen}&strategy=nsga2")
    stranger = factories.UserFactory()
    assert "There are 70 photos" not in words(client_of(stranger), f"{ask}&strategy=auto")


def test_live_and_result_page_tell_the_newest_plan(
    client_of: ClientOf, owner: User, planned: SearchRun
) -> None:
    plan = live_snapshot(planned)["plan"]
    assert plan["plan"]["finalists"] == PLAN.finalists
    assert plan["reasons"] == list(PLAN.reasons)
    live = words(client_of(owner), f"/searches/{planned.pk}/")
    result = words(client_of(owner), f"/searches/{planned.pk}/result/")
    for page in (live, result):
        assert "What the planner chose, and why" in page
        assert "Space: Lite elastic" in page
        assert "Strategy: Regularised evolution" in page
    assert PLAN.reasons[-1] in result


def test_reasons_are_told_in_the_readers_language(
    client_of: ClientOf, owner: User, planned: SearchRun
) -> None:
    for language, part in (("en", "photos to train on"), ("de", "Fotos zum Trainieren")):
        page = words(client_of(owner), f"/searches/{planned.pk}/result/", accept_language=language)
        assert part in page


def test_a_search_without_a_plan_shows_none(client_of: ClientOf, owner: User, storage: object) -> None:
    run = factories.SearchRunFactory(owner=owner, state=SearchRun.State.DONE)
    assert live_snapshot(run)["plan"] is None
    assert "What the planner chose" not in words(client_of(owner), f"/searches/{run.pk}/result/")
