"""Follows a search over its websocket; after a dropped connection it asks for what it missed by `seq`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from automl_site.demo.errors import DemoError

ENDED = ("DONE", "STOPPED", "FAILED")
Message = dict[str, Any]


class LiveSearch:
    """Yields a search's messages: each event once, in order, whatever happens to the connection.

    Attributes:
        last_seq: Number of the last event that was yielded.
        n_connections: How often a connection was made.
    """

    def __init__(
        self,
        base_url: str,
        cookie_header: str,
        search_id: str,
        fetch_events: Callable[[int], list[Message]],
        *,
        check: Callable[[], None] = lambda: None,
        patience: float = 60.0,
    ) -> None:
        """Prepares; nothing is connected yet.

        Args:
            base_url: ``http://host:port`` of the application.
            cookie_header: The session's cookies.
            search_id: Which search.
            fetch_events: Returns the events after a seq from the API; used when the server says that this
                reader fell too far behind.
            check: Called between messages; may raise to end the wait.
            patience: Seconds without a connection after which it gives up.
        """
        self._url = f"ws{base_url.removeprefix('http')}/ws/searches/{search_id}/"
        self._origin = Origin(base_url)
        self._headers = {"Cookie": cookie_header}
        self._fetch_events = fetch_events
        self._check = check
        self._patience = patience
        self.last_seq = 0
        self.n_connections = 0

    def messages(self, deadline: float) -> Iterator[Message]:
        """Yields messages until the search has ended and its last event was seen.

        Args:
            deadline: `time.monotonic()` value after which waiting makes no sense.

        Raises:
            DemoError: If the deadline passes, or no connection can be made for `patience` seconds.
        """
        last_success = time.monotonic()
        while True:
            try:
                with self._connect() as socket:
                    self.n_connections += 1
                    for message in self._of_one_connection(socket, deadline):
                        last_success = time.monotonic()
                        yield message
                return
            except (OSError, ConnectionClosed, InvalidHandshake) as error:
                self._check()
                if time.monotonic() > min(deadline, last_success + self._patience):
                    raise DemoError(f"The live connection did not come back: {error}.") from error
                time.sleep(0.5)

    def _connect(self) -> ClientConnection:
        return connect(
            f"{self._url}?after={self.last_seq}",
            origin=self._origin,
            additional_headers=self._headers,
            proxy=None,
            max_size=2**23,
        )

    def _of_one_connection(self, socket: ClientConnection, deadline: float) -> Iterator[Message]:
        final_seq: int | None = None
        while final_seq is None or self.last_seq < final_seq:
            self._check()
            if time.monotonic() > deadline:
                raise DemoError("The search did not end in its time; read the log of the demo's servers.")
            try:
                message: Message = json.loads(socket.recv(timeout=1.0))
            except TimeoutError:
                continue
            kind = message.get("type")
            if kind == "event":
                yield from self._in_order([message])
            elif kind == "snapshot_needed":
                yield from self._in_order(self._fetch_events(self.last_seq))
            elif kind == "state":
                yield message
                if message.get("state") in ENDED:
                    final_seq = int(message.get("last_seq") or 0)

    def _in_order(self, events: list[Message]) -> Iterator[Message]:
        for event in events:
            if event["seq"] <= self.last_seq:
                continue
            if event["seq"] != self.last_seq + 1:
                # A gap: leave this connection and ask again from the last good event.
                raise ConnectionResetError(f"event {event['seq']} came after {self.last_seq}")
            self.last_seq = event["seq"]
            yield {"type": "event", **event}
