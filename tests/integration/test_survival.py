"""A search outlives its worker: nothing is lost, nothing is done twice, on both kinds of installation."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.images import photo_zip
from tests.integration.stack import STACKS, Person, Stack, wait_for

ON_AGAIN_SECONDS = 30
ENDED = {"DONE", "STOPPED", "FAILED"}


@pytest.fixture(scope="module", params=["embedded", "grown_up"])
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    with STACKS[request.param](AUTOML_SLICE_SECONDS="20") as started:
        yield started


@pytest.fixture(scope="module")
def person(stack: Stack) -> Iterator[Person]:
    with Person(stack) as signed_in:
        yield signed_in


@pytest.fixture(scope="module")
def dataset(person: Person, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    archive = photo_zip(tmp_path_factory.mktemp("images") / "photos.zip", n_per_class=30, size=64)
    found = person.upload(archive)
    assert found["state"] == "READY", found
    return found


def start(person: Person, dataset: dict[str, Any], minutes: float) -> str:
    options = {"dataset_id": dataset["id"], "minutes": minutes, "baselines": False}
    return str(person.call("POST", "/searches", json=options)["id"])


def run_of(person: Person, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = person.call("GET", f"/searches/{run_id}")
    return found


def open_socket(stack: Stack, cookies: str, run_id: str, after: int) -> ClientConnection:
    address = f"{stack.base_url.replace('http', 'ws')}/ws/searches/{run_id}/?after={after}"
    return connect(
        address,
        additional_headers={"Cookie": cookies},
        origin=stack.base_url,
        proxy=None,  # type: ignore[arg-type]
    )


def read_numbers(socket: ClientConnection, until: int) -> list[int]:
    numbers: list[int] = []
    while not numbers or numbers[-1] < until:
        message = json.loads(socket.recv(timeout=30))
        if message["type"] == "event":
            numbers.append(message["seq"])
    return numbers


def check_books(person: Person, run_id: str) -> None:
    """Every event and every candidate once, counted without gaps."""
    events = person.events(run_id)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    finished = [
        event["payload"]["candidate"]["number"] for event in events if event["kind"] == "candidate_finished"
    ]
    assert finished == list(range(len(finished)))
    listed = person.call("GET", f"/searches/{run_id}/candidates")["items"]
    assert [candidate["number"] for candidate in listed] == finished


def export_another(person: Person, run_id: str) -> None:
    """Exports a candidate that the run itself left alone, if there is one."""
    models = person.call("GET", f"/searches/{run_id}/models")["items"]
    exported = {model["candidate"] for model in models}
    candidates = person.call("GET", f"/searches/{run_id}/candidates")["items"]
    free = [one["number"] for one in candidates if one["weights"] and one["number"] not in exported]
    assert free, "every candidate was exported already"
    person.call("POST", f"/searches/{run_id}/candidates/{free[0]}/export")

    def added() -> bool:
        now = person.call("GET", f"/searches/{run_id}/models")["items"]
        return free[0] in {model["candidate"] for model in now}

    wait_for(added, 90, "the export did not appear")
    check_books(person, run_id)


def test_a_killed_worker_is_replaced_and_every_candidate_exists_once(
    stack: Stack, person: Person, dataset: dict[str, Any]
) -> None:
    run_id = start(person, dataset, minutes=1.5)
    wait_for(lambda: run_of(person, run_id)["n_candidates"] >= 2, 150, "no two candidates appeared")
    with open_socket(stack, person.cookie_header(), run_id, 0) as socket:
        seen = read_numbers(socket, run_of(person, run_id)["last_seq"])

    old = stack.search_worker()
    assert old is not None
    os.killpg(old, signal.SIGKILL)  # parent and child at once, as an out-of-memory killer or a power cut does
    before = run_of(person, run_id)["last_seq"]
    wait_for(lambda: stack.search_worker() not in {None, old}, 30, "no new worker was started")
    restarted = time.monotonic()
    wait_for(lambda: run_of(person, run_id)["last_seq"] > before, ON_AGAIN_SECONDS, "the run did not go on")
    print(f"went on {time.monotonic() - restarted:.1f} s after the new worker's start")  # noqa: T201

    last = run_of(person, run_id)["last_seq"]
    with open_socket(stack, person.cookie_header(), run_id, seen[-1]) as socket:
        missed = read_numbers(socket, last)
    assert seen + missed == list(range(1, missed[-1] + 1)), "a browser that comes back gets what it missed"

    wait_for(lambda: run_of(person, run_id)["state"] in ENDED, 180, "the run did not end")
    run = run_of(person, run_id)
    assert run["state"] == "DONE", run
    check_books(person, run_id)
    assert person.call("GET", f"/searches/{run_id}/models")["items"], (
        "a finished search has a model to download"
    )
    export_another(person, run_id)


def test_stopping_keeps_the_results(person: Person, dataset: dict[str, Any], tmp_path: Path) -> None:
    run_id = start(person, dataset, minutes=2)
    wait_for(lambda: run_of(person, run_id)["n_candidates"] >= 2, 150, "no two candidates appeared")
    person.call("POST", f"/searches/{run_id}/stop")
    wait_for(lambda: run_of(person, run_id)["state"] == "STOPPED", 90, "the run did not stop")
    check_books(person, run_id)
    model = person.call("GET", f"/searches/{run_id}/models")["items"][-1]
    names = {entry["name"] for entry in model["files"]}
    assert {"model.onnx", "labels.json"} <= names
    for entry in model["files"]:
        assert len(person.get(entry["url"]).content) == entry["bytes"]


def test_a_waiting_search_stops_at_once(person: Person, dataset: dict[str, Any]) -> None:
    busy = start(person, dataset, minutes=10)
    wait_for(lambda: run_of(person, busy)["state"] == "RUNNING", 60, "the first run did not start")
    waiting = start(person, dataset, minutes=10)
    answer = person.call("POST", f"/searches/{waiting}/stop")
    assert answer["state"] == "STOPPED"
    person.call("POST", f"/searches/{busy}/stop")
    wait_for(lambda: run_of(person, busy)["state"] in ENDED, 90, "the first run did not stop")
    assert run_of(person, waiting)["n_candidates"] == 0


def test_a_socket_without_a_session_is_refused(stack: Stack, person: Person, dataset: dict[str, Any]) -> None:
    run_id = start(person, dataset, minutes=1)
    person.call("POST", f"/searches/{run_id}/stop")
    with pytest.raises(InvalidStatus) as refusal:
        open_socket(stack, "", run_id, 0)
    assert refusal.value.response.status_code == 403
