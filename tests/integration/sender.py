"""A client of resumable uploads that can be told to break: plain sockets, so that a cut is a real one."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.integration.stack import Person, Stack

MIB = 2**20


class Content:
    """A large file that is never stored: numbered blocks of random bytes, the same at every reading.

    Attributes:
        length: In bytes.
    """

    def __init__(self, length: int) -> None:
        self.length = length
        self._random = os.urandom(MIB - 8)

    def read(self, offset: int) -> bytes:
        """Returns the bytes from `offset` to the end of its block."""
        number, inside = divmod(offset, MIB)
        block = number.to_bytes(8, "big") + self._random
        return block[inside : min(MIB, self.length - number * MIB)]

    def sha256(self) -> str:
        digest = hashlib.sha256()
        for offset in range(0, self.length, MIB):
            digest.update(self.read(offset))
        return digest.hexdigest()


@dataclass(frozen=True)
class Reply:
    """Status and headers (lower case) of an answer."""

    status: int
    headers: dict[str, str]
    body: bytes


class Sender:
    """Speaks the protocol with a person's cookies."""

    def __init__(self, stack: Stack, person: Person) -> None:
        self._port = stack.port
        self.headers = {
            "Host": f"127.0.0.1:{stack.port}",
            "Cookie": person.cookie_header(),
            "X-CSRFToken": person.cookies.get("csrftoken") or "",
            "Tus-Resumable": "1.0.0",
        }

    def create(self, length: int, **marks: str) -> str:
        """Announces a file and returns its path."""
        pairs = ",".join(f"{key} {base64.b64encode(text.encode()).decode()}" for key, text in marks.items())
        reply = self.ask("POST", "/uploads/", Upload_Length=length, Upload_Metadata=pairs)
        assert reply.status == 201, reply
        return reply.headers["location"]

    def offset(self, path: str) -> int:
        """Asks how much the server has."""
        reply = self.ask("HEAD", path)
        assert reply.status == 200, reply
        return int(reply.headers["upload-offset"])

    def ask(self, method: str, path: str, **headers: Any) -> Reply:
        """Sends a request without a body."""
        with self._connect() as connection:
            connection.sendall(self._head(method, path, Content_Length=0, **headers))
            return _read_reply(connection, has_body=method != "HEAD")

    def send(
        self,
        path: str,
        content: Content,
        *,
        until: int | None = None,
        at_the_break: Callable[[], None] | None = None,
    ) -> Reply | None:
        """Sends the rest of a file in one PATCH.

        Args:
            path: Of the upload.
            content: The file.
            until: Break off after this many bytes of the file; None sends all.
            at_the_break: Called then; without it the connection is reset.

        Returns:
            The answer; None when it broke.
        """
        connection, offset = self._begin(path, content)
        with connection:
            try:
                while offset < (content.length if until is None else until):
                    piece = content.read(offset)
                    connection.sendall(piece)
                    offset += len(piece)
            except (BrokenPipeError, ConnectionResetError):
                return _read_reply(connection)  # the server refused and closed
            if until is None:
                return _read_reply(connection)
            if at_the_break is None:
                # Closing with a linger of 0 s sends a reset, as a network that goes away.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                at_the_break()
        return None

    def _begin(self, path: str, content: Content) -> tuple[socket.socket, int]:
        """Asks to send the rest until the server wants it; it may still be busy with a broken connection."""
        deadline = time.monotonic() + 30
        while True:
            offset = self.offset(path)
            connection = self._connect()
            connection.sendall(
                self._head(
                    "PATCH",
                    path,
                    Content_Type="application/offset+octet-stream",
                    Upload_Offset=offset,
                    Content_Length=content.length - offset,
                    Expect="100-continue",
                )
            )
            reply = _read_reply(connection)
            if reply.status == 100:
                return connection, offset
            connection.close()
            assert reply.status in {409, 423}, reply
            assert time.monotonic() < deadline, reply
            time.sleep(0.1)

    def _head(self, method: str, path: str, **headers: Any) -> bytes:
        sent = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
        return "\r\n".join(lines).encode()

    def _connect(self) -> socket.socket:
        deadline = time.monotonic() + 30
        while True:
            try:
                return socket.create_connection(("127.0.0.1", self._port), timeout=60)
            except ConnectionRefusedError:  # the server is being started again
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)


def _read_reply(connection: socket.socket, *, has_body: bool = True) -> Reply:
    with connection.makefile("rb") as stream:
        status = int(stream.readline().split()[1])
        headers: dict[str, str] = {}
        while line := stream.readline().strip():
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        length = int(headers.get("content-length", 0)) if has_body else 0
        return Reply(status, headers, stream.read(length))


def peak_mb(process: int) -> float:
    """Largest resident memory that a process ever had, in MB."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise AssertionError("the kernel does not say")


def sha256_of(file: Path) -> str:
    """Returns the SHA-256 of a file in hexadecimal digits."""
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(8 * MIB):
            digest.update(block)
    return digest.hexdigest()


def file_of(stack: Stack, path: str) -> Path:
    """Returns where the server keeps the bytes of an upload."""
    (found,) = (stack.var_dir / "storage" / "uploads").glob(f"*/{path.strip('/').split('/')[-1]}.part")
    return found
