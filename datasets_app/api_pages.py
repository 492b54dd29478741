"""Lists of the API in one form: a part of the rows, how many there are, and where the next part is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from django.db.models import QuerySet
from django.http import HttpRequest
from ninja import Schema

Row = TypeVar("Row")


class Page(Schema, Generic[Row]):
    """A part of a list; `next` is the address of the next part, null at the end."""

    items: list[Row]
    total: int
    next: str | None


def page_of(
    request: HttpRequest,
    rows: QuerySet[Any] | Sequence[Any],
    offset: int,
    limit: int,
    told: Callable[[list[Any]], list[Any]] = list,
) -> dict[str, Any]:
    """Returns the part of `rows` from `offset` on, at most `limit`.

    Args:
        request: Of whom; its address and filters stay in `next`.
        rows: In their order.
        offset: How many to leave out, 0 or more.
        limit: How many at most, 1 or more.
        told: Makes of the rows of the part what the API says about them.
    """
    total = rows.count() if isinstance(rows, QuerySet) else len(rows)
    items = told(list(rows[offset : offset + limit]))
    return {"items": items, "total": total, "next": next_part(request, offset, limit, total)}


def whole_page(rows: Sequence[Any]) -> dict[str, Any]:
    """Returns a short list that comes in one part."""
    return {"items": rows, "total": len(rows), "next": None}


def next_part(request: HttpRequest, offset: int, limit: int, total: int) -> str | None:
    """Returns the address of the next part; of this site, without its name: no header is believed."""
    if offset + limit >= total:
        return None
    return with_query(request, offset=offset + limit, limit=limit)


def with_query(request: HttpRequest, **changed: int) -> str:
    """Returns the request's own address with some of its query parameters changed."""
    query = request.GET.copy()
    for name, value in changed.items():
        query[name] = str(value)
    return f"{request.path}?{query.urlencode()}"
