"""The demo's live follower against a real websocket server that behaves badly."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from websockets.sync.server import ServerConnection, serve

from automl_site.demo.errors import DemoError
from automl_site.demo.live import LiveSearch

Script = Callable[[ServerConnection, int, int], None]


def event(seq: int) -> dict[str, Any]:
    return {"type": "event", "seq": seq, "kind": "log", "payload": {"message": str(seq)}}


def send(socket: ServerConnection, *messages: dict[str, Any]) -> None:
    for message in messages:
        socket.send(json.dumps(message))


@contextmanager
def server(script: Script) -> Iterator[tuple[str, list[ServerConnection]]]:
    """Serves `script(socket, after, number of the connection)`."""
    connections: list[ServerConnection] = []

    def handle(socket: ServerConnection) -> None:
        connections.append(socket)
        after = int(parse_qs(urlsplit(socket.request.path).query)["after"][0])
        script(socket, after, len(connections))

    with serve(handle, "127.0.0.1", 0) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.socket.getsockname()[1]}", connections
        finally:
            running.shutdown()
            thread.join()


def follow(base_url: str, fetch: Callable[[int], list[dict[str, Any]]] = lambda after: []) -> list[int]:
    live = LiveSearch(base_url, "sessionid=abc", "some-id", fetch)
    return [m["seq"] for m in live.messages(time.monotonic() + 20) if m["type"] == "event"]


def test_dropped_connection_is_resumed_from_the_last_seq() -> None:
    asked: list[int] = []

    def script(socket: ServerConnection, after: int, number: int) -> None:
        asked.append(after)
        if number == 1:
            send(socket, event(1), event(2), event(3))
            return  # the server goes away in the middle
        send(
            socket,
            *(event(seq) for seq in range(after + 1, 6)),
            {"type": "state", "state": "DONE", "last_seq": 5},
        )
        time.sleep(0.1)

    with server(script) as (url, connections):
        assert follow(url) == [1, 2, 3, 4, 5]
        assert asked == [0, 3]
        request = connections[0].request
        assert request is not None
        assert request.headers["Origin"] == url
        assert request.headers["Cookie"] == "sessionid=abc"


def test_events_that_arrive_twice_are_told_once() -> None:
    def script(socket: ServerConnection, after: int, number: int) -> None:
        send(socket, event(1), event(2), event(1), event(2), event(3))
        send(socket, {"type": "state", "state": "DONE", "last_seq": 3})

    with server(script) as (url, _):
        assert follow(url) == [1, 2, 3]


def test_gap_makes_it_ask_again() -> None:
    def script(socket: ServerConnection, after: int, number: int) -> None:
        first = 2 if number == 1 else after + 1
        send(socket, *(event(seq) for seq in range(first, 4)))
        send(socket, {"type": "state", "state": "DONE", "last_seq": 3})

    with server(script) as (url, connections):
        assert follow(url) == [1, 2, 3]
        assert len(connections) == 2


def test_overflow_is_filled_from_the_api() -> None:
    def script(socket: ServerConnection, after: int, number: int) -> None:
        send(socket, event(1), {"type": "snapshot_needed"}, event(4))
        send(socket, {"type": "state", "state": "STOPPED", "last_seq": 4})

    with server(script) as (url, _):
        assert follow(url, lambda after: [event(seq) for seq in (2, 3)] if after == 1 else []) == [1, 2, 3, 4]


def test_events_after_the_final_state_are_waited_for() -> None:
    def script(socket: ServerConnection, after: int, number: int) -> None:
        send(socket, event(1), {"type": "state", "state": "DONE", "last_seq": 2}, event(2))

    with server(script) as (url, _):
        assert follow(url) == [1, 2]


def test_nobody_listening_ends_in_a_sentence() -> None:
    live = LiveSearch("http://127.0.0.1:9", "", "id", lambda after: [], patience=0.6)
    with pytest.raises(DemoError, match="did not come back"):
        list(live.messages(time.monotonic() + 20))
