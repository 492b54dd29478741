"""The audit log for administrators: filtered, a page at a time, and as CSV."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final, cast
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.functional import cached_property
from django.views.decorators.http import require_GET

from datasets_app.audit import record
from datasets_app.csv_cells import no_formula
from datasets_app.models import Action, AuditEntry

PER_PAGE: Final = 50
MOST_ROWS: Final = 100_000
"""Of one CSV file; narrower filters give the others."""
COLUMNS: Final = (
    "at", "action", "actor_id", "actor", "target_kind", "target_id", "target", "detail", "ip", "request",
)  # fmt: skip

View = Callable[[HttpRequest], HttpResponseBase]


@dataclass(frozen=True)
class Filters:
    """What the address asks for; what it asks wrongly is left out.

    Attributes:
        action: One of `Action`, or "".
        person: Part of a user name, or "".
        target: Part of the name of a thing, or its whole id, or "".
        since: First day, or None.
        until: Last day, or None.
    """

    action: str
    person: str
    target: str
    since: dt.date | None
    until: dt.date | None

    def rows(self) -> QuerySet[AuditEntry]:
        """Returns the rows that fit, newest first."""
        rows = AuditEntry.objects.all()
        if self.action:
            rows = rows.filter(action=self.action)
        if self.person:
            rows = rows.filter(actor__icontains=self.person)
        if self.target:
            rows = rows.filter(Q(target__icontains=self.target) | Q(target_id=self.target))
        if self.since:
            rows = rows.filter(at__gte=_midnight(self.since))
        if self.until:
            rows = rows.filter(at__lt=_midnight(self.until + dt.timedelta(days=1)))
        return rows

    @property
    def query(self) -> str:
        """The filters as a part of an address."""
        return urlencode({name: value for name, value in self.__dict__.items() if value})


class _Pages(Paginator):  # type: ignore[type-arg] # no subscript at run time
    """Counts at most so many rows: a log of millions need not be counted for its first page."""

    @cached_property
    def count(self) -> int:
        """Number of rows, at most `MOST_ROWS`."""
        return cast("QuerySet[AuditEntry]", self.object_list)[:MOST_ROWS].count()


def filters_of(query: QueryDict) -> Filters:
    """Reads the filters of an address."""

    def text(name: str) -> str:
        return query.get(name, "").replace("\0", "").strip()[:200]

    action = text("action")
    return Filters(
        action if action in Action.values else "",
        text("person"),
        text("target"),
        _day(text("since")),
        _day(text("until")),
    )


def _for_staff(view: View) -> View:
    """Answers administrators; for everybody else the page does not exist."""

    @wraps(view)
    @login_required
    def wrapped(request: HttpRequest) -> HttpResponseBase:
        if not request.user.is_staff:
            raise Http404
        return view(request)

    return wrapped


@_for_staff
@require_GET
def audit(request: HttpRequest) -> HttpResponseBase:
    """Who did what, newest first."""
    filters = filters_of(request.GET)
    context: dict[str, Any] = {
        "page": _Pages(filters.rows(), PER_PAGE).get_page(request.GET.get("page")),
        "filters": filters,
        "query": filters.query,
        "actions": Action.choices,
    }
    return render(request, "audit/log.html", context)


@_for_staff
@require_GET
def audit_csv(request: HttpRequest) -> HttpResponseBase:
    """The rows that fit as a table for a spreadsheet; that they were read is written down, too."""
    filters = filters_of(request.GET)
    record(Action.DOWNLOAD, detail=f"audit log {filters.query}")
    response = HttpResponse("\ufeff" + "".join(_lines(filters)), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="audit.csv"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


def _lines(filters: Filters) -> Iterator[str]:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for row in filters.rows()[:MOST_ROWS].values_list(*COLUMNS).iterator(chunk_size=2000):
        at, *others = row
        told = ["" if value is None else str(value) for value in others]
        writer.writerow([at.isoformat(), *map(no_formula, told)])
        yield text.getvalue()
        text.seek(0)
        text.truncate()
    yield text.getvalue()


def _day(text: str) -> dt.date | None:
    try:
        return parse_date(text)
    except ValueError:  # well formed, but no day: 2026-02-30
        return None


def _midnight(day: dt.date) -> dt.datetime:
    return timezone.make_aware(dt.datetime.combine(day, dt.time()))
