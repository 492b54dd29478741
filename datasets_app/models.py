"""Data sets as rows. Files lie under ``settings.STORAGE_DIR``; rows keep relative paths only."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import ClassVar

from django.conf import settings
from django.db import models

from datasets_app.claims import Claimable


class DatasetState(models.TextChoices):
    """Life of a data set."""

    UPLOADED = "UPLOADED", "Uploaded"
    CHECKING = "CHECKING", "Checking"
    READY = "READY", "Ready"
    NEEDS_ATTENTION = "NEEDS_ATTENTION", "Needs attention"
    REJECTED = "REJECTED", "Rejected"


class Dataset(Claimable):
    """One uploaded collection of labelled images.

    `state` is a `DatasetState`. The row is the truth about the work on it: a worker claims it, and every
    later write carries the fence of that claim.
    """

    waiting_states: ClassVar[tuple[str, ...]] = (DatasetState.UPLOADED,)
    working_states: ClassVar[tuple[str, ...]] = (DatasetState.CHECKING,)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="datasets")
    name = models.CharField(max_length=200)
    state = models.CharField(max_length=20, choices=DatasetState.choices, default=DatasetState.UPLOADED)
    error = models.TextField(blank=True, default="")
    size_bytes = models.BigIntegerField(default=0)
    upload_path = models.CharField(max_length=255, blank=True, default="")
    progress_done = models.PositiveBigIntegerField(default=0)
    progress_total = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Newest first."""

        ordering: ClassVar = ["-created_at"]
        indexes: ClassVar = [
            models.Index(fields=["owner", "-created_at"], name="dataset_owner_created"),
            models.Index(fields=["state", "lease_until"], name="dataset_state_lease"),
        ]

    def __str__(self) -> str:
        """Name as the owner typed it."""
        return self.name

    @property
    def current_version(self) -> DatasetVersion | None:
        """Newest complete version, or None while the first check has not ended."""
        return next((version for version in self.versions.all() if version.complete), None)

    @property
    def storage_dir(self) -> Path:
        """Absolute directory of the upload."""
        return Path(settings.STORAGE_DIR) / "uploads" / str(self.id)


class DatasetVersion(models.Model):
    """One imported, immutable state of a data set: the cache that searches train on.

    Attributes:
        classes: Class names in label order (list of str).
        counts: ``{"train": {class: n}, "val": {...}, "test": {...}}``.
        blocking: Why nothing can be trained on it; empty when it can.
        cache_path: Directory of the cache, relative to ``settings.STORAGE_DIR``.
        complete: False while the rows of its images are still being written; such a version shows nowhere.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    content_hash = models.CharField(max_length=64)
    classes = models.JSONField(default=list)
    counts = models.JSONField(default=dict)
    n_images = models.PositiveIntegerField()
    n_refused = models.PositiveIntegerField(default=0)
    cache_size = models.PositiveIntegerField()
    seed = models.BigIntegerField(default=0)
    blocking = models.TextField(blank=True, default="")
    cache_path = models.CharField(max_length=255)
    complete = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Newest first, each number once."""

        ordering: ClassVar = ["-number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["dataset", "number"], name="version_number_once_per_dataset"),
        ]

    def __str__(self) -> str:
        """Data set and number."""
        return f"{self.dataset_id} v{self.number}"

    @property
    def cache_dir(self) -> Path:
        """Absolute directory of the image cache."""
        return Path(settings.STORAGE_DIR) / self.cache_path


class Image(models.Model):
    """One accepted image of a version; `row` is its place in the cache.

    `path` and `label` are names as uploaded: data, never opened.
    """

    version = models.ForeignKey(DatasetVersion, on_delete=models.CASCADE, related_name="images")
    row = models.PositiveIntegerField()
    path = models.TextField()
    label = models.TextField()
    split = models.CharField(max_length=5)
    sha256 = models.CharField(max_length=64)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()

    class Meta:
        """One image a row."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["version", "row"], name="image_row_once_per_version"),
        ]
        indexes: ClassVar = [models.Index(fields=["version", "split"], name="image_version_split")]

    def __str__(self) -> str:
        """Row and path."""
        return f"{self.row}: {self.path}"


class Finding(models.Model):
    """One refused or doubtful file (or class) of an import, in plain words.

    Attributes:
        version: The version it was found in; null when the whole upload was refused.
        refused: True when the file was left out, False for a warning.
    """

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="findings")
    version = models.ForeignKey(
        DatasetVersion, on_delete=models.CASCADE, related_name="findings", null=True, blank=True
    )
    path = models.TextField(blank=True)
    kind = models.CharField(max_length=40)
    reason = models.TextField()
    remedy = models.TextField(blank=True)
    refused = models.BooleanField(default=True)

    class Meta:
        """In the order they were found."""

        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        """Kind and path."""
        return f"{self.kind}: {self.path}"
