"""Pages ask the database a fixed number of questions, however full it is."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests import factories, full_house

QUERIES = {
    "/": 7,
    "/searches/": 5,
    "/searches/new/": 8,
    "/searches/{running}/": 4,
    "/searches/{finished}/result/": 11,
    "/datasets/": 6,
    "/datasets/{dataset}/": 14,
    "/devices/": 3,
}
"""Address -> questions, those of session and user among them."""


def _asked(owner: User, house: full_house.House) -> dict[str, int]:
    client = Client()
    client.force_login(owner, backend="django.contrib.auth.backends.ModelBackend")
    ids = {name: str(getattr(house, name).pk) for name in ("dataset", "running", "finished")}
    asked = {}
    for address in QUERIES:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address.format(**ids)).status_code == 200
        asked[address] = len(queries)
    return asked


@pytest.mark.django_db
def test_the_number_of_questions_is_known_and_does_not_grow() -> None:
    small, large = factories.UserFactory(), factories.UserFactory()
    few = full_house.build(small, datasets=2, runs=2, candidates=8, largest=8)
    many = full_house.build(large, datasets=40, runs=30, candidates=900, largest=300)
    asked = _asked(large, many)
    assert _asked(small, few) == asked
    assert asked == QUERIES
