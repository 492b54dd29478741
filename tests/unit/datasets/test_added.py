"""Photos that are added one by one: where they go, what refuses them, and that old versions stay."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image as Picture

from datasets_app import api_changes, runner
from datasets_app.added import photo_add
from datasets_app.changes import change_create, change_undo
from datasets_app.models import Change, Dataset, DatasetState, Image, Upload
from datasets_app.selectors import versions_compared
from datasets_app.services import dataset_version_create
from datasets_app.upload_selectors import storage_used
from nas.data.cache import ImageCache
from tests.photos_with_answers import cached_set

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ready(owner: User) -> Dataset:
    """A data set of 50 photos that is ready, without the seconds of an import."""
    made: Dataset = cached_set(owner, ["flower", "temple"], n_test=25, side=32).dataset
    return made


def png(seed: int = 99) -> bytes:
    buffer = io.BytesIO()
    Picture.fromarray(np.random.default_rng(seed).integers(0, 256, (40, 50, 3), np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def add(dataset: Dataset, content: bytes = b"", label: str = "temple", name: str = "my photo.png") -> Change:
    upload = SimpleUploadedFile(name, content or png())
    return photo_add(owner=dataset.owner, dataset=dataset, upload=upload, label=label)


def make(dataset: Dataset) -> Any:
    dataset_version_create(dataset=dataset)
    runner.check_dataset(dataset.pk)
    dataset.refresh_from_db()
    return dataset.versions.all()[0]


def test_a_photo_becomes_the_last_row_of_a_new_version_and_of_its_training_part(ready: Dataset) -> None:
    (first,) = ready.versions.all()
    before = ImageCache.open(first.cache_dir)
    content = png()
    add(ready, content)
    version = make(ready)
    assert (version.number, version.n_images, ready.state) == (2, 51, DatasetState.READY)
    cache = ImageCache.open(version.cache_dir)
    assert len(cache) == 51 and 50 in cache.indices("train")
    assert (cache.images[:50] == before.images).all()
    shown = Picture.open(io.BytesIO(content)).resize((cache.cache_size,) * 2, Picture.Resampling.BICUBIC)
    assert np.abs(cache.images[50].astype(int) - np.asarray(shown).astype(int)).mean() < 3
    row = Image.objects.get(dataset=ready, row=50)
    assert (row.label, row.split, row.width, row.height) == ("temple", "train", 50, 40)
    assert "my photo.png" in row.path and ".." not in row.path
    assert version.counts["test"] == first.counts["test"]  # sealed: what was found on it stays true
    assert len(ImageCache.open(first.cache_dir)) == 50  # the old version is what it was
    found = versions_compared(ready, 1, 2)
    assert found["added"] == 1 and found["relabelled"] == 0 and found["removed"] == 0
    assert found["counts"]["temple"][1] == found["counts"]["temple"][0] + 1


def test_a_second_photo_follows_the_first(ready: Dataset) -> None:
    add(ready, png(1))
    make(ready)
    add(ready, png(2), label="flower")
    version = make(ready)
    assert version.number == 3 and len(ImageCache.open(version.cache_dir)) == 52
    assert list(Image.objects.filter(row__gte=50).order_by("row").values_list("label", flat=True)) == [
        "temple",
        "flower",
    ]


def test_what_is_no_photo_is_forgotten_with_a_sentence_and_the_next_version_works(
    ready: Dataset, storage: Path
) -> None:
    add(ready, b"<svg onload=alert(1)>", name="../../<script>.svg")
    dataset_version_create(dataset=ready)
    runner.check_dataset(ready.pk)
    ready.refresh_from_db()
    assert ready.state == DatasetState.READY and "cannot be used" in ready.error and "SVG" in ready.error
    assert not ready.changes.exists() and ready.versions.count() == 1 and Image.objects.count() == 50
    assert not list((storage / "uploads").rglob("added"))
    add(ready)
    assert make(ready).n_images == 51


def test_undo_takes_the_photo_and_its_bytes_back(ready: Dataset, storage: Path, owner: User) -> None:
    used = storage_used(owner)
    add(ready)
    assert storage_used(owner) > used
    assert len(list(storage.rglob("photo"))) == 1
    change_undo(dataset=ready)
    assert storage_used(owner) == used and not list(storage.rglob("photo"))
    assert not ready.changes.exists()


def test_refusals(ready: Dataset, storage: Path, settings: Any) -> None:
    for label in ("unheard of", "", "tem\0ple"):
        with pytest.raises(ValidationError, match="no such class"):
            add(ready, label=label)
    with pytest.raises(ValidationError, match="empty"):
        photo_add(owner=ready.owner, dataset=ready, upload=SimpleUploadedFile("a", b""), label="temple")
    add(ready)
    with pytest.raises(ValidationError, match="waits"):
        add(ready)
    settings.QUOTA_BYTES = 10
    with pytest.raises(ValidationError, match="hold"):
        add(ready, png(5))
    assert len(list(storage.rglob("photo"))) == Upload.objects.count() == 1
    settings.QUOTA_BYTES = 2**40
    make(ready)
    with pytest.raises(ValidationError, match=r"class temple, training part"):
        add(ready)
    Dataset.objects.filter(pk=ready.pk).update(state=DatasetState.CHECKING)
    with pytest.raises(ValidationError, match="being worked on"):
        add(ready, png(6))


def test_a_copy_of_a_test_photo_never_reaches_the_training_part(ready: Dataset) -> None:
    row = Image.objects.filter(dataset=ready, split="test").first()
    assert row is not None
    content = png(8)
    Image.objects.filter(pk=row.pk).update(sha256=hashlib.sha256(content).hexdigest())
    with pytest.raises(ValidationError, match="test part"):
        add(ready, content)


def test_a_class_that_is_renamed_afterwards_takes_the_photo_along(ready: Dataset) -> None:
    add(ready)
    change_create(dataset=ready, kind="rename", labels=["temple"], label="shrine")
    change_create(dataset=ready, kind="merge", labels=["flower"], label="bloom")
    add(ready, png(2), label="bloom")
    version = make(ready)
    assert version.classes == ["bloom", "shrine"] and version.n_images == 52
    assert list(Image.objects.filter(row__gte=50).order_by("row").values_list("label", flat=True)) == [
        "shrine",
        "bloom",
    ]


def test_a_photo_that_was_taken_while_another_edit_began_is_not_called_refused(
    ready: Dataset, client_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def after_another_request(dataset: Dataset) -> bool:
        dataset_version_create(dataset=dataset)  # its photo came between ours and our look
        return True

    monkeypatch.setattr(api_changes, "only_photos_wait", after_another_request)
    body = {"file": SimpleUploadedFile("a.png", png(3)), "label": "temple"}
    answer = client_of(ready.owner).post(f"/api/v1/datasets/{ready.pk}/photos", body)
    assert answer.status_code == 201 and answer.json()["making_version"] is False


def test_the_api_makes_a_version_at_once_unless_other_edits_wait(
    ready: Dataset, client_of: Any, stranger: User
) -> None:
    url = f"/api/v1/datasets/{ready.pk}/photos"
    body = {"file": SimpleUploadedFile("a.png", png(3)), "label": "temple"}
    assert client_of(stranger).post(url, body).status_code == 404
    change_create(dataset=ready, kind="exclude", rows=[0])
    body = {"file": SimpleUploadedFile("a.png", png(3)), "label": "temple"}
    answer = client_of(ready.owner).post(url, body)
    assert answer.status_code == 201 and answer.json()["making_version"] is False
    assert make(ready).n_images == 50  # one left out, one added
    body = {"file": SimpleUploadedFile("b.png", png(4)), "label": "temple"}
    answer = client_of(ready.owner).post(url, body)
    assert answer.json()["making_version"] is True
    ready.refresh_from_db()
    assert ready.state == DatasetState.UPLOADED
    again = client_of(ready.owner).post(url, {"file": SimpleUploadedFile("c.png", png(9)), "label": "temple"})
    assert again.status_code == 422 and "worked on" in again.json()["detail"]
