"""One tailer a web process: reads what is new in the watched runs and feeds all their sockets.

A hint wakes it at once; without hints it looks every second. It never waits for a reader: a reader whose
queue is full loses the queue and is told to take a snapshot.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from dataclasses import dataclass, field
from typing import Any

import structlog
from channels.db import database_sync_to_async
from channels.layers import get_channel_layer

from search_app.publish import HINT_GROUP, RECHECK_GROUP
from search_app.selectors import event_message, events_after, run_summary, runs_by_id

QUEUE_SIZE = 100
POLL_SECONDS = 1.0
GATHER_SECONDS = 0.05
EVENTS_AT_ONCE = 500

log = structlog.get_logger(__name__)
Message = dict[str, Any]


class Subscription:
    """One reader's bounded queue."""

    def __init__(self, run_id: uuid.UUID) -> None:
        """Makes an empty queue for messages of one run."""
        self.run_id = run_id
        self.overflowed = False
        self._queue: asyncio.Queue[Message] = asyncio.Queue(QUEUE_SIZE)

    def offer(self, message: Message) -> None:
        """Adds a message; a full queue is emptied and marked, because its reader is too slow for it."""
        try:
            self._queue.put_nowait(message)
        except asyncio.QueueFull:
            self.overflowed = True
            while not self._queue.empty():
                self._queue.get_nowait()
            self._queue.put_nowait({"type": "snapshot_needed"})

    async def next(self) -> Message:
        """Waits for the next message."""
        message = await self._queue.get()
        if message["type"] == "snapshot_needed":
            self.overflowed = False
        return message


@dataclass
class _Watch:
    """What the tailer has told the readers of one run."""

    last_seq: int
    summary: Message
    readers: set[Subscription] = field(default_factory=set)

    def tell(self, message: Message) -> None:
        for reader in self.readers:
            if not reader.overflowed:
                reader.offer(message)


class Tailer:
    """Feeds the sockets of one event loop; use `tailer()`."""

    def __init__(self) -> None:
        """Starts nothing: the tasks run while someone watches."""
        self._watches: dict[uuid.UUID, _Watch] = {}
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def subscribe(self, run_id: uuid.UUID) -> Subscription:
        """Adds a reader; it gets everything that is saved after this returns, and perhaps a little before."""
        subscription = Subscription(run_id)
        if run_id not in self._watches:
            rows = await _read_runs([run_id])
            summary = rows[run_id]
            self._watches.setdefault(run_id, _Watch(summary["last_seq"], summary))
        self._watches[run_id].readers.add(subscription)
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._poll_forever())]
        return subscription

    async def unsubscribe(self, subscription: Subscription) -> None:
        """Removes a reader; without readers the tailer rests."""
        watch = self._watches.get(subscription.run_id)
        if watch is None:
            return
        watch.readers.discard(subscription)
        if not watch.readers:
            del self._watches[subscription.run_id]
        if not self._watches:
            tasks, self._tasks = self._tasks, []
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self) -> None:
        layer = get_channel_layer()
        while layer is not None:
            try:
                channel = await layer.new_channel()
                await layer.group_add(HINT_GROUP, channel)
                await layer.group_add(RECHECK_GROUP, channel)
                while True:
                    message = await layer.receive(channel)
                    if message.get("type") == "recheck":
                        self._pass_on(message)
                    else:
                        self._wake.set()
            except Exception as error:  # whatever the broker does, polling goes on
                log.warning("no hints; following by polling", error=str(error)[:200])
                await asyncio.sleep(POLL_SECONDS)

    def _pass_on(self, message: Message) -> None:
        for watch in self._watches.values():
            watch.tell(message)

    async def _poll_forever(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), POLL_SECONDS)
                await asyncio.sleep(GATHER_SECONDS)  # events come in bursts
            self._wake.clear()
            try:
                await self._poll()
            except Exception as error:  # a database that is away for a moment must not end the tailer
                log.warning("live pages wait for the database", error=str(error)[:200])

    async def _poll(self) -> None:
        summaries = await _read_runs(list(self._watches))
        for run_id, summary in summaries.items():
            watch = self._watches.get(run_id)
            if watch is None:
                continue
            while watch.last_seq < summary["last_seq"]:
                messages = await read_events(run_id, watch.last_seq)
                if not messages:
                    break
                for message in messages:
                    watch.tell(message)
                watch.last_seq = messages[-1]["seq"]
            if summary != watch.summary:
                watch.summary = summary
                watch.tell({"type": "state", **summary})


@database_sync_to_async  # type: ignore[untyped-decorator]
def _read_runs(run_ids: list[uuid.UUID]) -> dict[uuid.UUID, Message]:
    return {run.pk: run_summary(run) for run in runs_by_id(run_ids)}


@database_sync_to_async  # type: ignore[untyped-decorator]
def read_events(run_id: uuid.UUID, after: int) -> list[Message]:
    """Returns the next events as messages, in order; `events_after` for asynchronous callers."""
    (run,) = runs_by_id([run_id])
    events = events_after(run, after, EVENTS_AT_ONCE)
    return [{"type": "event", **event_message(event, compact=True)} for event in events]


_tailers: dict[asyncio.AbstractEventLoop, Tailer] = {}


def tailer() -> Tailer:
    """Returns the tailer of the running event loop; a web process has one loop."""
    loop = asyncio.get_running_loop()
    if loop not in _tailers:
        for old in [known for known in _tailers if known.is_closed()]:
            del _tailers[old]
        _tailers[loop] = Tailer()
    return _tailers[loop]
