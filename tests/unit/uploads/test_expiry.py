"""What nobody finishes is removed; what somebody works on stays."""

from __future__ import annotations

import hashlib
import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from datasets_app.models import Dataset, DatasetState, Upload
from datasets_app.uploads import hash_upload, remove_expired, upload_advance, upload_create
from tests.factories import DatasetFactory

pytestmark = pytest.mark.django_db
LONG_AGO = timedelta(days=8)


def stored(owner: User, **values: Any) -> Upload:
    """An upload of which 10 of 100 bytes are there."""
    upload = upload_create(owner=owner, length=100, filename="a.zip", **values)
    upload.file.parent.mkdir(parents=True, exist_ok=True)
    upload.file.write_bytes(b"x" * 10)
    upload_advance(upload=upload, offset=10)
    return upload


def make_old(upload: Upload) -> None:
    Upload.objects.filter(pk=upload.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    Dataset.objects.filter(pk=upload.dataset_id).update(created_at=timezone.now() - LONG_AGO)


def test_expired_upload_goes_with_its_file_and_data_set(
    owner: User, django_capture_on_commit_callbacks: Any
) -> None:
    old, new = stored(owner), stored(owner)
    make_old(old)
    with django_capture_on_commit_callbacks(execute=True):
        assert remove_expired() == 2
    assert list(Upload.objects.all()) == [new]
    assert list(Dataset.objects.all()) == [new.dataset]
    assert not old.file.parent.exists()
    assert new.file.exists()
    assert remove_expired() == 0


def test_every_saved_byte_puts_the_date_off(owner: User, settings: Any) -> None:
    upload = stored(owner)
    make_old(upload)
    upload_advance(upload=upload, offset=20)
    assert remove_expired() == 0
    upload.refresh_from_db()
    assert upload.expires_at is not None
    left = upload.expires_at - timezone.now()
    assert timedelta(days=settings.UPLOAD_DAYS - 1) < left <= timedelta(days=settings.UPLOAD_DAYS)


def test_of_two_writers_one_counts(owner: User) -> None:
    first = stored(owner)
    second = Upload.objects.get(pk=first.pk)
    upload_advance(upload=first, offset=30)
    with pytest.raises(Upload.DoesNotExist):
        upload_advance(upload=second, offset=20)
    first.refresh_from_db()
    assert first.offset == 30


def test_data_set_that_still_gets_files_stays(owner: User, django_capture_on_commit_callbacks: Any) -> None:
    dataset = DatasetFactory(owner=owner, state=DatasetState.UPLOADING, n_uploads=3)
    expired, going_on = stored(owner, dataset=dataset), stored(owner, dataset=dataset)
    make_old(expired)
    with django_capture_on_commit_callbacks(execute=True):
        assert remove_expired() == 1
    assert list(dataset.uploads.all()) == [going_on]
    assert not expired.file.exists()
    assert going_on.file.exists()


def test_data_set_that_never_got_its_files_goes(owner: User) -> None:
    abandoned, complete = (
        DatasetFactory(owner=owner, state=state) for state in (DatasetState.UPLOADING, DatasetState.READY)
    )
    Dataset.objects.update(created_at=timezone.now() - LONG_AGO)
    assert remove_expired() == 1
    assert list(Dataset.objects.all()) == [complete]
    assert abandoned != complete


def test_stale_temporary_files_are_removed(db: None, settings: Any, tmp_path: Path) -> None:
    directory = Path(settings.FILE_UPLOAD_TEMP_DIR)
    kept = tmp_path / "kept"
    kept.write_text("not in the directory")
    for name in ("old.upload", "new.upload"):
        (directory / name).write_bytes(b"x")
    (directory / "folder").mkdir()
    yesterday = time.time() - 90_000
    os.utime(directory / "old.upload", (yesterday, yesterday))
    os.utime(kept, (yesterday, yesterday))
    (directory / "link").symlink_to(kept)
    os.utime(directory / "link", (yesterday, yesterday), follow_symlinks=False)
    remove_expired()
    assert sorted(path.name for path in directory.iterdir()) == ["folder", "new.upload"]
    assert kept.exists()


def test_hash_is_that_of_the_file(tmp_path: Path) -> None:
    content = os.urandom(9_000_001)
    (tmp_path / "file").write_bytes(content)
    seen: list[tuple[int, int]] = []
    assert hash_upload(tmp_path / "file", lambda done, total: seen.append((done, total))) == (
        hashlib.sha256(content).hexdigest()
    )
    assert seen[-1] == (len(content), len(content))
    assert len(seen) == 3
