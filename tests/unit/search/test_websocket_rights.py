"""A live page's socket ends as soon as its reader may no longer listen, and takes only what it needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from channels.db import database_sync_to_async
from django.conf import settings as site
from django.contrib.auth.models import User
from django.test import Client

from datasets_app import sharing, teams
from datasets_app.models import Membership, Role, Team
from search_app import consumers
from search_app.models import SearchRun
from search_app.publish import publish_recheck
from tests.factories import SearchRunFactory
from tests.sockets import Socket

pytestmark = pytest.mark.django_db(transaction=True)
ClientOf = Callable[[User | None], Client]
in_thread = database_sync_to_async


@pytest.fixture(autouse=True)
def hints_in_memory(settings: Any, storage: object) -> None:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    settings.ALLOWED_HOSTS = ["localhost"]


@pytest.fixture
def run(owner: User) -> SearchRun:
    return SearchRunFactory(owner=owner)


@pytest.fixture
def team(run: SearchRun, owner: User, teammate: User) -> Team:
    """The owner's team, which sees the run; the teammate is a viewer."""
    team = teams.team_create(user=owner, name="Otters")
    Membership.objects.create(team=team, user=teammate, role=Role.VIEWER)
    for thing in (run.dataset_version.dataset, run):
        sharing.share(thing=thing, team=team, user=owner)
    return team


def cookie_of(client: Client) -> bytes:
    return f"{site.SESSION_COOKIE_NAME}={client.cookies[site.SESSION_COOKIE_NAME].value}".encode()


async def listen(client: Client, run: SearchRun) -> Socket | None:
    socket = Socket(f"/ws/searches/{run.pk}/", cookie_of(client))
    return socket if await socket.connect() else None


async def closed(socket: Socket) -> int:
    """Reads until the application closes; returns its code."""
    while True:
        message = await socket._application.receive_output(timeout=5)
        if message["type"] == "websocket.close":
            return int(message["code"])


async def test_a_viewer_hears_and_a_removed_member_does_not(
    run: SearchRun, team: Team, teammate: User, owner: User, client_of: ClientOf
) -> None:
    mine, theirs = await in_thread(client_of)(owner), await in_thread(client_of)(teammate)
    socket = await listen(theirs, run)
    assert socket is not None
    assert (await socket.receive())["type"] == "state"
    member = await in_thread(Membership.objects.get)(user=teammate)
    values = {"action": "remove", "member": member.pk}
    answer = await in_thread(mine.post)(f"/teams/{team.pk}/", values, headers={"Host": "localhost"})
    assert answer.status_code == 302
    assert await closed(socket) == consumers.NOT_FOUND
    assert await listen(theirs, run) is None


@pytest.mark.parametrize("what", ["dataset", "search"])
async def test_ended_sharing_ends_the_socket(
    run: SearchRun, team: Team, teammate: User, owner: User, client_of: ClientOf, what: str
) -> None:
    mine, theirs = await in_thread(client_of)(owner), await in_thread(client_of)(teammate)
    socket = await listen(theirs, run)
    assert socket is not None
    await socket.receive()
    key = run.pk if what == "search" else run.dataset_version.dataset_id
    answer = await in_thread(mine.post)(f"/share/{what}/{key}/", {"team": ""}, headers={"Host": "localhost"})
    assert answer.status_code == 302
    assert await closed(socket) == consumers.NOT_FOUND


@pytest.mark.parametrize("end", ["sign out", "new password", "deactivated"])
async def test_an_ended_session_ends_its_sockets_and_no_others(
    run: SearchRun, owner: User, client_of: ClientOf, end: str
) -> None:
    first, second = await in_thread(client_of)(owner), await in_thread(client_of)(owner)
    ended, other = await listen(first, run), await listen(second, run)
    assert ended is not None and other is not None
    for socket in (ended, other):
        await socket.receive()
    if end == "sign out":
        await in_thread(first.post)("/accounts/logout/", headers={"Host": "localhost"})
    elif end == "new password":
        new = {
            "oldpassword": "correct horse battery",
            "password1": "quiet otter 77",
            "password2": "quiet otter 77",
        }
        await in_thread(second.post)("/accounts/password/change/", new, headers={"Host": "localhost"})
    else:
        owner.is_active = False
        await in_thread(owner.save)()
    assert await closed(ended) == consumers.NOT_FOUND
    if end == "sign out":
        assert await other._application.receive_nothing(0.3)
    await other.close()


async def test_a_lost_hint_costs_no_more_than_the_regular_look(
    run: SearchRun, owner: User, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert consumers.RECHECK_SECONDS <= 60
    monkeypatch.setattr(consumers, "RECHECK_SECONDS", 0.2)
    client = await in_thread(client_of)(owner)
    socket = await listen(client, run)
    assert socket is not None
    await socket.receive()
    await in_thread(User.objects.filter(pk=owner.pk).update)(is_active=False)  # by no signal
    assert await closed(socket) == consumers.NOT_FOUND


async def test_a_hint_for_somebody_else_leaves_a_socket_alone(
    run: SearchRun, owner: User, stranger: User, client_of: ClientOf
) -> None:
    socket = await listen(await in_thread(client_of)(owner), run)
    assert socket is not None
    await socket.receive()
    for user_id in (stranger.pk, owner.pk, None):
        await in_thread(publish_recheck)(user_id)
    assert await socket._application.receive_nothing(0.3)
    await socket.close()


async def test_large_frames_end_the_socket_and_small_ones_do_not(
    run: SearchRun, owner: User, client_of: ClientOf
) -> None:
    socket = await listen(await in_thread(client_of)(owner), run)
    assert socket is not None
    await socket.receive()
    await socket._application.send_input({"type": "websocket.receive", "text": "x" * 4096})
    assert await socket._application.receive_nothing(0.2)
    await socket._application.send_input({"type": "websocket.receive", "text": "é" * 2100})  # 4,200 bytes
    assert await closed(socket) == 1009


async def test_twenty_sockets_of_one_person_are_enough(
    run: SearchRun, owner: User, client_of: ClientOf
) -> None:
    client = await in_thread(client_of)(owner)
    sockets = [await listen(client, run) for _ in range(site.SOCKETS_PER_USER)]
    assert all(sockets)
    assert await listen(client, run) is None
    for socket in sockets:
        assert socket is not None
        await socket.close()
    again = await listen(client, run)
    assert again is not None
    await again.close()


@pytest.mark.parametrize(
    "origin",
    [
        b"http://evil.example",
        b"null",
        None,
        b"http://localhost.evil.example",
        b"http://evillocalhost",
        b"localhost",
    ],
)
async def test_only_the_sites_own_pages_listen(
    run: SearchRun, owner: User, client_of: ClientOf, origin: bytes | None
) -> None:
    cookie = cookie_of(await in_thread(client_of)(owner))
    assert not await Socket(f"/ws/searches/{run.pk}/", cookie, origin).connect()
