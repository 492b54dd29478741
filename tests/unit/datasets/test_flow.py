"""Upload -> check -> ready, through the HTTP interface and the real importer."""

from __future__ import annotations

import csv
import io
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client, TestCase
from PIL import Image as PillowImage

from datasets_app import runner
from datasets_app.claims import claim
from datasets_app.models import Dataset, DatasetState, DatasetVersion
from datasets_app.services import dataset_delete
from datasets_app.storage import cache_dir, version_id
from nas.data.cache import ImageCache
from tests.images import PHOTO_CLASSES, encode, photo, photo_zip, write_zip

URL = "/api/v1/datasets"
ClientOf = Callable[[User | None], Client]
pytestmark = pytest.mark.django_db


def upload(client: Client, path: Path, name: str = "Garden") -> HttpResponse:
    with path.open("rb") as file:
        return client.post(URL, {"file": file, "name": name})


def imported(owner: User, client: Client, path: Path, name: str = "Garden") -> Dataset:
    """Uploads and lets the worker's function run."""
    answer = upload(client, path, name)
    assert answer.status_code == 201, answer.content
    runner.check_dataset(answer.json()["id"])
    return Dataset.objects.get(pk=answer.json()["id"])


@pytest.fixture
def client(owner: User, client_of: ClientOf) -> Client:
    return client_of(owner)


def test_upload_is_checked_and_becomes_ready(client: Client, owner: User, tmp_path: Path) -> None:
    answer = upload(client, photo_zip(tmp_path / "a.zip", n_per_class=30, size=48, n_classes=2))
    body = answer.json()
    assert (body["state"], body["n_images"], body["progress"]) == ("UPLOADED", 0, None)

    runner.check_dataset(body["id"])

    body = client.get(f"{URL}/{body['id']}").json()
    assert body["state"] == "READY" and body["error"] is None
    assert body["n_images"] == 60 and body["n_classes"] == 2 and body["n_refused"] == 0
    assert {row["name"]: row["total"] for row in body["classes"]} == dict.fromkeys(PHOTO_CLASSES[:2], 30)
    version = Dataset.objects.get().current_version
    assert version is not None
    cache = ImageCache.open(version.cache_dir)
    assert cache.content_hash == version.content_hash
    assert len(cache) == Dataset.objects.get().images.count() == 60
    assert [body["id"]] == [one["id"] for one in client.get(URL).json()["items"]]


def test_one_image_in_two_classes_is_asked_once_and_settled_by_an_answer(
    client: Client, owner: User, tmp_path: Path
) -> None:
    twin = encode(photo("temple", 3, 48), quality=88)
    path = photo_zip(
        tmp_path / "a.zip", n_per_class=25, size=48, n_classes=2, extra={"flower/twin.jpg": twin}
    )
    dataset = imported(owner, client, path)
    assert dataset.state == DatasetState.NEEDS_ATTENTION
    found = client.get(f"{URL}/{dataset.pk}/findings").json()["items"]
    (asked,) = (one for one in found if "two-labels" in one["kind"])
    assert asked["kind"] == "copy-two-labels" and asked["image"] and asked["other"]
    change = {"kind": "exclude", "rows": [asked["row"]]}
    answer = client.post(f"{URL}/{dataset.pk}/changes", change, content_type="application/json")
    assert answer.status_code in (200, 201), answer.content
    assert client.get(f"{URL}/{dataset.pk}").json()["state"] == "READY"


def test_bad_files_are_named_and_the_rest_is_imported(client: Client, owner: User, tmp_path: Path) -> None:
    jpeg = encode(photo("temple", 99, 48))
    path = photo_zip(
        tmp_path / "a.zip", n_per_class=25, size=48, n_classes=2,
        extra={"temple/=cmd.jpg": jpeg[:300], "temple/<script>.jpg": b"<svg></svg>", "../x.jpg": jpeg},
    )  # fmt: skip
    dataset = imported(owner, client, path)
    assert dataset.state == DatasetState.READY
    found = client.get(f"{URL}/{dataset.pk}/findings").json()
    refused = [item for item in found["items"] if item["refused"]]
    assert {item["kind"] for item in refused} == {"truncated", "not-an-image", "path-traversal"}
    assert len(refused) == 3 and all(item["reason"] and item["remedy"] for item in refused)
    answer = client.get(f"{URL}/{dataset.pk}/findings.csv")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert len(rows) == found["total"] + 1 and not any(
        cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row
    )


def test_cells_that_look_like_formulas_are_marked(client: Client, owner: User, tmp_path: Path) -> None:
    path = photo_zip(tmp_path / "a.zip", 25, 32, 2, extra={"=1+1/a.jpg": b"text", "@x/a.jpg": b"text"})
    dataset = imported(owner, client, path)
    text = client.get(f"{URL}/{dataset.pk}/findings.csv").content.decode()
    assert "'=1+1/a.jpg" in text and "'@x/a.jpg" in text


def test_one_class_is_kept_but_blocked(client: Client, owner: User, tmp_path: Path) -> None:
    dataset = imported(owner, client, photo_zip(tmp_path / "a.zip", n_per_class=25, size=32, n_classes=1))
    assert dataset.state == DatasetState.NEEDS_ATTENTION
    assert "at least two classes" in dataset.error
    assert dataset.current_version is not None and dataset.current_version.blocking
    assert dataset.current_version.n_images == 25


def test_upload_without_any_image_is_rejected_with_findings(
    client: Client, owner: User, tmp_path: Path
) -> None:
    dataset = imported(
        owner, client, write_zip(tmp_path / "a.zip", [("a/x.jpg", b"no image"), ("b/y.jpg", b"")])
    )
    assert dataset.state == DatasetState.REJECTED and dataset.current_version is None
    assert "No image of the upload could be used" in dataset.error
    assert client.get(f"{URL}/{dataset.pk}").json()["n_refused"] == 2


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "empty"), (b"hello", "not a zip"), (b"PK\x03\x04" + b"x" * 100, "incomplete")],
)
def test_what_is_no_zip_is_refused_at_once(client: Client, content: bytes, words: str) -> None:
    answer = client.post(URL, {"file": SimpleUploadedFile("a.zip", content), "name": "x"})
    assert answer.status_code == 422 and words in json.dumps(answer.json())
    assert not Dataset.objects.exists()


def test_large_uploads_are_moved_and_nothing_else_is_left(
    client: Client, owner: User, tmp_path: Path, settings: object, storage: Path
) -> None:
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 0  # type: ignore[attr-defined]
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)  # type: ignore[attr-defined]
    path = photo_zip(tmp_path / "a.zip", n_per_class=25, size=32, n_classes=2)
    dataset = imported(owner, client, path)
    kept = dataset.uploads.get()
    assert kept.file.read_bytes() == path.read_bytes() and kept.file.is_relative_to(storage)
    assert kept.offset == kept.length == path.stat().st_size and kept.completed_at
    assert not list(tmp_path.glob("*.upload*"))
    assert dataset.size_bytes == path.stat().st_size


@pytest.mark.parametrize("limit", ["size", "disk"])
def test_upload_over_a_limit_is_refused(
    client: Client, tmp_path: Path, settings: object, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    path = photo_zip(tmp_path / "a.zip", n_per_class=5, size=32, n_classes=2)
    if limit == "size":
        settings.MAX_UPLOAD_BYTES = 1000  # type: ignore[attr-defined]
    else:
        usage = type("Usage", (), {"free": 1000})
        monkeypatch.setattr("datasets_app.arrival.shutil.disk_usage", lambda _path: usage)
    answer = upload(client, path)
    assert answer.status_code == 422 and not Dataset.objects.exists()
    assert ("at most" if limit == "size" else "disk") in answer.json()["detail"]


def test_names_are_data(client: Client, owner: User, tmp_path: Path) -> None:
    path = photo_zip(tmp_path / "a.zip", n_per_class=5, size=32, n_classes=1)
    name = "<script>\u202ealert(1)</script>\n" + "ü" * 300
    body = upload(client, path, name).json()
    assert body["name"].startswith("<script> alert(1)</script> ü") and len(body["name"]) == 200
    assert upload(client, path, "  ").json()["name"] == "a"


def test_thumbnails_are_made_anew_and_keep_the_proportions(
    client: Client, owner: User, client_of: ClientOf, stranger: User, tmp_path: Path
) -> None:
    wide = photo("temple", 1, 120).resize((120, 60))
    files = [(f"{c}/{i}.jpg", encode(wide.rotate(i))) for c in "ab" for i in range(25)]
    dataset = imported(owner, client, write_zip(tmp_path / "a.zip", files))
    url = f"{URL}/{dataset.pk}/thumbnails/3"
    answer = client.get(url)
    assert answer.headers["Content-Type"] == "image/webp"
    assert (
        answer.headers["X-Content-Type-Options"] == "nosniff" and "private" in answer.headers["Cache-Control"]
    )
    assert PillowImage.open(io.BytesIO(answer.content)).size == (160, 80)
    assert client.get(f"{URL}/{dataset.pk}/thumbnails/999").status_code == 404
    assert client_of(stranger).get(url).status_code == 404


def test_images_can_be_filtered(client: Client, owner: User, tmp_path: Path) -> None:
    dataset = imported(owner, client, photo_zip(tmp_path / "a.zip", n_per_class=30, size=32, n_classes=2))
    url = f"{URL}/{dataset.pk}/images"
    val = client.get(url, {"split": "val", "label": "flower", "limit": 3}).json()
    assert len(val["items"]) == 3 and val["total"] >= 3
    assert {(i["split"], i["label"]) for i in val["items"]} == {("val", "flower")}
    assert client.get(url, {"split": "other"}).status_code == 422
    assert client.get(url, {"offset": -1}).status_code == 422


def test_stranger_gets_404_and_cannot_delete(
    client: Client, owner: User, stranger: User, client_of: ClientOf, tmp_path: Path
) -> None:
    dataset = imported(owner, client, photo_zip(tmp_path / "a.zip", n_per_class=5, size=32, n_classes=2))
    other = client_of(stranger)
    for path in ("", "/findings", "/findings.csv", "/images", "/thumbnails/0"):
        assert other.get(f"{URL}/{dataset.pk}{path}").status_code == 404
    assert other.delete(f"{URL}/{dataset.pk}").status_code == 404
    assert other.get(URL).json() == {"items": [], "total": 0, "next": None}
    assert client_of(None).get(f"{URL}/{dataset.pk}").status_code == 401


@pytest.mark.django_db(transaction=True)
def test_delete_removes_rows_and_files(client: Client, owner: User, tmp_path: Path, storage: Path) -> None:
    dataset = imported(owner, client, photo_zip(tmp_path / "a.zip", n_per_class=5, size=32, n_classes=2))
    assert client.delete(f"{URL}/{dataset.pk}").status_code == 204
    assert not Dataset.objects.exists() and not DatasetVersion.objects.exists()
    assert [p for p in storage.rglob("*") if p.is_file()] == []


def test_public_sets_count_against_the_quota_and_come_two_at_a_time(client: Client, settings: Any) -> None:
    url = "/api/v1/public-sets/fashion-mnist"
    settings.QUOTA_BYTES = 1_000_000
    refused = client.post(url)
    assert refused.status_code in (413, 422) and "Delete a data set" in refused.json()["detail"]
    settings.QUOTA_BYTES = 10**12
    assert [client.post(url).status_code for _ in range(3)] == [201, 201, 422]
    assert Dataset.objects.count() == 2


def test_deleting_removes_what_a_killed_import_left(client: Client, owner: User, tmp_path: Path) -> None:
    answer = upload(client, photo_zip(tmp_path / "a.zip", n_per_class=6, size=32, n_classes=2))
    held = claim(Dataset, uuid.UUID(answer.json()["id"]))
    assert held is not None
    target = cache_dir(version_id(held.pk, held.fence))
    left = target.parent / f".{target.name}.partial-abc"
    left.mkdir(parents=True)
    (left / "images.u8").write_bytes(b"x")
    with TestCase.captureOnCommitCallbacks(execute=True):
        dataset_delete(dataset=Dataset.objects.get())
    assert not left.exists()
