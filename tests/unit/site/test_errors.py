"""Error pages: plain words, a reference that the log has too, and no need of a database."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import path

from automl_site import errors, urls

REFERENCE = re.compile(r"<code>([0-9a-f]{8})</code>")


def broken(request: Any) -> Any:
    raise RuntimeError("a secret of the inside")


def refused(request: Any) -> Any:
    raise PermissionDenied("a secret of the inside")


urlpatterns = [path("broken/", broken), path("refused/", refused), *urls.urlpatterns]
handler403 = "automl_site.errors.forbidden"
handler500 = "automl_site.errors.server_error"


@pytest.fixture(autouse=True)
def addresses(settings: Any) -> None:
    settings.ROOT_URLCONF = __name__


def test_a_fault_of_ours_tells_a_reference_that_the_log_knows(caplog: pytest.LogCaptureFixture) -> None:
    client = Client(raise_request_exception=False)
    answer = client.get("/broken/")  # no database here: this test asks for none
    text = answer.content.decode()
    assert answer.status_code == 500
    assert "secret" not in text
    reference = REFERENCE.findall(text)[0]
    told = next(one for one in caplog.records if one.name == "automl_site.errors")
    assert reference in str(told.msg)
    assert told.exc_info
    assert "a secret of the inside" in str(told.exc_info[1])


def test_the_page_of_a_fault_needs_no_database(rf: Any) -> None:
    client = Client(raise_request_exception=False)
    client.cookies["automl_sessionid"] = "a" * 32  # the session would be looked up, which is refused here
    answer = client.get("/")
    assert answer.status_code == 500
    assert REFERENCE.search(answer.content.decode())


@pytest.mark.django_db
def test_a_refusal_tells_a_reference(
    client_of: Callable[[User | None], Client], owner: User, caplog: pytest.LogCaptureFixture
) -> None:
    answer = client_of(owner).get("/refused/")
    assert answer.status_code == 403
    text = answer.content.decode()
    assert "secret" not in text
    assert REFERENCE.findall(text)[0] in caplog.text


def test_each_fault_has_its_own_reference(rf: Any) -> None:
    answers = [errors.server_error(rf.get("/")).content.decode() for _ in range(2)]
    assert REFERENCE.findall(answers[0]) != REFERENCE.findall(answers[1])
