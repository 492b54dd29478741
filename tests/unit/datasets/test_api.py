"""The grid, pixels, the map, findings, edits and versions over HTTP."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image as PillowImage

from datasets_app import runner
from datasets_app.models import LEFT_OUT, Dataset, DatasetState, Finding
from datasets_app.services import dataset_create
from tests.factories import DatasetVersionFactory, make_images
from tests.images import encode, photo, photo_zip, write_zip

ClientOf = Callable[[User | None], Client]
pytestmark = pytest.mark.django_db


@pytest.fixture
def client(owner: User, client_of: ClientOf) -> Client:
    return client_of(owner)


@pytest.fixture
def dataset(owner: User, tmp_path: Path) -> Dataset:
    path = photo_zip(tmp_path / "a.zip", 30, 32, 2, extra={"temple/bad.jpg": b"text"})
    made = dataset_create(owner=owner, name="Garden", upload=SimpleUploadedFile("a.zip", path.read_bytes()))
    runner.check_dataset(made.pk)
    Finding.objects.filter(dataset=made, refused=False).delete()  # each test brings its own
    made.refresh_from_db()
    return made


@pytest.fixture
def url(dataset: Dataset) -> str:
    return f"/api/v1/datasets/{dataset.pk}"


def post(client: Client, path: str, body: dict[str, Any], status: int) -> dict[str, Any]:
    answer = client.post(path, body, content_type="application/json")
    assert answer.status_code == status, answer.content
    return answer.json()


def find(dataset: Dataset, kind: str, row: int, **columns: Any) -> Finding:
    return Finding.objects.create(
        dataset=dataset, kind=kind, row=row, **{"refused": False, "reason": "Because.", **columns}
    )


def rows(client: Client, url: str, **query: object) -> list[int]:
    body = client.get(f"{url}/images", query).json()
    assert body["total"] >= len(body["items"])
    return [item["row"] for item in body["items"]]


def test_images_are_filtered_by_all_that_is_known_of_them(client: Client, dataset: Dataset, url: str) -> None:
    find(dataset, "dark", 7, score=0.5)
    find(dataset, "dark", 3, score=0.9)
    find(dataset, "dark", 9, score=0.7, dismissed=True)
    find(dataset, "blurred", 3)
    post(client, f"{url}/changes", {"kind": "exclude", "rows": [0, 40]}, 201)
    assert rows(client, url, limit=3) == [1, 2, 3]
    assert rows(client, url, excluded="all", limit=2) == [0, 1] and rows(client, url, excluded="1") == [0, 40]
    assert rows(client, url, finding="dark") == [3, 7]  # the surest first
    assert rows(client, url, finding="dark", label="temple") == []
    assert len(rows(client, url, label="flower", limit=100)) == 29
    assert rows(client, url, offset=57) == [59] and rows(client, url, offset=9_000_000) == []
    three = client.get(f"{url}/images", {"finding": "blurred"}).json()["items"][0]
    assert three["findings"] == ["dark", "blurred"] and three["original_label"] == three["label"] == "flower"
    for bad in ({"limit": 1001}, {"excluded": "2"}, {"split": "excluded"}, {"offset": -1}):
        assert client.get(f"{url}/images", bad).status_code == 422


def test_a_sheet_shows_the_rows_side_by_side(client: Client, owner: User, tmp_path: Path) -> None:
    wide = photo("temple", 1, 120).resize((120, 60))
    files = [(f"{c}/{i}.jpg", encode(wide.rotate(i))) for c in "ab" for i in range(25)]
    path = write_zip(tmp_path / "wide.zip", files)
    made = dataset_create(owner=owner, name="", upload=SimpleUploadedFile("w.zip", path.read_bytes()))
    runner.check_dataset(made.pk)
    answer = client.get(f"/api/v1/datasets/{made.pk}/sheet", {"rows": "1,49,3", "size": 64})
    picture = PillowImage.open(io.BytesIO(answer.content))
    assert (picture.format, picture.size) == ("JPEG", (192, 64))
    pixels = np.asarray(picture).astype(int)
    assert np.ptp(pixels[:12].mean(axis=2)) < 20 and np.ptp(pixels[20:44].mean(axis=2)) > 60  # letterboxed
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in answer.headers["Cache-Control"] and "private" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Security-Policy"].startswith("sandbox")


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("0,60", 404), ("0,999999999", 404), ("", 422), ("0,,1", 422), ("-1", 422), ("a", 422), ("²", 422),
        (",".join(["1"] * 65), 422), ("1" * 2000, 422),
    ],
)  # fmt: skip
def test_a_sheet_of_odd_rows_is_refused(client: Client, url: str, given: str, status: int) -> None:
    assert client.get(f"{url}/sheet", {"rows": given}).status_code == status
    assert client.get(f"{url}/sheet", {"rows": "0", "size": 1000}).status_code == 422


def test_pixels_that_are_gone_are_not_found(client: Client, dataset: Dataset, url: str) -> None:
    assert dataset.current_version is not None
    (dataset.current_version.cache_dir / "images.u8").unlink()
    for path in ("thumbnails/0", "sheet?rows=0"):
        assert client.get(f"{url}/{path}").status_code == 404


def test_the_map_leaves_out_what_is_left_out(client: Client, dataset: Dataset, url: str) -> None:
    assert dataset.current_version is not None
    places = np.random.default_rng(0).random((60, 2)).astype("<f4")
    places[5] = np.nan
    places.tofile(dataset.current_version.cache_dir / "map.f32")
    post(client, f"{url}/changes", {"kind": "exclude", "rows": [0]}, 201)
    post(client, f"{url}/changes", {"kind": "relabel", "rows": [1], "label": "zebra"}, 201)
    body = client.get(f"{url}/map").json()
    assert body["rows"] == [row for row in range(60) if row not in {0, 5}]
    assert body["classes"] == ["flower", "temple", "zebra"] and body["label"][0] == 2
    assert body["x"][0] == pytest.approx(places[1, 0], abs=1e-4)
    (dataset.current_version.cache_dir / "map.f32").unlink()
    assert client.get(f"{url}/map").json()["rows"] == []


def test_findings_come_with_their_images(client: Client, dataset: Dataset, url: str) -> None:
    find(dataset, "near-copy", 4, other_row=2, score=0.8)
    find(dataset, "near-copy", 9, other_row=2, score=0.9)
    body = client.get(f"{url}/findings", {"kind": "near-copy"}).json()
    assert [(item["row"], item["image"]["row"], item["other"]["row"]) for item in body["items"]] == [
        (9, 9, 2),
        (4, 4, 2),
    ]
    everything = client.get(f"{url}/findings").json()
    assert everything["total"] == 3 and everything["items"][0]["refused"]
    assert everything["items"][0]["image"] is None
    text = client.get(f"{url}/findings.csv").content.decode()
    assert "score" in text.splitlines()[0] and "0.900" in text


def test_one_click_remedies_and_dismissals(client: Client, dataset: Dataset, url: str) -> None:
    first, second = find(dataset, "dark", 4), find(dataset, "dark", 5)
    assert post(client, f"{url}/findings/dismiss", {"ids": [first.pk]}, 200) == {"n": 1}
    body = post(client, f"{url}/findings/remedy", {"kind": "dark"}, 200)
    assert body["n_changes"] == 1 and body["change"]["text"].startswith("1 photo left out")
    kinds = {kind["kind"]: kind for kind in client.get(f"{url}/findings/kinds").json()["items"]}
    assert (kinds["dark"]["n"], kinds["dark"]["n_open"]) == (2, 0)
    assert client.get(f"{url}/findings", {"kind": "dark", "only_open": "1"}).json()["total"] == 0
    assert (
        "Nothing is left"
        in post(client, f"{url}/findings/remedy", {"kind": "dark", "ids": [second.pk]}, 422)["detail"]
    )


def test_edits_are_made_listed_and_taken_back(client: Client, dataset: Dataset, url: str) -> None:
    made = post(client, f"{url}/changes", {"kind": "rename", "labels": ["temple"], "label": "shrine"}, 201)
    assert made == {"number": 1, "text": "Class temple renamed to shrine (30 photos)", "n_changes": 1}
    post(client, f"{url}/changes", {"kind": "exclude", "rows": [0]}, 201)
    body = client.get(url).json()
    assert (body["n_changes"], body["n_excluded"], body["n_images"], body["version"]) == (2, 1, 59, 1)
    assert [row["name"] for row in body["classes"]] == ["flower", "shrine"]
    assert [change["number"] for change in client.get(f"{url}/changes").json()["items"]] == [2, 1]
    assert "undo" not in client.get(f"{url}/changes").json()["items"][0]
    assert post(client, f"{url}/changes/undo", {}, 200) == {"text": "1 photo left out", "n_changes": 1}
    assert (
        "empty"
        in post(client, f"{url}/changes", {"kind": "relabel", "rows": [1], "label": " "}, 422)["detail"]
    )
    for bad in ({"kind": "drop"}, {"kind": "exclude", "rows": [-1]}, {"kind": "exclude", "rows": ["a"]}):
        post(client, f"{url}/changes", bad, 422)


def test_versions_are_made_listed_and_compared(client: Client, dataset: Dataset, url: str) -> None:
    assert "Nothing was changed" in post(client, f"{url}/versions", {}, 422)["detail"]
    post(client, f"{url}/changes", {"kind": "exclude", "rows": [0]}, 201)
    post(client, f"{url}/changes", {"kind": "relabel", "rows": [1, 2], "label": "temple"}, 201)
    post(client, f"{url}/versions", {}, 202)
    assert "worked on" in post(client, f"{url}/changes", {"kind": "exclude", "rows": [3]}, 422)["detail"]
    runner.check_dataset(dataset.pk)
    second, first = client.get(f"{url}/versions").json()["items"]
    assert (second["number"], second["n_images"], first["n_images"]) == (2, 59, 60)
    assert second["changes"] == ["1 photo left out", "2 photos: flower → temple"]
    assert second["content_hash"] != first["content_hash"] and second["classes"] == ["flower", "temple"]
    differences = client.get(f"{url}/versions/1/compare/2").json()
    assert (differences["relabelled"], differences["excluded"], differences["moved"]) == (2, 1, 0)
    assert client.get(f"{url}/versions/1/compare/3").status_code == 404
    body = client.get(url).json()
    assert (body["version"], body["n_changes"], body["n_excluded"], body["state"]) == (2, 0, 1, "READY")
    assert client.get(f"{url}/thumbnails/0").status_code == 200  # what is left out is still shown


def test_checks_run_again_on_demand(client: Client, dataset: Dataset, url: str) -> None:
    post(client, f"{url}/recheck", {}, 202)
    assert client.get(url).json()["job"] == "recheck"
    post(client, f"{url}/recheck", {}, 422)
    runner.check_dataset(dataset.pk)
    assert client.get(url).json()["state"] == "READY"


def test_rows_of_an_unfinished_import_are_not_shown(client: Client, dataset: Dataset, url: str) -> None:
    dataset.versions.all().delete()
    assert client.get(f"{url}/images").json() == {"items": [], "total": 0, "next": None}
    for path in ("thumbnails/0", "sheet?rows=0", "preview"):
        assert client.get(f"{url}/{path}").status_code == 404


def test_a_draft_waits_for_its_files(client: Client) -> None:
    body = post(
        client, "/api/v1/datasets/drafts", {"name": " My\nphotos ", "confirm": True, "n_uploads": 2}, 201
    )
    assert (body["state"], body["job"], body["name"], body["upload"]) == (
        "UPLOADING",
        "inspect",
        "My photos",
        None,
    )
    dataset = Dataset.objects.get()
    dataset.uploads.create(filename="a.zip", length=100, offset=40, path="uploads/x")
    assert client.get(f"/api/v1/datasets/{dataset.pk}").json()["upload"] == {"length": 100, "offset": 40}
    post(client, "/api/v1/datasets/drafts", {"n_uploads": 0}, 422)
    runner.check_dataset(dataset.pk)
    dataset.refresh_from_db()
    assert dataset.state == DatasetState.UPLOADING


def test_public_sets_are_listed_with_their_licence(client: Client) -> None:
    listed = {one["key"]: one for one in client.get("/api/v1/public-sets").json()["items"]}
    assert listed["fashion-mnist"]["licence"] == "MIT" and listed["fashion-mnist"]["n_images"] == 70_000
    body = post(client, "/api/v1/public-sets/fashion-mnist", {}, 201)
    assert (body["state"], body["job"], body["source"]) == ("UPLOADED", "fetch", "fashion-mnist")
    assert "no such public set" in post(client, "/api/v1/public-sets/nonsense", {}, 422)["detail"]


def test_a_list_of_data_sets_asks_the_database_a_fixed_number_of_times(
    client: Client, owner: User, django_assert_max_num_queries: Any
) -> None:
    for _ in range(5):
        made = DatasetVersionFactory(dataset__owner=owner).dataset
        make_images(made, ["a"] * 3)
        made.images.filter(row=0).update(excluded=True)
    with django_assert_max_num_queries(10):
        body = client.get("/api/v1/datasets").json()
    assert [one["n_excluded"] for one in body["items"]] == [1] * 5


def test_seventy_thousand_images_are_paged_by_index_alone(client: Client, owner: User) -> None:
    made = DatasetVersionFactory(dataset__owner=owner).dataset
    make_images(made, [f"class {i // 7000}" for i in range(70_000)])
    made.images.filter(row__range=(3000, 5999)).update(excluded=True)
    url = f"/api/v1/datasets/{made.pk}"
    assert rows(client, url, offset=66_999) == [69_999]
    assert rows(client, url, offset=6990, limit=2, label="class 9") == [69_990, 69_991]
    assert rows(client, url, offset=2999, excluded="1") == [5999]
    every = made.images.order_by("row").values_list("row")
    for images in (every.exclude(LEFT_OUT), every.filter(label="class 3"), every.filter(split="val")):
        plan = images[60_000:60_100].explain()
        assert "TEMP B-TREE" not in plan  # no sorting of what is not shown
    assert (
        "COVERING INDEX" in every.filter(label="class 3", split="val", excluded__in=[False])[:100].explain()
    )
