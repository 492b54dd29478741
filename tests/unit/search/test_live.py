"""The live page's websocket, spoken to through the whole ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.conf import settings as site
from django.contrib.auth.models import User
from django.test import Client

from nas.events import Event
from search_app import services, tailer
from search_app.models import SearchRun
from search_app.record import record_event
from tests.factories import SearchRunFactory, candidate_json
from tests.sockets import Socket

pytestmark = pytest.mark.django_db(transaction=True)
ORIGIN = "http://localhost:8000"


@pytest.fixture(autouse=True)
def hints_in_memory(settings: Any, storage: object) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    settings.ALLOWED_HOSTS = ["localhost"]


@pytest.fixture
def run(owner: User) -> SearchRun:
    return SearchRunFactory(owner=owner)


@pytest.fixture
async def connect(
    client_of: Callable[[User | None], Client],
) -> AsyncIterator[Callable[..., Any]]:
    """Returns a function that opens a socket as a user; closes all sockets at the end."""
    opened: list[Socket] = []

    async def open_socket(
        user: User | None,
        run_id: object,
        after: object = 0,
        origin: str | None = ORIGIN,
        language: str = "en",
    ) -> Socket | None:
        client = await database_sync_to_async(client_of)(user)
        cookie = client.cookies.get(site.SESSION_COOKIE_NAME)
        text = f"{site.SESSION_COOKIE_NAME}={cookie.value}" if cookie is not None else ""
        text += f"; {site.LANGUAGE_COOKIE_NAME}={language}"
        address = f"/ws/searches/{run_id}/?after={after}"
        socket = Socket(address, text.encode(), origin.encode() if origin is not None else None)
        if not await socket.connect():
            return None
        opened.append(socket)
        return socket

    yield open_socket
    for socket in opened:
        await socket.close()


async def record(run: SearchRun, *texts: str) -> None:
    for text in texts:
        event = Event("log", {"message": text})
        await database_sync_to_async(record_event)(run.pk, event)


async def next_events(socket: Socket, count: int) -> list[int]:
    numbers: list[int] = []
    while len(numbers) < count:
        message = await socket.receive()
        if message["type"] == "event":
            numbers.append(message["seq"])
    return numbers


async def test_what_was_missed_comes_first_and_then_what_happens(
    run: SearchRun, owner: User, connect: Any
) -> None:
    await record(run, "one", "two", "three")
    socket = await connect(owner, run.pk, after=1)
    state = await socket.receive()
    assert (state["type"], state["id"], state["state"]) == ("state", str(run.pk), "QUEUED")
    assert await next_events(socket, 2) == [2, 3]
    await record(run, "four", "five")
    assert await next_events(socket, 2) == [4, 5]


async def test_two_readers_get_each_event_once_and_in_order(
    run: SearchRun, owner: User, connect: Any
) -> None:
    first, second = await connect(owner, run.pk), await connect(owner, run.pk)
    await record(run, *(f"event {number}" for number in range(30)))
    for socket in (first, second):
        assert await next_events(socket, 30) == list(range(1, 31))
    await record(run, "the last")
    for socket in (first, second):
        assert await next_events(socket, 1) == [31]


async def test_each_reader_is_told_in_their_own_language(run: SearchRun, owner: User, connect: Any) -> None:
    german, english = await connect(owner, run.pk, language="de"), await connect(owner, run.pk)
    await record(run, "Every network of the space has been tried.")
    told = {}
    for socket in (german, english):
        while (message := await socket.receive())["type"] != "event":
            pass
        told[socket] = message["payload"]["message"]
    assert told[german] == "Jedes Netz des Raums wurde versucht."
    assert told[english] == "Every network of the space has been tried."


async def test_candidates_arrive_with_their_measurements(run: SearchRun, owner: User, connect: Any) -> None:
    socket = await connect(owner, run.pk)
    event = Event("candidate_finished", {"candidate": candidate_json(0)})
    await database_sync_to_async(record_event)(run.pk, event)
    while (message := await socket.receive())["type"] != "event":
        pass
    assert message["payload"]["candidate"]["metrics"]["accuracy"] == 0.5


async def test_a_change_of_state_arrives_without_an_event(run: SearchRun, owner: User, connect: Any) -> None:
    socket = await connect(owner, run.pk)
    await socket.receive()
    await database_sync_to_async(services.search_run_stop)(run=run)
    message = await socket.receive()
    assert (message["type"], message["state"]) == ("state", "STOPPED")


async def test_events_arrive_without_any_hint(
    run: SearchRun, owner: User, connect: Any, settings: Any
) -> None:
    socket = await connect(owner, run.pk)
    settings.CHANNEL_LAYERS = {}
    await record(run, "unhinted")
    assert await next_events(socket, 1) == [1]


async def test_strangers_and_anonymous_are_refused_before_the_handshake(
    run: SearchRun, stranger: User, connect: Any
) -> None:
    assert await connect(stranger, run.pk) is None
    assert await connect(None, run.pk) is None
    assert await connect(stranger, "00000000-0000-4000-8000-000000000000") is None


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example", "http://localhost.evil.example"])
async def test_foreign_origins_are_refused(
    run: SearchRun, owner: User, connect: Any, origin: str | None
) -> None:
    assert await connect(owner, run.pk, origin=origin) is None


@pytest.mark.parametrize("after", ["-1", "x", "9" * 40, "%00"])
async def test_a_senseless_number_replays_from_the_start(
    run: SearchRun, owner: User, connect: Any, after: str
) -> None:
    await record(run, "one")
    assert await next_events(await connect(owner, run.pk, after=after), 1) == [1]


async def test_a_slow_reader_is_told_to_take_a_snapshot_and_others_miss_nothing() -> None:
    subscription = tailer.Subscription(SearchRunFactory.build(dataset_version=None, owner=None).pk)
    for number in range(tailer.QUEUE_SIZE + 1):
        subscription.offer({"type": "event", "seq": number})
    assert subscription.overflowed
    assert await subscription.next() == {"type": "snapshot_needed"}
    subscription.offer({"type": "event", "seq": 500})
    assert (await subscription.next())["seq"] == 500


async def test_the_tailer_rests_when_nobody_watches(run: SearchRun) -> None:
    watcher = tailer.Tailer()
    subscription = await watcher.subscribe(run.pk)
    before = len(asyncio.all_tasks())
    await watcher.unsubscribe(subscription)
    assert len(asyncio.all_tasks()) < before
