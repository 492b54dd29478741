"""Data sets as rows. Files lie under ``settings.STORAGE_DIR``; rows keep relative paths only."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import ClassVar, Final

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from datasets_app.audit_models import Action, AuditEntry
from datasets_app.claims import Claimable
from datasets_app.team_models import Invitation, Membership, Role, Shared, Team

__all__ = [
    "BULKY", "IN_USE", "LEFT_OUT", "Action", "AuditEntry", "Change", "Dataset", "DatasetState",
    "DatasetVersion", "Finding", "Image", "Invitation", "Job", "Membership", "Role", "Shared", "Team",
    "Upload",
]  # fmt: skip


class DatasetState(models.TextChoices):
    """Life of a data set.

    UPLOADING -> UPLOADED -> CHECKING (a worker reads the list of files) -> PREVIEW (the owner confirms how it
    was understood) -> UPLOADED -> CHECKING -> READY, NEEDS_ATTENTION or REJECTED. Every later job (a new
    version, a new check) goes through UPLOADED and CHECKING again.
    """

    UPLOADING = "UPLOADING", _("Uploading")
    UPLOADED = "UPLOADED", _("Waiting")
    CHECKING = "CHECKING", _("Checking")
    PREVIEW = "PREVIEW", _("Please confirm")
    READY = "READY", _("Ready")
    NEEDS_ATTENTION = "NEEDS_ATTENTION", _("Needs attention")
    REJECTED = "REJECTED", _("Rejected")


class Job(models.TextChoices):
    """What a worker shall do with a data set that waits in the state UPLOADED."""

    INSPECT = "inspect", _("Read the list of files")
    IMPORT = "import", _("Import")
    VERSION = "version", _("Make a version")
    RECHECK = "recheck", _("Check again")
    FETCH = "fetch", _("Fetch a public set")


class Dataset(Shared, Claimable):
    """One uploaded collection of labelled images.

    `state` is a `DatasetState`. The row is the truth about the work on it: a worker claims it, and every
    later write carries the fence of that claim.

    Attributes:
        job: What the next worker shall do (`Job`).
        confirm: True when the owner is asked (PREVIEW) before the import.
        n_uploads: Number of files that belong to it; it leaves UPLOADING when all of them are complete.
        interpretation: How the files are understood, as `nas.data.interpretation` writes it; null: by itself.
        preview: What the last inspection found (classes, counts, examples), for the page.
        source: Name of the public set it was fetched from, or empty.
        stage: What the worker is doing now, in words.
        health: Facts of the last check (shortcuts, leak effect, timings), JSON.
    """

    waiting_states: ClassVar[tuple[str, ...]] = (DatasetState.UPLOADED,)
    working_states: ClassVar[tuple[str, ...]] = (DatasetState.CHECKING,)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="datasets")
    name = models.CharField(max_length=200)
    state = models.CharField(max_length=20, choices=DatasetState.choices, default=DatasetState.UPLOADED)
    error = models.TextField(blank=True, default="")
    job = models.CharField(max_length=20, choices=Job.choices, default=Job.IMPORT)
    confirm = models.BooleanField(default=False)
    n_uploads = models.PositiveIntegerField(default=1)
    interpretation = models.JSONField(null=True, blank=True)
    preview = models.JSONField(null=True, blank=True)
    source = models.CharField(max_length=100, blank=True, default="")
    size_bytes = models.BigIntegerField(default=0)
    stage = models.CharField(max_length=100, blank=True, default="")
    health = models.JSONField(default=dict, blank=True)
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


BULKY: Final = ("preview", "interpretation")
"""Columns of a data set that may hold megabytes: for workers, and for the address that shows the preview."""


class Upload(models.Model):
    """One file on its way into a data set, received in pieces (tus 1.0).

    Attributes:
        filename: As the browser names it: data, never a path.
        length: Size of the whole file in bytes.
        offset: Bytes that are safely on the disk.
        fingerprint: What the client recognises the file by when it comes back.
        sha256: Of the whole file, once it is complete and was hashed.
        expected_sha256: What the client said at the start, or empty.
        path: Relative to ``settings.STORAGE_DIR``.
        expires_at: When an incomplete upload is removed.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="uploads")
    filename = models.TextField()
    length = models.BigIntegerField()
    offset = models.BigIntegerField(default=0)
    fingerprint = models.CharField(max_length=200, blank=True, default="")
    sha256 = models.CharField(max_length=64, blank=True, default="")
    expected_sha256 = models.CharField(max_length=64, blank=True, default="")
    path = models.CharField(max_length=255)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """In the order of their creation."""

        ordering: ClassVar = ["created_at", "id"]

    def __str__(self) -> str:
        """Name and how much is there."""
        return f"{self.filename} ({self.offset} of {self.length})"

    @property
    def file(self) -> Path:
        """Absolute path of the bytes."""
        return Path(settings.STORAGE_DIR) / self.path


class DatasetVersion(models.Model):
    """One immutable state of a data set: the cache that searches train on.

    All versions of a data set share the row numbers of its images and (by hard links) their pixels; they
    differ in labels, parts and in what is left out.

    Attributes:
        changes: Sentences that say what was changed since the version before.
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
    changes = models.JSONField(default=list, blank=True)
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


# Not `excluded=True`: Django writes a bare column for that, for which SQLite uses no index.
LEFT_OUT: Final = models.Q(excluded__in=[True])
IN_USE: Final = models.Q(excluded__in=[False])


class Image(models.Model):
    """One image of a data set as it stands now, pending changes included; `row` is its place in the cache.

    Versions keep their own immutable index on disk; this is the working copy that the owner edits.
    `path`, `label` and `original_label` are names as uploaded or typed: data, never opened.

    Attributes:
        label: Present class; `original_label` is the one of the upload.
        split: ``train``, ``val`` or ``test``.
        excluded: True when it is left out.
        group: Number shared by exact and near copies, -1 for none.
    """

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="images")
    row = models.PositiveIntegerField()
    path = models.TextField()
    label = models.TextField()
    original_label = models.TextField(default="")
    split = models.CharField(max_length=5)
    excluded = models.BooleanField(default=False)
    sha256 = models.CharField(max_length=64)
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    group = models.IntegerField(default=-1)

    class Meta:
        """One image a row."""

        constraints: ClassVar = [
            models.UniqueConstraint(fields=["dataset", "row"], name="image_row_once_per_dataset"),
        ]
        # Each holds all that one filter of the grid asks for, in row order: 70,000 rows need no other look.
        indexes: ClassVar = [
            models.Index(fields=["dataset", "label", "row", "excluded", "split"], name="image_by_label"),
            models.Index(fields=["dataset", "split", "row", "excluded"], name="image_by_split"),
            models.Index(fields=["dataset", "excluded", "row"], name="image_by_excluded"),
        ]

    def __str__(self) -> str:
        """Row and path."""
        return f"{self.row}: {self.path}"


class Finding(models.Model):
    """One refused or doubtful file, image or class, in plain words.

    Attributes:
        path: File or class it is about; empty for the whole upload.
        row: The image it is about, or null (refused files, classes).
        other_row: The image it is compared with (copies), or null.
        score: How sure the check is, 0 to 1; higher is surer.
        suggestion: What the remedy would write (the more likely label), or empty.
        label: Class of the image when it was checked; another one now means that somebody decided.
        refused: True when the file was left out by the import, False for a warning.
        dismissed: True when the owner said that it is fine.
    """

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="findings")
    path = models.TextField(blank=True)
    kind = models.CharField(max_length=40)
    reason = models.TextField()
    remedy = models.TextField(blank=True)
    refused = models.BooleanField(default=True)
    row = models.PositiveIntegerField(null=True, blank=True)
    other_row = models.PositiveIntegerField(null=True, blank=True)
    score = models.FloatField(null=True, blank=True)
    suggestion = models.TextField(blank=True, default="")
    label = models.TextField(blank=True, default="")
    dismissed = models.BooleanField(default=False)

    class Meta:
        """In the order they were found."""

        ordering: ClassVar = ["id"]
        indexes: ClassVar = [
            models.Index(fields=["dataset", "kind", "row"], name="finding_by_kind"),
            models.Index(fields=["dataset", "row"], name="finding_by_row"),
        ]

    def __str__(self) -> str:
        """Kind and path."""
        return f"{self.kind}: {self.path}"


class Change(models.Model):
    """One edit of a data set's images that can be taken back until a version takes it in.

    Attributes:
        number: Counts the edits of a data set from 1.
        kind: ``exclude``, ``restore``, ``relabel``, ``rename``, ``merge`` or ``move``.
        text: What was done, one sentence.
        undo: What it overwrote, as `datasets_app.changes` reads it: ``[{"rows": [...], "label": ...}, ...]``
            with "label", "split" or "excluded" for images, ``[{"findings": [...], "suggestion": ...}, ...]``
            with "label" or "suggestion" for findings. A rename or merge adds "became", the new class, and
            "newest", the newest finding there was then.
        version: The version that took it in; null while it is pending.
    """

    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, related_name="changes")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=20)
    text = models.TextField()
    undo = models.JSONField(default=list)
    version = models.ForeignKey(
        DatasetVersion, on_delete=models.SET_NULL, related_name="taken_in", null=True, blank=True
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Oldest first, each number once."""

        ordering: ClassVar = ["number"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["dataset", "number"], name="change_number_once_per_dataset"),
        ]

    def __str__(self) -> str:
        """Number and sentence."""
        return f"{self.number}: {self.text}"
