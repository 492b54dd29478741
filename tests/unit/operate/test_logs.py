"""What the lines of the log say about the work at hand."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from django.contrib.auth.models import User
from django.test import Client

from automl_site.logs import configure_logs, process_line
from search_app import runner
from tests import factories


@pytest.fixture
def lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Switches to JSON for one test and returns a function that reads what was written."""
    configure_logs("INFO", "json")
    written = io.StringIO()
    handler = logging.getLogger().handlers[-1]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(written)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    configure_logs("INFO")


@pytest.mark.django_db(transaction=True)
def test_a_line_of_a_request_names_user_run_and_request(
    client_of: Callable[[User], Client], lines: Any
) -> None:
    run = factories.SearchRunFactory(state="RUNNING", name="new\nline")
    client_of(run.owner).post(f"/api/v1/searches/{run.pk}/stop")  # no broker runs here, and the log says so
    said = [line for line in lines() if line["message"].startswith("the broker does not answer")]
    assert said
    assert said[0]["user"] == run.owner.pk
    assert said[0]["run"] == str(run.pk)[:8]
    assert len(said[0]["request"]) == 8
    assert said[0]["level"] == "warning"
    assert said[0]["timestamp"].endswith("Z")


def test_after_the_request_nothing_of_it_is_left(
    owner: User, client_of: Callable[[User], Client], lines: Any
) -> None:
    client_of(owner).get("/")
    structlog.get_logger("test").warning("later")
    (line,) = [line for line in lines() if line["message"] == "later"]
    assert not {"user", "request"} & line.keys()


def test_a_request_without_a_line_asks_nothing(db: None, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert Client().get("/livez").status_code == 200


def test_lines_of_a_slice_name_run_and_owner(owner: User, lines: Any) -> None:
    run = factories.SearchRunFactory(owner=owner)
    before = structlog.contextvars.get_contextvars()

    def failing(*_: Any) -> Any:
        raise RuntimeError("no memory")

    runner.run_slice(run.pk, engine=failing)
    (line,) = [line for line in lines() if line["message"] == "the slice broke off"]
    assert line["run"] == str(run.pk)[:8]
    assert line["user"] == owner.pk
    assert "RuntimeError: no memory" in line["exception"]
    assert structlog.contextvars.get_contextvars() == before


def test_lines_of_children_are_one_json_object_each() -> None:
    assert json.loads(process_line("web", '{"message": "hello", "level": "info"}', "json")) == {
        "process": "web",
        "message": "hello",
        "level": "info",
    }
    assert json.loads(process_line("broker", "3:M ready", "json")) == {
        "process": "broker",
        "message": "3:M ready",
    }
    assert process_line("web", "hello", "text") == "web         | hello"
