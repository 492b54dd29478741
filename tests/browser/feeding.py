"""Searches as a worker leaves them in the database, for the live page: made by `manage.py shell -c`.

The runs are claimed until the evening, so that no worker of the stack takes them up.
"""

from __future__ import annotations

import random
import time
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.db.models.functions import Now

from nas.events import Event
from search_app.models import Candidate, SearchRun
from search_app.record import record_event
from tests.factories import SearchRunFactory, candidate_json

AT_ONCE = 1000
HOSTILE = "<img src=x onerror=alert(1)> & <b>"


def network(number: int, draw: random.Random) -> dict[str, Any]:
    """A network whose accuracy grows with its time, with a hostile name now and then."""
    data = candidate_json(number, label=f"Search {number} · 96 px" if number % 7 else f"{HOSTILE} {number}")
    data["source"] = "first_model" if number == 0 else draw.choices(("base_search", "scaled"), (9, 1))[0]
    data["architecture"]["resolution"] = 32 + 8 * (number % 9)
    data["architecture"]["head_channels"] = 64 + number  # each a network of its own
    latency = 0.5 + 12 * draw.random() ** 2
    accuracy = 0.92 - 0.35 / (1 + latency) - 0.25 * draw.random() ** 2
    spread = {"accuracy": accuracy, "accuracy_low": accuracy - 0.03, "accuracy_high": accuracy + 0.03}
    size = int(1e6 * (1 + latency * draw.random()))
    data["metrics"] |= {**spread, "latency_ms": latency, "size_bytes": size, "macs": int(2e6 * latency)}
    return data


def make_run(n: int, minutes: float = 60.0, **about: Any) -> SearchRun:
    """A running search that has tried `n` networks."""
    run: SearchRun = SearchRunFactory(
        owner=User.objects.get(),
        minutes=minutes,
        state="RUNNING",
        phase="base_search",
        message="Search 17 · 96 px",
        spent_seconds=600.0,
        progress=600.0 / (60 * minutes),
        **about,
    )
    SearchRun.objects.filter(pk=run.pk).update(
        started_at=Now(), lease_until=Now() + timedelta(hours=9), claimed_by="test", n_candidates=n
    )
    draw = random.Random(3)
    rows = (network(number, draw) for number in range(min(n, AT_ONCE)))
    Candidate.objects.bulk_create(
        (Candidate(run=run, number=row["number"], **Candidate.columns(row)) for row in rows), batch_size=500
    )
    for first in range(AT_ONCE, n, AT_ONCE):
        _copy(run, first, n, draw)
    return run


def _copy(run: SearchRun, first: int, n: int, draw: random.Random) -> None:
    """Adds a thousand networks like the first ones, a little slower and worse; the rows are copied in SQL."""
    changed = {
        "number": "number + %(first)s",
        "twin": "twin + %(first)s",
        "latency_ms": "latency_ms * %(slower)s",
        "accuracy": "accuracy * %(worse)s",
    }
    names = [field.column for field in Candidate._meta.concrete_fields if not field.primary_key]
    columns, values = ", ".join(names), ", ".join(changed.get(name, name) for name in names)
    table = Candidate._meta.db_table
    told = {"first": first, "most": min(AT_ONCE, n - first), "run": run.pk.hex}
    with connection.cursor() as cursor:
        cursor.execute(  # names of columns only
            f"INSERT INTO {table} ({columns}) SELECT {values} FROM {table} "  # noqa: S608
            "WHERE run_id = %(run)s AND number < %(most)s",
            told | {"slower": 1 + draw.random() / 5, "worse": 1 - draw.random() / 20},
        )


def feed(run_id: str, first: int, seconds: float, rate: float) -> int:
    """Tells events as a worker does: networks, and every fifth time what the method and the clock say.

    Returns:
        How many events were told.
    """
    draw = random.Random(first)
    started, told, number = time.monotonic(), 0, first
    while time.monotonic() - started < seconds:
        if told % 5 == 3:
            values = {"hypervolume": 0.1 * number, "front": number % 30}
            event = Event("method", {"strategy": "nsga2", "step": number, "values": values, "shares": {}})
        elif told % 5 == 4:
            spent = 600 + time.monotonic() - started
            progress = {"fraction": spent / 3600, "spent_seconds": spent, "eta_seconds": 3600 - spent}
            event = Event("progress", {"phase": "base_search", "message": f"Search {number}", **progress})
        else:
            event = Event("candidate_finished", {"candidate": network(number, draw)})
            number += 1
        record_event(SearchRun.objects.get(pk=run_id).pk, event)
        told += 1
        time.sleep(max(0.0, started + told / rate - time.monotonic()))
    return told
