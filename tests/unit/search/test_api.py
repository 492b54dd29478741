"""The JSON API of searches: answers, refusals in one sentence, safe downloads."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from nas.events import Event
from search_app.models import SearchRun
from search_app.record import record_event
from tests.factories import DatasetVersionFactory, SearchRunFactory, TrainedModelFactory, make_candidate

BASE = "/api/v1/searches"
State = SearchRun.State


@pytest.fixture
def client(owner: User, client_of: Callable[[User | None], Client]) -> Client:
    return client_of(owner)


@pytest.fixture
def run(owner: User) -> SearchRun:
    return SearchRunFactory(owner=owner)


def post(client: Client, address: str, data: object = None) -> Any:
    return client.post(address, json.dumps(data or {}), content_type="application/json")


def test_a_search_is_started_listed_and_stopped(client: Client, owner: User) -> None:
    dataset = DatasetVersionFactory(dataset__owner=owner).dataset
    answer = post(client, BASE, {"dataset_id": str(dataset.pk), "minutes": 5, "goal": "speed"})
    assert answer.status_code == 201
    made = answer.json()
    assert (made["state"], made["goal"], made["queue_position"]) == ("QUEUED", "speed", 1)
    assert [one["id"] for one in client.get(BASE).json()["items"]] == [made["id"]]
    stopped = post(client, f"{BASE}/{made['id']}/stop")
    assert (stopped.status_code, stopped.json()["state"]) == (202, "STOPPED")
    assert post(client, f"{BASE}/{made['id']}/resume").json()["state"] == "QUEUED"
    assert client.delete(f"{BASE}/{made['id']}").status_code == 204
    assert client.get(BASE).json() == {"items": [], "total": 0, "next": None}


def test_a_search_takes_evaluator_and_reward(client: Client, owner: User) -> None:
    dataset = DatasetVersionFactory(dataset__owner=owner).dataset
    chosen = {"evaluator": "halving", "precision": "int8", "reward": "soft"}
    made = post(client, BASE, {"dataset_id": str(dataset.pk), "minutes": 5, **chosen}).json()
    shown = client.get(f"{BASE}/{made['id']}").json()
    assert {name: shown[name] for name in chosen} == chosen


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"minutes": -1}, "minutes"),
        ({"minutes": "soon"}, "minutes"),
        ({"goal": "<script>"}, "goal"),
        ({"seed": 2**40}, "seed"),
        ({"reward": "praise"}, "reward"),
        ({"evaluator": "oracle"}, "evaluator"),
        ({"precision": "int3"}, "precision"),
        ({"evaluator": "proxy", "space": "lite-elastic"}, "trained from scratch"),
        ({"dataset_id": "x"}, "dataset_id"),
        ({"name": "x" * 2000}, "name"),
    ],
)
def test_input_that_cannot_be_used_is_answered_with_a_sentence(
    client: Client, owner: User, changes: dict[str, object], word: str
) -> None:
    dataset = DatasetVersionFactory(dataset__owner=owner).dataset
    answer = post(client, BASE, {"dataset_id": str(dataset.pk), "minutes": 5, **changes})
    assert answer.status_code == 422
    detail = answer.json()["detail"]
    assert isinstance(detail, str)
    assert word in detail
    assert detail.endswith(".")


def test_missing_and_foreign_searches_are_answered_alike(
    run: SearchRun, stranger: User, client_of: Callable[[User], Client]
) -> None:
    other = client_of(stranger)
    foreign = other.get(f"{BASE}/{run.pk}")
    missing = other.get(f"{BASE}/00000000-0000-4000-8000-000000000000")
    assert foreign.status_code == missing.status_code == 404
    assert foreign.content == missing.content


def test_a_form_of_another_site_changes_nothing(run: SearchRun, owner: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner, backend="django.contrib.auth.backends.ModelBackend")
    assert post(client, f"{BASE}/{run.pk}/stop").status_code == 403
    run.refresh_from_db()
    assert run.state == State.QUEUED


def test_nobody_is_asked_to_sign_in(run: SearchRun, client_of: Callable[[None], Client]) -> None:
    answer = client_of(None).get(f"{BASE}/{run.pk}")
    assert answer.status_code == 401
    assert "Sign in" in answer.json()["detail"]


def test_events_come_in_pages(run: SearchRun, client: Client) -> None:
    for number in range(5):
        record_event(run.pk, Event("log", {"message": str(number)}))
    page = client.get(f"{BASE}/{run.pk}/events", {"after": 1, "limit": 2}).json()
    assert [event["seq"] for event in page["items"]] == [2, 3]
    assert page["last_seq"] == 5
    assert client.get(f"{BASE}/{run.pk}/events", {"after": 10**30}).status_code == 422


def test_candidates_and_chart_name_the_front(run: SearchRun, client: Client) -> None:
    for number in range(3):
        make_candidate(run, number)
    make_candidate(run, 3, status="failed", metrics=None, error="It diverged.")
    answer = client.get(f"{BASE}/{run.pk}/candidates").json()
    assert [one["number"] for one in answer["items"]] == [0, 1, 2, 3]
    assert set(answer["front"]) == {0, 1, 2}
    chart = client.get(f"{BASE}/{run.pk}/chart").json()
    assert [point["number"] for point in chart["points"]] == [0, 1, 2]


def test_models_are_downloaded_as_attachments_and_as_one_zip(run: SearchRun, client: Client) -> None:
    model = TrainedModelFactory(run=run, files=[{"name": "model.onnx", "bytes": 4}])
    directory = run.workdir / model.directory
    directory.mkdir(parents=True)
    (directory / "model.onnx").write_bytes(b"onnx")
    (listed,) = client.get(f"{BASE}/{run.pk}/models").json()["items"]
    answer = client.get(listed["files"][0]["url"])
    assert b"".join(answer) == b"onnx"
    assert answer["Content-Disposition"] == 'attachment; filename="first-model.onnx"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Length"] == "4"
    with zipfile.ZipFile(io.BytesIO(b"".join(client.get(listed["bundle"])))) as bundle:
        assert bundle.read("model.onnx") == b"onnx"
    assert client.get(f"{BASE}/{run.pk}/models/{model.pk}/files/other.txt").status_code == 404


def test_the_report_is_shown_in_a_sandbox(run: SearchRun, client: Client) -> None:
    assert client.get(f"{BASE}/{run.pk}/report.html").status_code == 404
    run.workdir.mkdir(parents=True)
    (run.workdir / "report.html").write_text("<h1>Report</h1>")
    answer = client.get(f"{BASE}/{run.pk}/report.html")
    policy = answer["Content-Security-Policy"]
    assert policy.startswith("sandbox ")
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy


def test_an_export_needs_weights(run: SearchRun, client: Client) -> None:
    make_candidate(run, 0, weights=None)
    answer = post(client, f"{BASE}/{run.pk}/candidates/0/export")
    assert answer.status_code == 422
    assert "no saved weights" in answer.json()["detail"]
    for number in (1, 2**40):
        assert post(client, f"{BASE}/{run.pk}/candidates/{number}/export").status_code == 404


def test_the_api_describes_itself(client: Client) -> None:
    paths = client.get("/api/v1/openapi.json").json()["paths"]
    assert "/api/v1/searches/{run_id}/events" in paths
