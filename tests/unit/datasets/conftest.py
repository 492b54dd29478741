"""A data set whose import waits, and one that is ready."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile

from datasets_app import runner
from datasets_app.models import Dataset
from datasets_app.services import dataset_create
from tests.images import photo_zip


@pytest.fixture
def dataset(owner: User, tmp_path: Path) -> Dataset:
    path = photo_zip(tmp_path / "a.zip", 25, 32, 2, extra={"temple/bad.jpg": b"text"})
    return dataset_create(owner=owner, name="Garden", upload=SimpleUploadedFile("a.zip", path.read_bytes()))


@pytest.fixture
def ready(dataset: Dataset) -> Dataset:
    runner.check_dataset(dataset.pk)
    dataset.refresh_from_db()
    return dataset
