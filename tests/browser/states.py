"""The states of every page, made as rows in the database of a running stack; run inside its Django shell."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from datasets_app.models import Dataset, DatasetState
from search_app.device_services import device_create
from search_app.models import Device, SearchRun
from tests import factories, full_house
from tests.finished import evaluated

LONG = "Photos of the second assembly line, taken by the night shift on Wednesdays " * 3


def main() -> None:
    """Builds everything and prints, as JSON, the sessions of both people and the addresses by name."""
    full = factories.UserFactory(username="full", email="full@example.org")
    empty = factories.UserFactory(username="empty", email="empty@example.org")
    data = {
        "sessions": {"full": session_of(full), "empty": session_of(empty)},
        "addresses": {**_datasets(full), **_searches(full), **_devices(full)},
    }
    sys.stdout.write(json.dumps(data))


def clear() -> None:
    """Takes both people and all that is theirs away: other tests share the installation."""
    people = User.objects.filter(username__in=("full", "empty"))
    SearchRun.objects.filter(owner__in=people).delete()
    people.delete()


def session_of(user: User) -> dict[str, str]:
    """Returns the cookie of a user who has signed in."""
    client = Client()
    client.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[0])
    name = settings.SESSION_COOKIE_NAME
    return {"name": name, "value": client.cookies[name].value}


def _later() -> dict[str, Any]:
    """A lease that lasts: no worker takes the row up while it is looked at."""
    return {"lease_until": timezone.now() + timedelta(days=1)}


def _datasets(owner: User) -> dict[str, str]:
    states: dict[str, dict[str, Any]] = {
        "dataset-uploading": {"state": DatasetState.UPLOADING, "name": "Half of it is here"},
        "dataset-checking": {
            "state": DatasetState.CHECKING,
            "name": LONG[:200],
            "stage": "Looking for photos that are there twice",
            "progress_done": 4200,
            "progress_total": 9800,
        },
        "dataset-rejected": {
            "state": DatasetState.REJECTED,
            "name": "Holiday",
            "error": "Only one class was found. Put the photos of each class into a folder of its own.",
        },
    }
    made = {
        name: Dataset.objects.create(owner=owner, size_bytes=10**9, **_later(), **values)
        for name, values in states.items()
    }
    return {name: f"/datasets/{dataset.pk}/" for name, dataset in made.items()}


def _searches(owner: User) -> dict[str, str]:
    done = evaluated(owner, networks=True, spent_seconds=588.0, n_candidates=12, best_accuracy=0.921)
    dataset = done.dataset_version.dataset
    state = SearchRun.State
    rows = {
        "live-waiting": _run(done, state.QUEUED, name="Waiting for its turn"),
        "live-running": _run(done, state.RUNNING, name=LONG[:200]),
        "live-paused": _run(done, state.PAUSED, name="Until the night", progress=0.4, spent_seconds=240.0),
        "live-failed": _run(done, state.FAILED, name="Failed", error="The disk is full. Free some space."),
        "live-stopped": _run(done, state.STOPPED, name="Stopped before its first network"),
    }
    running = rows["live-running"]
    full_house.fill(running, 400)
    SearchRun.objects.filter(pk=running.pk).update(
        phase="base_search",
        message="Training network 400 of about 520",
        eta_seconds=420.0,
        progress=0.3,
        spent_seconds=180.0,
        started_at=timezone.now() - timedelta(minutes=3),
    )
    model = done.models.get(candidate_number=9)
    addresses = {name: f"/searches/{run.pk}/" for name, run in rows.items()}
    addresses["live-finished"] = f"/searches/{done.pk}/"
    addresses["result"] = f"/searches/{done.pk}/result/"
    addresses["result-failed"] = f"/searches/{rows['live-failed'].pk}/result/"
    addresses["model"] = f"/searches/{done.pk}/models/{model.pk}/"
    addresses["try"] = f"/searches/{done.pk}/models/{model.pk}/try/"
    other = evaluated(owner, spent_seconds=1190.0, minutes=20, n_candidates=12, best_accuracy=0.918)
    addresses["compare"] = f"/searches/compare/?a={done.pk}&b={other.pk}"
    addresses["compare-networks"] = f"/searches/{done.pk}/compare/?a=9&b=10"
    for tab in ("classes", "confidence", "kinds", "more"):
        addresses[f"model-{tab}"] = f"{addresses['model']}?tab={tab}"
    for tab in ("overview", "findings", "photos", "map", "versions"):
        addresses[f"dataset-{tab}"] = f"/datasets/{dataset.pk}/?tab={tab}"
    return addresses


def _run(like: SearchRun, state: str, **about: Any) -> SearchRun:
    run: SearchRun = factories.SearchRunFactory(
        owner=like.owner, dataset_version=like.dataset_version, state=state, **_later(), **about
    )
    return run


def _devices(owner: User) -> dict[str, str]:
    waiting = device_create(
        owner=owner, name="Phone of the shift", kind="browser", spaces=["lite-elastic"], extent="quick"
    )
    refused = device_create(
        owner=owner, name="Old board", kind="python", spaces=["lite-elastic"], extent="quick"
    )
    Device.objects.filter(pk=refused.pk).update(
        state=Device.State.REFUSED,
        refusal="The timings scatter too much. Close other programs, measure again.",
    )
    return {"device-waiting": f"/devices/{waiting.pk}/", "device-refused": f"/devices/{refused.pk}/"}


if __name__ == "__main__":
    main()
