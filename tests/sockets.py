"""A websocket spoken straight to the ASGI application (channels' own helper wants daphne)."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from asgiref.testing import ApplicationCommunicator

from automl_site.asgi import application

HOST = b"localhost:8000"
ORIGIN = b"http://localhost:8000"


class Socket:
    """One browser's websocket."""

    def __init__(self, url: str, cookie: bytes = b"", origin: bytes | None = ORIGIN) -> None:
        parts = urlsplit(url)
        headers = [(b"host", HOST), (b"cookie", cookie), *([(b"origin", origin)] if origin else [])]
        scope = {
            "type": "websocket",
            "path": parts.path,
            "query_string": parts.query.encode(),
            "headers": headers,
            "subprotocols": [],
        }
        self._application = ApplicationCommunicator(application, scope)

    async def connect(self) -> bool:
        """Returns whether the application let the browser in."""
        await self._application.send_input({"type": "websocket.connect"})
        answer = await self._application.receive_output(timeout=10)
        return bool(answer["type"] == "websocket.accept")

    async def receive(self) -> Any:
        """Returns the next message's JSON."""
        message = await self._application.receive_output(timeout=10)
        return json.loads(message["text"])

    async def close(self) -> None:
        """Goes away as a browser does."""
        await self._application.send_input({"type": "websocket.disconnect", "code": 1005})
        await self._application.wait(timeout=10)
