"""One POST to one checked address: no redirect, no proxy, bounded in time and size."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from typing import Final

from search_app.webhook_addresses import Target, checked_address

CONNECT_SECONDS: Final = 5.0
WHOLE_SECONDS: Final = 10.0
ANSWER_BYTES: Final = 4096


class _Pinned(http.client.HTTPConnection):
    """Connects to the address that was checked; asks for the name that was written."""

    def __init__(self, target: Target, address: str) -> None:
        super().__init__(target.host, target.port, timeout=CONNECT_SECONDS)
        self._address = address
        self._secure = target.secure
        self.default_port = 443 if target.secure else 80  # else the Host header names the usual port

    def connect(self) -> None:
        """Opens the socket."""
        self.sock = socket.create_connection((self._address, self.port), self.timeout)
        if self._secure:
            context = ssl.create_default_context()
            # Named before the handshake, so that this too can be cut off.
            self.sock = context.wrap_socket(
                self.sock, server_hostname=self.host, do_handshake_on_connect=False
            )
            self.sock.do_handshake()


def post(target: Target, body: str, headers: dict[str, str]) -> int:
    """Sends a body of JSON; returns the status of the answer.

    Args:
        target: Where to.
        body: As it was signed.
        headers: Besides the usual ones.

    Raises:
        ValidationError: The host has no address that may be reached.
        OSError: Nobody answers, or not in time.
        http.client.HTTPException: The answer is no HTTP.
    """
    connection = _Pinned(target, checked_address(target))
    # Timeouts of a socket begin anew with every byte: a server that drips would hold on for hours.
    end = threading.Timer(WHOLE_SECONDS, _cut, [connection])
    end.daemon = True
    end.start()
    try:
        sent = {"Content-Type": "application/json", "User-Agent": "AutoML-Webhooks/1", "Connection": "close"}
        connection.request("POST", target.path, body.encode(), {**sent, **headers})
        answer = connection.getresponse()
        answer.read(ANSWER_BYTES)
        return answer.status
    finally:
        end.cancel()
        connection.close()


def _cut(connection: http.client.HTTPConnection) -> None:
    found: socket.socket | None = connection.sock
    if found is not None:
        try:
            found.shutdown(socket.SHUT_RDWR)
        except OSError:
            found.close()
