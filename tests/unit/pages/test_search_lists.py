"""Home and the list of searches: what runs, filters in the address, pages, and how many queries they ask."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from datasets_app.models import Dataset
from search_app.models import SearchRun
from search_app.run_lists import PER_PAGE
from tests import factories

HOSTILE = "<script>alert(1)</script>" + "x" * 175
State = SearchRun.State
ClientOf = Callable[[User | None], Client]
pytestmark = pytest.mark.django_db


@pytest.fixture
def version(owner: User) -> Any:
    return factories.DatasetVersionFactory(dataset=factories.DatasetFactory(owner=owner, name=HOSTILE))


def run(version: Any, name: str, state: str = State.DONE, **about: Any) -> SearchRun:
    made: SearchRun = factories.SearchRunFactory(
        owner=version.dataset.owner, dataset_version=version, name=name, state=state, **about
    )
    return made


def names(text: str) -> list[str]:
    return re.findall(r'class="run-name"[^>]*>([^<]*)<', text)


def test_filters_and_order_stand_in_the_address(client_of: ClientOf, owner: User, version: Any) -> None:
    other = factories.DatasetVersionFactory(dataset=factories.DatasetFactory(owner=owner, name="Beans"))
    run(version, "A", best_accuracy=0.7, n_candidates=3)
    run(version, "B", State.FAILED)
    run(other, "C", best_accuracy=0.9, n_candidates=2)
    run(other, "D", State.QUEUED)
    client = client_of(owner)

    def shown(query: str) -> list[str]:
        return names(client.get(f"/searches/{query}").content.decode())

    assert shown("") == ["D", "C", "B", "A"]
    assert shown("?sort=old") == ["A", "B", "C", "D"]
    assert shown("?sort=best")[:2] == ["C", "A"]
    assert shown("?sort=networks")[:2] == ["A", "C"]
    assert shown("?sort=name") == ["A", "B", "C", "D"]
    assert shown("?state=active") == ["D"]
    assert shown("?state=FAILED") == ["B"]
    assert shown(f"?dataset={other.dataset_id}") == ["D", "C"]
    assert shown(f"?dataset={other.dataset_id}&state=DONE") == ["C"]


@pytest.mark.parametrize(
    "query", ["?state=nope", "?dataset=nope", "?sort=nope", "?page=nope", "?page=-3", "?page=99"]
)
def test_odd_addresses_show_the_list(client_of: ClientOf, owner: User, version: Any, query: str) -> None:
    run(version, "A")
    assert names(client_of(owner).get(f"/searches/{query}").content.decode()) == ["A"]


def test_a_strangers_data_set_filters_nothing_and_is_not_named(
    client_of: ClientOf, owner: User, stranger: User, version: Any
) -> None:
    run(version, "A")
    theirs = factories.DatasetVersionFactory(dataset=factories.DatasetFactory(owner=stranger, name="Secret"))
    run(theirs, "Theirs")
    text = client_of(owner).get(f"/searches/?dataset={theirs.dataset_id}").content.decode()
    assert names(text) == ["A"]
    assert "Secret" not in text


def test_pages_keep_the_filters(client_of: ClientOf, owner: User, version: Any) -> None:
    for number in range(PER_PAGE + 2):
        run(version, f"R{number:02d}")
    text = client_of(owner).get("/searches/?sort=old&state=DONE").content.decode()
    assert len(names(text)) == PER_PAGE
    assert 'href="?sort=old&amp;state=DONE&amp;page=2"' in text
    assert names(client_of(owner).get("/searches/?sort=old&page=2").content.decode()) == ["R25", "R26"]


def test_only_searches_with_networks_can_be_compared(client_of: ClientOf, owner: User, version: Any) -> None:
    some = run(version, "some", n_candidates=3)
    none = run(version, "none", State.FAILED)
    text = client_of(owner).get("/searches/").content.decode()
    boxes = re.findall(r'type="checkbox" value="([^"]+)" data-compare', text)
    assert boxes == [str(some.pk)]
    assert str(none.pk) in text


def test_what_runs_stands_first_on_home_with_its_time(client_of: ClientOf, owner: User, version: Any) -> None:
    run(version, "Waits", State.QUEUED)
    run(version, "Runs", State.RUNNING, progress=0.4, eta_seconds=700, phase="base_search")
    run(version, "Ended")
    text = client_of(owner).get("/").content.decode()
    assert text.index("Running now") < text.index(">Runs<") < text.index(">Waits<") < text.index(">Ended<")
    assert "about 12 min left" in text
    assert 'value="40"' in text
    assert "Number 1 in the queue" in text


def test_pages_renew_themselves_only_while_something_runs(
    client_of: ClientOf, owner: User, version: Any
) -> None:
    made = run(version, "R", State.RUNNING)
    client = client_of(owner)
    for address in ("/", "/searches/"):
        assert 'hx-trigger="every' in client.get(address).content.decode()
    SearchRun.objects.filter(pk=made.pk).update(state=State.DONE)
    for address in ("/", "/searches/"):
        text = client.get(address).content.decode()
        assert "hx-trigger" not in text
        assert "htmx.min.js" not in text


def test_the_number_of_queries_does_not_grow_with_the_searches(
    client_of: ClientOf, owner: User, version: Any, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    client = client_of(owner)
    for _round in range(2):
        for state in (State.QUEUED, State.RUNNING, State.DONE, State.DONE):
            run(version, "R", state)
        with django_assert_num_queries(
            8
        ):  # session, user, running, queue, ended, data sets, versions, uploads
            client.get("/")
        with django_assert_num_queries(6):  # session, user, data sets, count, page, queue
            client.get("/searches/")


def test_hostile_and_long_names_are_text(client_of: ClientOf, owner: User, version: Any) -> None:
    run(version, HOSTILE, State.RUNNING)
    run(version, HOSTILE, State.FAILED, error=HOSTILE)
    run(version, HOSTILE, n_candidates=2)
    client = client_of(owner)
    for address in ("/", "/searches/", "/searches/new/", f"/searches/?dataset={version.dataset_id}"):
        text = client.get(address).content.decode()
        assert "<script>alert" not in text, address
        assert "&lt;script&gt;alert" in text, address


def test_the_sample_is_one_click_away(client_of: ClientOf, owner: User) -> None:
    client = client_of(owner)
    assert 'action="/datasets/sample/"' in client.get("/").content.decode()
    made = client.post("/datasets/sample/")
    dataset = Dataset.objects.get(owner=owner)
    assert made["Location"] == f"/datasets/{dataset.pk}/"
    assert dataset.source == "digits"


def test_too_many_samples_are_refused_in_a_sentence(client_of: ClientOf, owner: User) -> None:
    client = client_of(owner)
    for _click in range(3):
        answer = client.post("/datasets/sample/", follow=True)
    assert "Wait until one of them has arrived" in answer.content.decode()
