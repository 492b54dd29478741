"""How many requests a minute the API takes of one person and of one address.

Counted in Redis, over all processes. While it cannot be reached each process counts by itself: a limit is a
protection of the machine, and no reason to refuse people.
"""

from __future__ import annotations

import math
import threading
import time
from functools import lru_cache
from typing import Final, cast

import structlog
from django.conf import settings
from django.http import HttpRequest
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage, Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter
from ninja.throttling import BaseThrottle
from redis.exceptions import RedisError

from datasets_app.audit import client_ip

PAGES_FACTOR: Final = 10
"""Pages ask for many thumbnails: people get so many times what a program gets."""
REFUSED_FACTOR: Final = 0.2
"""So much of a program's share has an address for requests that are refused at the door."""
AWAY_SECONDS: Final = 5.0
TIMEOUT_SECONDS: Final = 0.25

log = structlog.get_logger(__name__)


class _Counters:
    """Counts in Redis, and in this process while Redis is away."""

    def __init__(self, storage: Storage) -> None:
        self._shared = FixedWindowRateLimiter(storage)
        self._own = FixedWindowRateLimiter(MemoryStorage())
        self._away_until = 0.0

    def wait(self, most: int, *names: str) -> int | None:
        """Counts one request; returns None, or the seconds to wait when there were more than `most`."""
        limit = RateLimitItemPerMinute(most)
        if time.monotonic() >= self._away_until:
            try:
                return _wait(self._shared, limit, names)
            except RedisError as error:
                self._away_until = time.monotonic() + AWAY_SECONDS
                log.warning("requests are counted in this process alone", error=str(error)[:200])
        return _wait(self._own, limit, names)


def _wait(
    counter: FixedWindowRateLimiter, limit: RateLimitItemPerMinute, names: tuple[str, ...]
) -> int | None:
    if counter.hit(limit, *names):
        return None
    return max(1, math.ceil(counter.get_window_stats(limit, *names).reset_time - time.time()))


@lru_cache(maxsize=1)
def _counters(url: str) -> _Counters:
    scheme, rest = url.split("://", 1)
    address = f"redis+unix://{rest}" if scheme == "unix" else url
    storage = storage_from_string(
        address,
        key_prefix="automl-rate",
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
    )
    return _Counters(cast(Storage, storage))


def wait_of_refused(request: HttpRequest) -> int | None:
    """Counts a request that was refused at the door; the seconds to wait if its address sends too many."""
    most = max(1, int(settings.API_RATE * REFUSED_FACTOR))
    return _counters(settings.REDIS_URL).wait(most, "refused", client_ip(request) or "")


class PerPerson(BaseThrottle):
    """Limits requests of one person: those of all their programs together, and those of their pages."""

    def __init__(self) -> None:
        """One object serves all requests: each thread keeps its own answer."""
        self._told = threading.local()

    def allow_request(self, request: HttpRequest) -> bool:
        """Counts the request; False if it is one too many."""
        program = getattr(request, "api_token", None) is not None
        most = settings.API_RATE * (1 if program else PAGES_FACTOR)
        kind = "program" if program else "page"
        self._told.seconds = _counters(settings.REDIS_URL).wait(most, kind, str(request.user.pk))
        return self._told.seconds is None

    def wait(self) -> float | None:
        """Seconds until the next request is taken."""
        seconds: int | None = self._told.seconds
        return seconds
