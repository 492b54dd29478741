"""The whole description, asked with what fits it and what does not: no 5xx, and every answer as described.

    API_EXAMPLES=200 pytest tests/unit/api/test_contract.py

is the long run, before a release; without the variable each operation is asked a few times.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.contrib.auth.models import User
from django.core.wsgi import get_wsgi_application
from django.db import transaction
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as bounds
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from automl_site.api import api
from search_app import tasks
from search_app.tokens import SCOPES, token_create
from tests.authorisation import World, living_world

EXAMPLES = int(os.environ.get("API_EXAMPLES", "2"))
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
SITE = get_wsgi_application()
BOUNDS = bounds(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=EXAMPLES < 100,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Iterator[World]:
    with django_db_blocker.unblock(), living_world(tmp_path_factory.mktemp("world")) as built:
        yield built


@pytest.fixture(autouse=True)
def storage_of_the_world(
    world: World, settings: Any, storage: Path, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.STORAGE_DIR = world.storage
    settings.API_RATE = 1_000_000
    # Without a broker an export is 503, which the checks take for an error of the server.
    monkeypatch.setattr(tasks.export_trained_model, "delay", lambda *_values: None)


def header_of(user: User) -> dict[str, str]:
    text = token_create(owner=user, name="contract", scopes=list(SCOPES))[1]
    # Plain: the client below unpacks nothing, and words of others could hide in what is packed.
    return {"Authorization": f"Bearer {text}", "Accept-Encoding": "identity"}


def operations() -> list[Any]:
    told = json.loads(json.dumps(api.get_openapi_schema()))  # as it travels
    schema = schemathesis.openapi.from_dict(told)
    return [found.ok() for found in schema.get_all_operations()]


def ask(
    operation: Any, mode: GenerationMode, world: World, headers: dict[str, str], secrets: Any = ()
) -> None:
    """Sends examples to the owner's things; each is taken back."""
    names = [parameter.name for parameter in operation.path_parameters]
    ids = {name: world.ids[name] for name in names}

    @BOUNDS
    @given(case=operation.as_strategy(mode, path_parameters=ids))
    def each(case: Any) -> None:
        with transaction.atomic():
            response = case.call(headers=headers, app=SITE)
            transaction.set_rollback(True)
        case.validate_response(response, checks=CHECKS)
        told = response.content.decode("utf-8", "replace")
        assert not [secret for secret in secrets if secret in told]

    each()


def test_answers_to_what_fits_are_as_described(world: World, subtests: pytest.Subtests) -> None:
    headers = header_of(User.objects.get(username="owner"))
    for operation in operations():
        with subtests.test(operation.label):
            ask(operation, GenerationMode.POSITIVE, world, headers)


def test_answers_to_what_does_not_fit_are_problems(world: World, subtests: pytest.Subtests) -> None:
    headers = header_of(User.objects.get(username="owner"))
    for operation in operations():
        if operation.body or operation.query:
            with subtests.test(operation.label):
                ask(operation, GenerationMode.NEGATIVE, world, headers)


def test_a_stranger_learns_nothing(world: World, stranger: User, subtests: pytest.Subtests) -> None:
    headers = header_of(stranger)
    for operation in operations():
        with subtests.test(operation.label):
            ask(operation, GenerationMode.POSITIVE, world, headers, world.secrets)
    assert world.fingerprint() == world.built
