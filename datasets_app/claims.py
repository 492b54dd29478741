"""Claim, lease and fence: how exactly one worker works on a row, whatever dies or hangs.

A claim is one conditional UPDATE. It writes a lease (until when the worker is believed alive) and a fence
number that grows with every claim. All later writes of the worker carry the fence: once another worker has
claimed the row, they change nothing. Time is the database's, so that hosts need not agree on the clock.
"""

from __future__ import annotations

import contextvars
import os
import socket
import threading
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, Self, TypeVar

import structlog
from django.db import DatabaseError, close_old_connections, models, transaction
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.db.models.functions import Now

LEASE_SECONDS = 20
HEARTBEAT_SECONDS = 5
MAX_ATTEMPTS = 3

log = structlog.get_logger(__name__)


class FenceLostError(BaseException):
    """Another worker owns the row now; whoever sees this must stop without writing.

    It is a BaseException, so that a handler for failing candidates cannot swallow it.
    """


class Claimable(models.Model):
    """A row that workers work on. Subclasses define `state` and name the states of waiting and of work."""

    waiting_states: ClassVar[tuple[str, ...]]
    working_states: ClassVar[tuple[str, ...]]

    state: Any
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    fence = models.PositiveBigIntegerField(default=0, editable=False)
    attempt = models.PositiveSmallIntegerField(default=0, editable=False)
    claimed_by = models.CharField(max_length=120, default="", blank=True, editable=False)

    class Meta:
        """Only a base."""

        abstract = True


Row = TypeVar("Row", bound=Claimable)


@dataclass(frozen=True)
class Claim:
    """A won claim.

    Attributes:
        model: Class of the claimed row.
        pk: Its primary key.
        fence: The number that every write must carry.
        attempt: How many claims in a row, this one included, began without saved progress.
    """

    model: type[Claimable]
    pk: Any
    fence: int
    attempt: int

    @property
    def exhausted(self) -> bool:
        """True when the row has killed its workers too often and must not be tried again."""
        return self.attempt > MAX_ATTEMPTS


def worker_name() -> str:
    """Returns host and process id of this worker."""
    return f"{socket.gethostname()[:80]}:{os.getpid()}"


def claimable_rows(model: type[Row]) -> QuerySet[Row]:
    """Returns the rows that wait for a worker or whose worker let its lease expire."""
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=Now())
    return model._default_manager.filter(free, state__in=(*model.waiting_states, *model.working_states))


def claim(model: type[Claimable], pk: Any, *, worker: str | None = None) -> Claim | None:
    """Claims the row, or returns None because another worker was faster or nothing is left to do.

    A waiting row moves to the first working state; a row that was already being worked on keeps its state.
    """
    state = Case(
        When(state__in=model.waiting_states, then=Value(model.working_states[0])), default=F("state")
    )
    with transaction.atomic():
        won = (
            claimable_rows(model)
            .filter(pk=pk)
            .update(
                state=state,
                lease_until=Now() + timedelta(seconds=LEASE_SECONDS),
                fence=F("fence") + 1,
                attempt=F("attempt") + 1,
                claimed_by=worker or worker_name(),
            )
        )
        if not won:
            return None
        # The UPDATE locked the row until this transaction ends: the numbers read here are ours.
        fence, attempt = model._default_manager.values_list("fence", "attempt").get(pk=pk)
    return Claim(model, pk, fence, attempt)


def fenced_update(held: Claim, **values: Any) -> bool:
    """Writes columns of the claimed row; returns False, having changed nothing, if the fence is lost."""
    rows = held.model._default_manager.filter(pk=held.pk, fence=held.fence)
    return rows.update(**values) == 1


def extend_lease(held: Claim) -> bool:
    """Moves the lease's end; returns False if the fence is lost."""
    return fenced_update(held, lease_until=Now() + timedelta(seconds=LEASE_SECONDS))


def release(held: Claim, *, made_progress: bool = True, **values: Any) -> bool:
    """Gives the row back, with `values` written in the same statement.

    Args:
        held: The claim.
        made_progress: True sets the count of attempts back to 0.
        values: Further columns, usually the new `state`.
    """
    if made_progress:
        values["attempt"] = 0
    return fenced_update(held, lease_until=None, claimed_by="", **values)


class Heartbeat:
    """Extends a lease every few seconds from a thread of its own; `with Heartbeat(claim) as beat:`.

    Attributes:
        lost: Set once the fence is lost, or when the database was out of reach for a whole lease.
    """

    def __init__(self, held: Claim, *, seconds: float = HEARTBEAT_SECONDS) -> None:
        """Takes the claim to keep alive; `seconds` lie between two extensions."""
        self.lost = threading.Event()
        self._held = held
        self._seconds = seconds
        self._end = threading.Event()
        context = contextvars.copy_context()  # its lines in the log name the same run as the worker's
        self._thread = threading.Thread(target=context.run, args=(self._run,), name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        """Starts the thread."""
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Ends the thread; the lease stays as it was extended last."""
        self._end.set()
        self._thread.join()

    def check(self) -> None:
        """Raises FenceLostError if the row is no longer ours."""
        if self.lost.is_set():
            raise FenceLostError(f"{self._held.model.__name__} {self._held.pk}")

    def _run(self) -> None:
        misses = 0
        while not self._end.wait(self._seconds):
            try:
                close_old_connections()
                if not extend_lease(self._held):
                    self.lost.set()
                misses = 0
            except DatabaseError as error:
                misses += 1
                log.warning("the lease could not be extended", error=str(error), misses=misses)
                if misses * self._seconds >= LEASE_SECONDS:
                    self.lost.set()
            if self.lost.is_set():
                break
        transaction.get_connection().close()  # this thread's own connection
