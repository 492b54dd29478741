"""Figures of the installation for Prometheus, read from the tables at each scrape.

Because they come from the tables, every web process gives the same answer, and no worker needs a port.
"""

from __future__ import annotations

import ipaddress
import shutil
import threading
import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import django
from django.conf import settings
from django.db.models import Count, F, Min, Q, Sum
from django.db.models.functions import Now
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from datasets_app.claims import LEASE_SECONDS, Claimable
from datasets_app.models import Dataset, DatasetState, Upload
from datasets_app.storage import directory_bytes
from nas import __version__
from search_app.inventory import AREAS
from search_app.models import Candidate, SearchRun

RECENT: Final = timedelta(minutes=5)
WALK_SECONDS: Final = 600.0
"""So old may the sizes of the directories be: to add up a hundred thousand files takes seconds."""

FORWARDED: Final = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_X_FORWARDED_PROTO")


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answers this machine and whoever has the token; for everybody else the address does not exist."""
    if not _may_read(request):
        raise Http404
    registry = CollectorRegistry(auto_describe=False)
    registry.register(TablesCollector())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _may_read(request: HttpRequest) -> bool:
    token = settings.METRICS_TOKEN
    given = request.headers.get("Authorization", "")
    if token:
        return constant_time_compare(given, f"Bearer {token}")
    # What a proxy on this machine forwards comes from this machine, too, but is somebody else's wish.
    if settings.HTTPS or any(name in request.META for name in FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


class TablesCollector(Collector):
    """Reads the tables with a fixed number of queries, however much there is in them."""

    def collect(self) -> Iterable[Metric]:
        """Yields all figures."""
        yield _gauge("automl_build_info", "Versions; the value is always 1.", [(_versions(), 1)])
        runs = _by_state(SearchRun, candidates=Sum("n_candidates"))
        datasets = _by_state(Dataset)
        yield _states("automl_searches", "Searches by state.", SearchRun.State.values, runs)
        yield _states("automl_datasets", "Data sets by state.", DatasetState.values, datasets)
        yield from _queues({"search": (SearchRun, runs), "interactive": (Dataset, datasets)})
        total = sum(row["candidates"] or 0 for row in runs.values())
        yield _plain("automl_candidates", "Networks of all searches that still exist.", total)
        yield _plain(
            "automl_candidates_last_5_minutes", "Networks that were finished within 5 minutes.", _recent()
        )
        yield from _uploads()
        yield from _disk()


def _versions() -> dict[str, str]:
    return {"version": __version__, "django": django.get_version()}


def _gauge(name: str, text: str, values: Iterable[tuple[dict[str, str], float]]) -> Metric:
    rows = list(values)
    family = GaugeMetricFamily(name, text, labels=list(rows[0][0]) if rows else [])
    for labels, value in rows:
        family.add_metric(list(labels.values()), value)
    return family


def _plain(name: str, text: str, value: float) -> Metric:
    return _gauge(name, text, [({}, value)])


def _by_state(model: type[Claimable], **more: Any) -> dict[str, dict[str, Any]]:
    """Returns by state: number of rows, oldest one that never began, and how the leases stand."""
    manager: Any = model._default_manager
    rows = manager.order_by().values("state")
    rows = rows.annotate(
        n=Count("pk"),
        oldest=Min("created_at", filter=Q(fence=0)),
        lease=Min("lease_until"),
        expired=Count("pk", filter=Q(lease_until__lt=Now())),
        now=Min(Now()),
        **more,
    )
    return {row["state"]: row for row in rows}


def _states(name: str, text: str, states: Iterable[str], rows: dict[str, dict[str, Any]]) -> Metric:
    return _gauge(
        name, text, [({"state": str(state)}, rows[state]["n"] if state in rows else 0) for state in states]
    )


def _queues(queues: dict[str, tuple[type[Claimable], dict[str, dict[str, Any]]]]) -> Iterator[Metric]:
    figures = {
        name: (
            [rows[state] for state in model.waiting_states if state in rows],
            [rows[state] for state in model.working_states if state in rows],
        )
        for name, (model, rows) in queues.items()
    }

    def one(name: str, text: str, values: dict[str, float]) -> Metric:
        return _gauge(name, text, [({"queue": queue}, value) for queue, value in values.items()])

    yield one(
        "automl_queue_waiting",
        "Rows that wait for a worker.",
        {queue: sum(row["n"] for row in waiting) for queue, (waiting, _) in figures.items()},
    )
    yield one(
        "automl_queue_oldest_seconds",
        "Age of the oldest waiting row that no worker has begun yet.",
        {queue: _age(waiting, "oldest") for queue, (waiting, _) in figures.items()},
    )
    yield one(
        "automl_leases_expired",
        "Rows whose worker stopped to answer; another one takes them over.",
        {queue: sum(row["expired"] for row in working) for queue, (_, working) in figures.items()},
    )
    yield one(
        "automl_lease_oldest_seconds",
        "Seconds since the worker of a claimed row was heard last, the longest.",
        {
            queue: _age(working, "lease", timedelta(seconds=LEASE_SECONDS))
            for queue, (_, working) in figures.items()
        },
    )


def _age(rows: list[dict[str, Any]], column: str, before: timedelta = timedelta(0)) -> float:
    """Returns how long ago the oldest of the times was, by the clock of the database; 0 if there is none."""
    times = [(row[column] - before, row["now"]) for row in rows if row[column] is not None]
    return max(((now - then).total_seconds() for then, now in times), default=0.0)


def _recent() -> int:
    """Counts through the runs that can have any: dates of networks have no index, and there are many."""
    since = Now() - RECENT
    runs = SearchRun.objects.filter(
        Q(state__in=(*SearchRun.waiting_states, *SearchRun.working_states)) | Q(finished_at__gte=since)
    )
    return Candidate.objects.filter(run__in=runs.order_by().values("pk"), created_at__gte=since).count()


def _uploads() -> Iterator[Metric]:
    under_way = Q(completed_at=None)
    found = Upload.objects.aggregate(
        n=Count("pk", filter=under_way),
        missing=Sum(F("length") - F("offset"), filter=under_way),
        stored=Sum("offset"),
    )
    yield _plain("automl_uploads_in_progress", "Uploads that are not complete.", found["n"])
    yield _plain("automl_upload_bytes_missing", "Bytes they still lack.", found["missing"] or 0)
    yield _plain("automl_upload_bytes_stored", "Bytes of all uploads.", found["stored"] or 0)


def _disk() -> Iterator[Metric]:
    usage = shutil.disk_usage(settings.STORAGE_DIR)
    yield _plain("automl_disk_free_bytes", "Free bytes of the storage's disk.", usage.free)
    yield _plain("automl_disk_total_bytes", "Size of the storage's disk.", usage.total)
    sizes = _sizes.read(Path(settings.STORAGE_DIR))
    yield _gauge(
        "automl_storage_bytes",
        "Bytes of the storage's directories, at most 10 minutes old.",
        [({"area": area}, size) for area, size in sizes.items()],
    )


class _Sizes:
    """Sizes of the directories, added up now and then."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: tuple[float, Path, dict[str, int]] | None = None

    def read(self, storage: Path) -> dict[str, int]:
        with self._lock:
            now = time.monotonic()
            if self._known is None or self._known[1] != storage or now - self._known[0] > WALK_SECONDS:
                self._known = (now, storage, {area: directory_bytes(storage / area) for area in AREAS})
            return self._known[2]


_sizes = _Sizes()
