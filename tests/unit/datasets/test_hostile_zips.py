"""Generated and damaged zips on their whole way (request, worker, deletion): nothing breaks or is left."""

from __future__ import annotations

import random
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasets_app import import_job, runner
from datasets_app.check_job import leave_unchecked
from datasets_app.models import Dataset
from tests.images import photo_files
from tests.unit.data.hostile import Raw, deflate, raw_zip

URL = "/api/v1/datasets"
PHOTOS = [Raw(path.encode(), content) for path, content in photo_files(5, 32, 2)]
NAMES = st.one_of(
    st.sampled_from(
        [b"temple/0.jpg", b"../x.jpg", b"/x.jpg", b"a\\b.jpg", b"a/", b"labels.csv", b"a/b/c/1.png"]
    ),
    st.binary(min_size=0, max_size=30),
    st.text(max_size=12).map(lambda text: text.encode("utf-8", "replace")),
)
CONTENTS = st.one_of(
    st.binary(max_size=60), st.just(PHOTOS[0].content), st.just(b"file,label\r\n0.jpg,cat\r\n"), st.just(b"")
)
ENTRIES = st.builds(
    Raw,
    name=NAMES,
    content=CONTENTS,
    flags=st.sampled_from([0, 0x800, 0x801, 8]),
    method=st.sampled_from([0, 0, 0, 8, 12]),
    packed=st.one_of(st.none(), st.binary(max_size=60), CONTENTS.map(deflate)),
    size=st.one_of(st.none(), st.integers(0, 2**32 - 1)),
    crc=st.sampled_from([None, None, 1]),
    mode=st.sampled_from([0o100644, 0o120777, 0o040755, 0]),
    at=st.sampled_from([None] * 30 + [0, 7, 300]),
    local_name=st.one_of(st.none(), st.just(b"other.jpg")),
)


@dataclass(frozen=True)
class Hostile:
    """A zip in the making: entries beside the good photos, and bytes to change (place as a share, value)."""

    entries: list[Raw]
    flips: list[tuple[float, int]]
    order: random.Random

    def write(self, path: Path) -> bytes:
        entries = [*PHOTOS, *self.entries]
        self.order.shuffle(entries)
        content = bytearray(raw_zip(path, entries).read_bytes())
        path.unlink()
        for place, byte in self.flips:
            content[int(place * len(content))] = byte
        return bytes(content)


ZIPS = st.builds(
    Hostile,
    entries=st.lists(ENTRIES, max_size=5),
    flips=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6),
    order=st.randoms(use_true_random=False),
)


class Site:
    """The website and its worker in this process, with all that they keep below `root`."""

    def __init__(self, client: Client, storage: Path, commits: Any) -> None:
        self.client = client
        self.storage = storage
        self.root = storage.parent
        self._commits = commits

    def get(self, address: str) -> HttpResponse:
        answer = self.client.get(f"{URL}/{address}")
        assert answer.status_code == 200
        return answer

    def work(self, key: str) -> str:
        """Lets the worker's function run and returns the state that it leaves."""
        runner.check_dataset(key)
        return str(self.get(key).json()["state"])

    def confirm(self, key: str) -> None:
        chosen = {"interpretation": self.get(f"{key}/preview").json()["interpretation"]}
        answer = self.client.post(f"{URL}/{key}/import", chosen, content_type="application/json")
        assert answer.status_code == 202, answer.content

    def delete(self, key: str) -> None:
        with self._commits(execute=True):  # the files go when the rows are gone for good
            assert self.client.delete(f"{URL}/{key}").status_code == 204

    def files(self) -> set[Path]:
        return {path for path in self.root.rglob("*") if not path.is_dir()}


@pytest.fixture
def site(
    owner: User,
    client: Client,
    storage: Path,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
) -> Site:
    # The checks look at the pixels of what was imported: no matter of zips, and most of the time.
    monkeypatch.setattr(import_job, "check_images", lambda attempt: leave_unchecked(attempt, "Not here."))
    client.force_login(owner, backend="django.contrib.auth.backends.ModelBackend")
    return Site(client, storage, django_capture_on_commit_callbacks)


@pytest.mark.django_db
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(hostile=ZIPS)
def test_no_zip_breaks_anything_or_leaves_anything(site: Site, hostile: Hostile) -> None:
    """Each zip is sent and read; one in ten is imported, too, because that starts processes of its own."""
    content = hostile.write(site.root / "a.zip")
    before = site.files()
    sent = SimpleUploadedFile("a.zip", content)
    answer = site.client.post(URL, {"file": sent, "confirm": "true"})
    assert answer.status_code in {201, 422}, answer.content
    if answer.status_code == 201:
        key = answer.json()["id"]
        state = site.work(key)
        assert state in {"PREVIEW", "REJECTED"}
        if state == "PREVIEW" and zlib.crc32(content) % 10 == 0:
            site.confirm(key)
            assert site.work(key) in {"READY", "NEEDS_ATTENTION", "REJECTED"}
        for page in ("findings", "findings.csv", "images"):
            site.get(f"{key}/{page}")
        assert [path for path in site.files() - before if not path.is_relative_to(site.storage)] == []
        site.delete(key)
    assert site.files() == before
    assert not Dataset.objects.exists()
