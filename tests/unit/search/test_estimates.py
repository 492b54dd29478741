"""What a new search will bring: computed from searches of its kind on this machine, or not known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from search_app.estimates import Estimate, Plan, estimate
from search_app.models import SearchEvent, SearchRun
from tests import factories

PLAN = Plan(
    minutes=10,
    space="lite-elastic",
    evaluator="training",
    strategy="random",
    baselines=True,
    n_images=86,
)
pytestmark = pytest.mark.django_db


def past(
    n_base: int,
    base_seconds: float,
    *,
    first: float = 20.0,
    n_images: int = 86,
    minutes: float = 10.0,
    **about: Any,
) -> SearchRun:
    """A finished search of two further networks besides those of the base search."""
    version = factories.DatasetVersionFactory(n_images=n_images)
    run: SearchRun = factories.SearchRunFactory(
        owner=version.dataset.owner,
        dataset_version=version,
        minutes=minutes,
        **{"state": SearchRun.State.DONE, **about},
    )
    for number in range(n_base + 2):
        phase = "base_search" if number < n_base else "scaling"
        factories.make_candidate(run, number, phase=phase)
    for seq, (phase, seconds) in enumerate((("first_model", first), ("base_search", base_seconds)), 1):
        payload = {"phase": phase, "seconds": seconds}
        SearchEvent.objects.create(run=run, seq=seq, kind="phase_finished", payload=payload)
    return run


def networks(**changes: Any) -> tuple[int, int]:
    found = estimate(replace(PLAN, **changes))
    assert found is not None
    assert found.networks is not None
    return found.networks


def test_without_an_earlier_search_nothing_is_claimed() -> None:
    past(4, 60, space="mbconv")
    past(4, 60, evaluator="proxy")
    past(4, 60, state=SearchRun.State.STOPPED)
    past(4, 60, strategy="darts")
    past(4, 60, baselines=False)
    assert estimate(PLAN) is None


def test_the_same_again_brings_the_same() -> None:
    past(4, 60)
    found = estimate(PLAN)
    assert found == Estimate(networks=(6, 6), first_model_seconds=(20, 20), n_runs=1, like_photos=True)


def test_more_minutes_bring_more_networks_until_trainings_get_longer_instead() -> None:
    past(4, 60)  # 15 s a network, of which 1 s is training: it aims at ten and has no time for them
    assert networks(minutes=20) == (10, 12)  # 132 to 156 s: nine, ten
    assert networks(minutes=100) == (12, 14)  # 708 to 924 s: ten of the longest training, and some more
    assert networks(minutes=1000)[0] > 90
    assert networks(minutes=5) == (2, 4)


def test_a_search_that_had_time_for_all_leaves_it_open_how_long_one_takes_besides() -> None:
    past(10, 100)
    low, high = networks(minutes=5)
    assert low == 2 + 5  # 52 s of 10 s each
    assert high == 2 + 10  # nothing besides, so ten of 5.2 s or more


def test_several_searches_give_a_range() -> None:
    past(4, 60, first=20)
    past(8, 60, first=45)
    found = estimate(PLAN)
    assert found is not None
    assert found.networks == (6, 10)
    assert found.first_model_seconds == (20, 45)
    assert found.n_runs == 2


def test_searches_of_about_as_many_photos_come_first_and_others_are_called_rough() -> None:
    past(4, 60, n_images=50_000)
    rough = estimate(PLAN)
    assert rough is not None
    assert not rough.like_photos
    past(8, 60, n_images=200)
    near = estimate(PLAN)
    assert near is not None
    assert (near.networks, near.n_runs, near.like_photos) == ((10, 10), 1, True)


def test_darts_tries_as_many_whatever_the_minutes() -> None:
    past(4, 60, strategy="darts", space="cell")
    assert networks(strategy="darts", space="cell", minutes=100) == (6, 6)


def test_other_evaluators_go_on_at_their_pace() -> None:
    past(6, 60, evaluator="halving")
    assert networks(evaluator="halving", minutes=20) == (15, 18)


def test_a_search_without_its_events_counts_for_nothing() -> None:
    SearchEvent.objects.filter(run=past(4, 60)).delete()
    assert estimate(PLAN) is None


def test_a_search_too_short_for_its_base_search_still_tells_the_first_model() -> None:
    past(0, 0.5, minutes=2)
    found = estimate(PLAN)
    assert found is not None
    assert (found.networks, found.first_model_seconds) == (None, (20, 20))


def test_it_asks_three_queries(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for _ in range(4):
        past(3, 60)
    with django_assert_num_queries(3):
        estimate(PLAN)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("minutes=10", "about 6"),
        ("minutes=10", "Computed from what 1 earlier search"),
        ("minutes=soon", "Say how many minutes"),
        ("minutes=nan", "Say how many minutes"),
        ("minutes=-1", "Say how many minutes"),
        ("minutes=inf", "Say how many minutes"),
        ("minutes=10&space=nope", "not known yet"),
        ("minutes=10&dataset=nope", "about 6"),
    ],
)
def test_the_page_is_told_in_words(
    client_of: Callable[[User | None], Client], owner: User, query: str, sentence: str
) -> None:
    past(4, 60)
    common = "space=lite-elastic&evaluator=training&strategy=random&baselines=on"
    text = client_of(owner).get(f"/searches/new/estimate/?{common}&{query}").content.decode()
    assert sentence in " ".join(text.split())


def test_who_shares_the_machine_is_counted(client_of: Callable[[User | None], Client], owner: User) -> None:
    factories.SearchRunFactory(state=SearchRun.State.RUNNING)
    text = client_of(owner).get("/searches/new/estimate/?minutes=5").content.decode()
    assert "1 other search shares this machine now" in text
