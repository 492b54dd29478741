"""Every websocket address as nobody, owner and stranger, through the real ASGI application."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from django.test import Client

from search_app.routing import websocket_urlpatterns
from tests.authorisation import World, build_world
from tests.sockets import ORIGIN, Socket

# Every websocket address and the parameters it takes; the owner alone may connect.
OWNERS_ONLY = {"ws/searches/<uuid:run_id>/"}

FOREIGN_ORIGINS = (
    b"http://evil.example",
    b"null",
    b"http://localhost.evil.example",
    b"http://evillocalhost",
)


@pytest.fixture(autouse=True)
def hints_in_memory(settings: Any) -> None:
    """The site's layer needs a server; the one inside the process carries the same hints."""
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


@pytest.fixture
def world(transactional_db: None, owner: User, storage: Path, tmp_path: Path) -> World:
    return build_world(owner, tmp_path)


def cookie_of(client: Client) -> bytes:
    return "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items()).encode()


async def refused(path: str, cookie: bytes, origin: bytes | None = ORIGIN) -> bool:
    socket = Socket(path, cookie, origin)
    accepted = await socket.connect()
    await socket.close()
    return not accepted


def paths(ids: dict[str, str]) -> list[str]:
    return ["/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda m: ids[m[1]], route) for route in sorted(OWNERS_ONLY)]


def test_every_websocket_address_has_a_rule() -> None:
    assert {str(entry.pattern) for entry in websocket_urlpatterns} == OWNERS_ONLY


async def test_only_the_owner_gets_in(world: World, owner: User, stranger: User, client_of: Any) -> None:
    make = database_sync_to_async(lambda user: cookie_of(client_of(user)))
    owners, strangers = await make(owner), await make(stranger)
    for path in paths(world.ids):
        assert await refused(path, b"")
        assert await refused(path, b"automl_sessionid=invented")
        assert await refused(path, strangers)
        assert not await refused(path, owners)
        for origin in FOREIGN_ORIGINS:  # another site's page in the owner's own browser
            assert await refused(path, owners, origin)
    for path in paths({name: str(uuid.uuid4()) for name in world.ids}):
        assert await refused(path, owners)


async def test_owner_hears_the_state_and_every_event_once(world: World, owner: User, client_of: Any) -> None:
    cookie = await database_sync_to_async(lambda: cookie_of(client_of(owner)))()
    (path,) = paths(world.ids)
    socket = Socket(f"{path}?after=1", cookie)
    assert await socket.connect()
    state = await socket.receive()
    assert (state["type"], state["id"]) == ("state", world.ids["run_id"])
    seqs = [(await socket.receive())["seq"] for _ in range(world.n_events - 1)]
    assert seqs == list(range(2, world.n_events + 1))
    await socket.close()
