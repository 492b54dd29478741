"""Rows of all tables as JSON lines that both databases read: an archive of one opens on the other.

A table is one line ``{"model": "app.name", "columns": [...]}`` and then one line ``[...]`` for each row.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from typing import IO, Any, Final
from uuid import UUID

from django.apps.registry import Apps
from django.core.management.color import no_style
from django.db import connection, models
from django.db.migrations.state import StateApps
from django.utils.duration import duration_string

from automl_site.backup.errors import BackupError

ROWS_AT_ONCE: Final = 2000
LEFT_OUT: Final = frozenset({"sessions.session", "usersessions.usersession"})
"""Who is signed in is not kept: an archive that gets lost opens no session."""


def kept_models(apps: Apps) -> list[type[models.Model]]:
    """Returns the models whose tables an archive holds, many-to-many tables included."""
    return [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy and model._meta.label_lower not in LEFT_OUT
    ]


def dump_rows(apps: Apps, target: IO[str]) -> int:
    """Writes every row of the default database, as the transaction at hand sees it.

    Args:
        apps: Whose models describe the tables as they are now.
        target: Where the lines go.

    Returns:
        Number of rows.
    """
    n_rows = 0
    for model in kept_models(apps):
        columns = [field.attname for field in model._meta.concrete_fields]
        target.write(json.dumps({"model": model._meta.label_lower, "columns": columns}) + "\n")
        rows = model._base_manager.order_by("pk").values_list(*columns)
        for row in rows.iterator(chunk_size=ROWS_AT_ONCE):
            target.write(json.dumps(row, default=_plain, separators=(",", ":")) + "\n")
            n_rows += 1
    return n_rows


def load_rows(apps: StateApps, lines: Iterable[str]) -> int:
    """Replaces the content of all tables of the default database; call it in a transaction.

    Args:
        apps: Models of the tables as they were when the lines were written. They must be historical ones:
            their ``auto_now`` fields are switched off, so that dates stay what they were.
        lines: As `dump_rows` wrote them.

    Returns:
        Number of rows.

    Raises:
        BackupError: A line names a table or column that is not there.
    """
    known = {model._meta.label_lower: model for model in kept_models(apps)}
    for model in known.values():
        _empty(model)
    n_rows = 0
    for model, rows in _tables(known, lines):
        while some := list(islice(rows, ROWS_AT_ONCE)):
            model._base_manager.bulk_create(some)
            n_rows += len(some)
    connection.check_constraints()
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), list(known.values())):
            cursor.execute(statement)
    return n_rows


def _empty(model: type[models.Model]) -> None:
    """Removes what the migrations put in; every table is emptied, and foreign keys are checked at the end."""
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {connection.ops.quote_name(model._meta.db_table)}")  # noqa: S608


def _tables(
    known: dict[str, type[models.Model]], lines: Iterable[str]
) -> Iterator[tuple[type[models.Model], Iterator[models.Model]]]:
    rest = iter(lines)
    head = next(rest, None)
    while head is not None:
        table = json.loads(head)
        model = known.get(table["model"])
        if model is None:
            raise BackupError(
                f"The archive holds a table '{table['model']}' that its own list of migrations does not "
                "make. It was not written by this program, or was changed since. Use another backup."
            )
        reader = _Reader(model, table["columns"], rest)
        yield model, iter(reader)
        head = reader.next_head


class _Reader:
    """The rows of one table; `next_head` is the line of the next one once they are read."""

    def __init__(self, model: type[models.Model], columns: list[str], lines: Iterator[str]) -> None:
        fields = {field.attname: field for field in model._meta.concrete_fields}
        if set(columns) != set(fields):
            odd = ", ".join(sorted(set(columns) ^ set(fields)))
            raise BackupError(
                f"The archive's table '{model._meta.label_lower}' has other columns ({odd}). Use another one."
            )
        self._model, self._lines = model, lines
        self._fields = [fields[name] for name in columns]
        for field in self._fields:
            if isinstance(field, models.DateField | models.TimeField):
                field.auto_now = field.auto_now_add = False
        self.next_head: str | None = None

    def __iter__(self) -> Iterator[models.Model]:
        for line in self._lines:
            if line.startswith("{"):
                self.next_head = line
                return
            values = json.loads(line)
            yield self._model(
                **{
                    field.attname: _typed(field, value)
                    for field, value in zip(self._fields, values, strict=True)
                }
            )


def _typed(field: Any, value: Any) -> Any:
    return value if isinstance(field, models.JSONField) else field.to_python(value)


def _plain(value: Any) -> str:
    match value:
        case datetime() | date() | time():
            return value.isoformat()
        case UUID() | Decimal():
            return str(value)
        case timedelta():
            return duration_string(value)
        case bytes() | memoryview():
            return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} has no form in an archive")
