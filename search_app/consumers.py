"""The live page's websocket: what was missed, read from the database by `seq`, then what comes."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections import Counter
from typing import Any
from urllib.parse import parse_qs

import structlog
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, get_user_model
from django.contrib.sessions.backends.base import SessionBase
from django.utils.crypto import constant_time_compare
from django.utils.translation import override

from search_app.models import SearchRun
from search_app.selectors import run_summary, search_run_for_user
from search_app.spoken import language_of_socket, spoken
from search_app.tailer import Subscription, read_events, tailer

NOT_FOUND = 4404
TOO_MANY = 4429
RECHECK_SECONDS = 30.0
FRAME_LIMIT = 4096

log = structlog.get_logger(__name__)
_open_sockets: Counter[int] = Counter()


class SearchConsumer(AsyncJsonWebsocketConsumer):  # type: ignore[misc]
    """Sends one run's events to one browser; the browser has nothing to say."""

    run_id: uuid.UUID
    feed: asyncio.Task[None] | None = None
    counted = False

    async def connect(self) -> None:
        """Refuses whoever may not see the run before the handshake, so that nothing tells it exists."""
        summary = await self._summary()
        if summary is None:
            await self.close(NOT_FOUND)
            return
        if _open_sockets[self.scope["user"].pk] >= settings.SOCKETS_PER_USER:
            await self.close(TOO_MANY)
            return
        _open_sockets[self.scope["user"].pk] += 1
        self.counted = True
        self.run_id = uuid.UUID(summary["id"])
        await self.accept()
        self.feed = asyncio.create_task(self._guarded_feed(summary))

    async def disconnect(self, code: int) -> None:
        """Ends the feed."""
        if self.counted:
            self.counted = False
            _open_sockets[self.scope["user"].pk] -= 1
        if self.feed is not None:
            self.feed.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.feed

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None, **_: Any) -> None:
        """Ignores small frames (pings of scripts) and ends on large ones."""
        if len(bytes_data or (text_data or "").encode()) > FRAME_LIMIT:
            await self.close(1009)

    async def _guarded_feed(self, summary: dict[str, Any]) -> None:
        try:
            await self._feed(summary)
        except Exception as error:  # the browser connects anew and goes on from its last number
            log.info("a live page's feed ended", error=repr(error)[:200])
            with contextlib.suppress(Exception):
                await self.close(1011)

    async def _feed(self, summary: dict[str, Any]) -> None:
        subscription = await tailer().subscribe(self.run_id)
        try:
            # read again: what changed before the subscription would never be told
            await self.send_json(self._told({"type": "state", **(await self._summary() or summary)}))
            sent = await self._replay(self._after())
            await self._follow(subscription, sent)
        finally:
            await tailer().unsubscribe(subscription)

    async def _replay(self, sent: int) -> int:
        """Sends all saved events after `sent`; returns the last number."""
        while messages := await read_events(self.run_id, sent):
            for message in messages:
                await self.send_json(self._told(message))
            sent = messages[-1]["seq"]
        return sent

    async def _follow(self, subscription: Subscription, sent: int) -> None:
        while True:
            try:
                message = await asyncio.wait_for(subscription.next(), RECHECK_SECONDS)
            except TimeoutError:
                message = None
            asked = self._asked(message)
            if (self._recheck_due() or asked) and not await self._still_allowed():
                await self.close(NOT_FOUND)
                return
            if message is None or message["type"] == "recheck":
                continue
            if message["type"] == "event" and message["seq"] <= sent:
                continue
            await self.send_json(self._told(message))
            sent = message.get("seq", sent)

    def _told(self, message: dict[str, Any]) -> Any:
        """Returns a message in the reader's language; the message itself goes to other readers, too."""
        with override(language_of_socket(self.scope)):
            return spoken(message)

    def _after(self) -> int:
        query = parse_qs(self.scope.get("query_string", b"").decode("latin-1"))
        text = query.get("after", ["0"])[-1]
        return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0

    def _asked(self, message: dict[str, Any] | None) -> bool:
        """True if somebody wants to know at once whether this reader may still listen."""
        if message is None or message["type"] != "recheck":
            return False
        return message.get("user", "") in {"", str(self.scope["user"].pk)}

    def _recheck_due(self) -> bool:
        now = asyncio.get_running_loop().time()
        due = now - getattr(self, "_checked", float("-inf")) >= RECHECK_SECONDS
        if due:
            self._checked = now
        return due

    @database_sync_to_async  # type: ignore[untyped-decorator]
    def _summary(self) -> dict[str, Any] | None:
        try:
            return run_summary(
                search_run_for_user(self.scope["user"], self.scope["url_route"]["kwargs"]["run_id"])
            )
        except SearchRun.DoesNotExist:
            return None

    @database_sync_to_async  # type: ignore[untyped-decorator]
    def _still_allowed(self) -> bool:
        """Returns whether session, account and access still hold: a signed-out browser hears no more."""
        session: SessionBase = self.scope["session"]
        user = get_user_model().objects.filter(pk=self.scope["user"].pk, is_active=True).first()
        if user is None or not session.exists(session.session_key or ""):
            return False
        # A new password leaves the rows of other sessions where they are; what they hold fits no more.
        held = session.get(HASH_SESSION_KEY, "")
        if not constant_time_compare(held, user.get_session_auth_hash()):
            return False
        try:
            search_run_for_user(user, self.run_id)
        except SearchRun.DoesNotExist:
            return False
        return True
