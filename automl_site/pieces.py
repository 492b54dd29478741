"""Moves the body of one PATCH from the connection to the disk without holding up the event loop.

The event loop collects blocks; threads of a small pool write and sync them (`datasets_app/receiving.py`). One
upload holds a block in memory and what the connection buffers, however large it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from enum import Enum, auto
from typing import Any, Final, ParamSpec, TypeVar

import structlog
from django.db import DatabaseError, connections
from django.http import HttpResponse

from datasets_app import tus
from datasets_app.receiving import Grant, Receiver, RefusedError

Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

BLOCK_BYTES: Final = 2**20
"""So much is collected before a thread writes it: the memory of one upload is a small multiple of it."""
IDLE_SECONDS: Final = 60.0

P = ParamSpec("P")
T = TypeVar("T")

log = structlog.get_logger(__name__)
_threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="upload")


class End(Enum):
    """How a body goes on: more comes, that was all, the connection broke, or the sender fell silent."""

    MORE = auto()
    WHOLE = auto()
    BREAK = auto()
    SILENCE = auto()


async def store_piece(grant: Grant, receive: Receive) -> tuple[HttpResponse, bool]:
    """Writes the body that was granted; returns the answer and whether all of the body was read."""
    receiver = Receiver(grant)
    end = End.MORE
    try:
        await in_thread(receiver.open)
        end = await _pump(receiver, receive)
        if end is End.WHOLE:
            await in_thread(receiver.finish)
            response = tus.received(receiver.upload)
        else:
            response = tus.refusal(408, "Nothing came for a minute. What had come is kept; go on from there.")
    except RefusedError as error:
        response = tus.refusal(error.status, str(error))
    except DatabaseError as error:
        log.warning("an upload stands still, the database does not answer", error=str(error)[:200])
        response = tus.refusal(503, "The database does not answer. Try again in a moment.")
    finally:
        # Also when the connection broke, or this server is told to end in the middle: what came is kept.
        await asyncio.shield(in_thread(receiver.close))
    return response, end is End.WHOLE


async def _pump(receiver: Receiver, receive: Receive) -> End:
    """Moves the body into the receiver; while the disk syncs what came, more comes in."""
    saving: asyncio.Task[None] | None = None
    end = End.MORE
    try:
        async for block, how in _blocks(receive):
            end = how
            await in_thread(receiver.write, block)
            if receiver.is_due():
                if saving is not None:
                    await saving
                saving = asyncio.create_task(in_thread(receiver.save))
    finally:
        if saving is not None:
            await asyncio.gather(saving, return_exceptions=True)
    if saving is not None:
        saving.result()
    return end


async def _blocks(receive: Receive) -> AsyncIterator[tuple[bytearray, End]]:
    """The body in blocks of about `BLOCK_BYTES`, each with how it goes on after it."""
    block = bytearray()  # not a list of pieces: a sender of single bytes must not cost more than others
    end = End.MORE
    while end is End.MORE:
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                message = await receive()
        except TimeoutError:
            yield block, End.SILENCE
            return
        block += message.get("body", b"")
        if message["type"] == "http.disconnect":
            end = End.BREAK
        elif not message.get("more_body", False):
            end = End.WHOLE
        if len(block) >= BLOCK_BYTES or end is not End.MORE:
            yield block, end
            block = bytearray()


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Runs blocking work in a thread of its own pool; a database connection it opened is closed again."""

    def work() -> T:
        try:
            return function(*args, **kwargs)
        finally:
            connections.close_all()

    return await asyncio.get_running_loop().run_in_executor(_threads, work)
