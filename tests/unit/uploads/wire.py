"""HTTP spoken straight to the ASGI application, so that a test can break off in the middle of a body."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from automl_site.asgi import application

CSRF = "c" * 32
BODY_TYPE = "application/offset+octet-stream"


@dataclass
class Answer:
    """What came back, and how many pieces of the body had been asked for by then."""

    status: int
    headers: dict[str, str]
    body: bytes
    taken: int

    @property
    def detail(self) -> str:
        return str(json.loads(self.body)["detail"])


@dataclass
class Body:
    """A body that arrives piece by piece.

    Attributes:
        ending: "end" as it should be, "cut" by a lost connection, "silence" for one that just says no more.
    """

    pieces: list[bytes]
    ending: str = "end"
    taken: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def receive(self) -> dict[str, Any]:
        if self.taken < len(self.pieces):
            self.taken += 1
            last = self.ending == "end" and self.taken == len(self.pieces)
            return {"type": "http.request", "body": self.pieces[self.taken - 1], "more_body": not last}
        if self.ending == "end" and not self.pieces and not self.taken:
            self.taken = 1
            return {"type": "http.request", "body": b"", "more_body": False}
        if self.ending != "cut":
            await self.over.wait()
        return {"type": "http.disconnect"}


class Browser:
    """A browser with the cookies of one person, or of nobody."""

    def __init__(self, user: User | None) -> None:
        client = Client()
        if user is not None:
            client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        session = client.cookies.get(settings.SESSION_COOKIE_NAME)
        cookies = [f"csrftoken={CSRF}"] + ([f"{session.key}={session.value}"] if session else [])
        self.headers = {"Host": "localhost", "Cookie": "; ".join(cookies), "X-CSRFToken": CSRF}

    async def request(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str | None] = {},
        body: Body | Iterable[bytes] = (),
    ) -> Answer:
        """Sends one request; a header with the value None is left out."""
        body = body if isinstance(body, Body) else Body(list(body))
        sent = {**self.headers, **headers}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "scheme": "http",
            "server": ("localhost", 8000),
            "client": ("127.0.0.1", 1),
            "headers": [(k.lower().encode(), v.encode()) for k, v in sent.items() if v is not None],
        }
        messages: list[Any] = []

        async def send(message: Any) -> None:
            messages.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                body.over.set()

        taken_at_start: list[int] = []

        async def watched(message: Any) -> None:
            if message["type"] == "http.response.start":
                taken_at_start.append(body.taken)
            await send(message)

        await application(scope, body.receive, watched)
        if not messages:
            return Answer(0, {}, b"", body.taken)
        content = b"".join(one.get("body", b"") for one in messages[1:])
        found = {k.decode().lower(): v.decode() for k, v in messages[0]["headers"]}
        return Answer(messages[0]["status"], found, content, taken_at_start[0])

    async def tus(
        self, method: str, path: str, body: Body | Iterable[bytes] = (), **headers: str | int | None
    ) -> Answer:
        """A request of the protocol; ``Upload_Offset=5`` becomes a header."""
        given = {name.replace("_", "-"): None if v is None else str(v) for name, v in headers.items()}
        return await self.request(method, path, {"Tus-Resumable": "1.0.0", **given}, body)

    async def create(self, length: int, **marks: str) -> Answer:
        """Announces a file."""
        pairs = ",".join(f"{key} {base64.b64encode(text.encode()).decode()}" for key, text in marks.items())
        return await self.tus("POST", "/uploads/", Upload_Length=length, Upload_Metadata=pairs or None)

    async def patch(
        self, path: str, offset: int, body: Body | Iterable[bytes], **headers: str | int | None
    ) -> Answer:
        """Sends a piece; without a length, as a chunked body."""
        given: dict[str, str | int | None] = {
            "Content_Type": BODY_TYPE,
            "Transfer_Encoding": "chunked",
            "Upload_Offset": offset,
        }
        return await self.tus("PATCH", path, body, **{**given, **headers})

    async def offset(self, path: str) -> int:
        """Asks how far the upload is."""
        return int((await self.tus("HEAD", path)).headers["upload-offset"])
