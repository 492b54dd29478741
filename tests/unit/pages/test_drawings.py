"""The address of a network's drawing: whose it is, how long it is kept, and that it is harmless."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.test.utils import CaptureQueriesContext

from nas.architecture import Architecture, TimmArchitecture, architecture_to_json
from nas.report.picture import picture
from nas.spaces import make_space
from nas.spaces.lite import lite0_architecture
from search_app.models import SearchRun
from tests import factories

HOSTILE = '"><script>alert("x")</script>'
ClientOf = Callable[[User | None], Client]
SVG = "{http://www.w3.org/2000/svg}"


def sampled(space_name: str) -> Architecture:
    space = make_space(space_name)
    return space.decode(space.sample(random.Random(0)))


@pytest.fixture
def run(owner: User) -> SearchRun:
    made: SearchRun = factories.SearchRunFactory(owner=owner)
    factories.make_candidate(made, 0, label=HOSTILE)
    return made


def address(run: SearchRun, number: int = 0, query: str = "") -> str:
    return f"/searches/{run.id}/candidates/{number}/drawing.svg{query}"


def test_the_owner_gets_a_picture_that_is_kept_and_runs_nothing(
    client_of: ClientOf, owner: User, run: SearchRun, django_assert_num_queries: Any
) -> None:
    client = client_of(owner)
    with django_assert_num_queries(4) as queries:  # session, user, run, candidate
        answer = client.get(address(run))
    assert isinstance(queries, CaptureQueriesContext)
    assert answer.headers["Content-Type"] == "image/svg+xml; charset=utf-8"
    assert "immutable" in answer.headers["Cache-Control"] and "private" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    root = ElementTree.fromstring(answer.content)  # noqa: S314 - made here
    assert root.tag == f"{SVG}svg" and not list(root.iter(f"{SVG}script"))
    again = client.get(address(run), headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304 and not again.content


def test_the_card_is_smaller_and_a_theme_takes_its_colour(
    client_of: ClientOf, owner: User, run: SearchRun
) -> None:
    client = client_of(owner)
    page, card, dark = (client.get(address(run, 0, query)) for query in ("", "?size=card", "?theme=dark"))
    assert len({answer.headers["ETag"] for answer in (page, card, dark)}) == 3
    roots = [ElementTree.fromstring(answer.content) for answer in (page, card, dark)]  # noqa: S314
    assert [root.attrib["width"] for root in roots] == ["720", "320", "720"]
    assert b"prefers-color-scheme:dark" in page.content
    assert b"prefers-color-scheme" not in dark.content and roots[2].attrib["color"] == "#e6e9ec"
    nonsense = client.get(address(run, 0, "?size=%3Cscript%3E&theme=1"))
    assert nonsense.content == page.content


def test_others_and_missing_ones_are_404(
    client_of: ClientOf, owner: User, stranger: User, run: SearchRun
) -> None:
    assert client_of(stranger).get(address(run)).status_code == 404
    assert client_of(owner).get(address(run, 1)).status_code == 404
    assert client_of(owner).get(address(run, 2**40)).status_code == 404
    assert client_of(owner).post(address(run)).status_code == 405


@pytest.mark.parametrize("size", ["page", "card"])
@pytest.mark.parametrize(
    "architecture",
    [lite0_architecture(224), sampled("cell"), sampled("nasbench201"), TimmArchitecture(96, HOSTILE)],
    ids=["blocks", "darts", "nasbench201", "timm"],
)
def test_every_kind_of_network_has_a_picture_within_its_frame(architecture: Architecture, size: Any) -> None:
    drawn = picture(architecture, title=HOSTILE, size=size)
    root = ElementTree.fromstring(drawn)  # noqa: S314 - made here
    assert "<script" not in drawn
    width, height = (float(value) for value in root.attrib["viewBox"].split()[2:])
    for node in [*root.findall(f"{SVG}rect"), *root.findall(f"{SVG}svg")]:
        at = {name: float(node.attrib.get(name, 0)) for name in ("x", "y", "width", "height")}
        assert at["x"] + at["width"] <= width + 0.1 and at["y"] + at["height"] <= height + 0.1
    assert size == "page" or width <= 320


def test_a_row_of_any_kind_is_served(client_of: ClientOf, owner: User, run: SearchRun) -> None:
    for number, architecture in enumerate((sampled("cell"), TimmArchitecture(96, "resnet18")), start=1):
        factories.make_candidate(run, number, architecture=architecture_to_json(architecture))
        assert client_of(owner).get(address(run, number, "?size=card")).status_code == 200
