"""One owner's things, all of them real: what the authorisation walks try to get at."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import override_settings

from datasets_app.changes import change_create
from datasets_app.models import (
    AuditEntry,
    Change,
    Dataset,
    DatasetState,
    Finding,
    Image,
    Membership,
    Team,
    Upload,
)
from datasets_app.runner import check_dataset
from datasets_app.services import dataset_create, dataset_import, dataset_version_create
from datasets_app.teams import team_create
from datasets_app.uploads import upload_create
from nas.events import Event
from search_app.device_services import device_create
from search_app.models import ApiToken, Device, SearchEvent, SearchRun, TrainedModel, WebhookEndpoint
from search_app.record import record_event
from search_app.tokens import token_create
from tests import factories, images

SECRETS = (
    "Otterfjord tiles",
    "Search on the fjord",
    "otterbroken",
    "the fjord speaks",
    "half an otter",
    "otterphone",
    "otterhook",
    "otterprogram",
    "Otter lab",
)


@dataclass(frozen=True)
class World:
    """What the owner has.

    Attributes:
        ids: Values of path parameters by their name in the routes.
        archive: A zip that anyone may upload.
        storage: Where the owner's files lie.
        n_events: Number of the run's events.
        built: `fingerprint` right after building.
        secrets: Words that stand only in the owner's things.
    """

    ids: dict[str, str]
    archive: Path
    storage: Path
    n_events: int
    built: dict[str, Any]
    secrets: tuple[str, ...] = SECRETS

    @staticmethod
    def fingerprint() -> dict[str, Any]:
        """Returns all that a stranger might change: rows, states and files of the owner."""
        datasets = Dataset.objects.filter(owner__username="owner")
        runs = SearchRun.objects.filter(owner__username="owner")
        devices = Device.objects.filter(owner__username="owner")
        return {
            "datasets": list(datasets.values_list("pk", "name", "state", "fence", "job")),
            "images": list(
                Image.objects.filter(dataset__in=datasets).values_list("row", "label", "split", "excluded")
            ),
            "changes": list(
                Change.objects.filter(dataset__in=datasets).values_list("number", "text", "version")
            ),
            "findings": list(Finding.objects.filter(dataset__in=datasets).values_list("pk", "dismissed")),
            "uploads": list(Upload.objects.filter(dataset__in=datasets).values_list("pk", "offset")),
            "runs": list(runs.values_list("pk", "name", "state", "fence", "last_seq")),
            "models": list(TrainedModel.objects.filter(run__in=runs).values_list("pk", "name")),
            "devices": list(devices.values_list("pk", "name", "state", "link_token")),
            "webhooks": list(WebhookEndpoint.objects.filter(owner__username="owner").values_list()),
            "tokens": list(
                ApiToken.objects.filter(owner__username="owner", name=SECRETS[7]).values_list(
                    "pk", "revoked_at"
                )
            ),
            "shared": [
                list(rows.order_by("pk").values_list("pk", "team")) for rows in (datasets, runs, devices)
            ],
            "members": list(Membership.objects.order_by("pk").values_list("team", "user", "role")),
            "events": SearchEvent.objects.filter(run__in=runs).count(),
            "files": sorted(str(path) for run in runs for path in run.workdir.rglob("*")),
        }


def build_world(owner: User, directory: Path) -> World:
    """Imports a real zip and makes a finished run with candidates, events, a model and its report."""
    archive = images.photo_zip(
        directory / "photos.zip",
        n_per_class=25,
        size=32,
        n_classes=2,
        extra={"temple/otterbroken.jpg": b"no"},
    )
    dataset = _import(owner, archive)
    version = dataset.current_version
    assert version is not None
    assert dataset.state == DatasetState.READY
    run = factories.SearchRunFactory(
        owner=owner,
        dataset_version=version,
        name=SECRETS[1],
        state=SearchRun.State.DONE,
        report="report.json",
    )
    _tell(run)
    model = _write_model(run)
    upload = upload_create(owner=owner, length=100, filename=f"{SECRETS[4]}.zip")
    team = team_create(user=owner, name=SECRETS[8])
    device = device_create(owner=owner, name=SECRETS[5], kind="python", spaces=["nasbench201"])
    # Without a look whether there is such a host: tests have no network.
    endpoint = WebhookEndpoint.objects.create(owner=owner, url=f"https://{SECRETS[6]}.example.org/", salt="0")
    token_create(owner=owner, name=SECRETS[7], scopes=["datasets:read"])
    return World(
        ids={
            "dataset_id": str(dataset.pk),
            "run_id": str(run.pk),
            "model_id": str(model.pk),
            "number": "0",
            "row": "0",
            "target": "0",
            "kind": "learning",
            "rows": "0,1",
            "first": "1",
            "second": "2",
            "key": "mnist",
            "name": "labels.json",
            "finding_ids": str(dataset.findings.earliest("pk").pk),
            "upload_id": str(upload.pk),
            "device_id": str(device.pk),
            "endpoint_id": str(endpoint.pk),
            "token": uuid.uuid4().hex,
            "team_id": str(team.pk),
            "what": "dataset",
            "thing_id": str(dataset.pk),
        },
        archive=archive,
        storage=Path(settings.STORAGE_DIR),
        n_events=run.events.count(),
        built=World.fingerprint(),
    )


@contextmanager
def living_world(directory: Path) -> Iterator[World]:
    """Builds it in the test database itself, and takes it down again: for all tests of a module."""
    with override_settings(STORAGE_DIR=directory / "storage"):
        (directory / "storage").mkdir()
        owner = factories.UserFactory(username="owner")
        yield build_world(owner, directory)
        SearchRun.objects.all().delete()
        owner.delete()
        Team.objects.all().delete()
        AuditEntry.objects.all()._raw_delete("default")  # delete() itself is refused


def _import(owner: User, archive: Path) -> Dataset:
    upload = SimpleUploadedFile("photos.zip", archive.read_bytes(), content_type="application/zip")
    dataset = dataset_create(owner=owner, name=SECRETS[0], upload=upload, confirm=True)
    check_dataset(dataset.pk)
    dataset.refresh_from_db()
    dataset_import(dataset=dataset, interpretation=dataset.preview["interpretation"])
    check_dataset(dataset.pk)
    change_create(dataset=dataset, kind="relabel", rows=[0], label="temple")
    dataset_version_create(dataset=dataset)
    check_dataset(dataset.pk)
    change_create(dataset=dataset, kind="exclude", rows=[1])
    dataset.refresh_from_db()
    return dataset


def _tell(run: SearchRun) -> None:
    record_event(run.pk, Event("phase_started", {"phase": "base_search", "message": "Searching"}))
    for number in range(3):
        record_event(run.pk, Event("candidate_finished", {"candidate": factories.candidate_json(number)}))
    record_event(run.pk, Event("log", {"message": SECRETS[3]}))


def _write_model(run: SearchRun) -> TrainedModel:
    folder = run.workdir / "models" / "first"
    folder.mkdir(parents=True)
    files = []
    for name, content in (("labels.json", json.dumps(["flower", "temple"])), ("secret.txt", SECRETS[3])):
        (folder / name).write_text(content)
        files.append({"name": name, "bytes": len(content), "sha256": "0" * 64})
    (run.workdir / "report.json").write_text(json.dumps({"schema_version": 1, "title": SECRETS[1]}))
    (run.workdir / "report.html").write_text(f"<!doctype html><title>{SECRETS[1]}</title>")
    # secret.txt lies in the folder but not in the row: no address may hand it out.
    return factories.TrainedModelFactory(run=run, files=files[:1])
