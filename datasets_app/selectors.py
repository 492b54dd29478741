"""Reads data sets. What is not yours does not exist: every way in starts at the owner."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import QuerySet

from datasets_app.models import Dataset, DatasetState, DatasetVersion, Finding, Image
from nas.data.cache import read_thumbnail


def datasets_of_user(user: User | AnonymousUser) -> QuerySet[Dataset]:
    """Data sets of a user, newest first, with their versions."""
    if not user.is_authenticated:
        return Dataset.objects.none()
    return Dataset.objects.filter(owner=user).prefetch_related("versions")


def dataset_for_user(user: User | AnonymousUser, dataset_id: uuid.UUID | str) -> Dataset:
    """One data set that the user may see.

    Raises:
        Dataset.DoesNotExist: Missing, or someone else's; nobody can tell which.
    """
    return datasets_of_user(user).get(pk=dataset_id)


def class_counts(version: DatasetVersion) -> list[dict[str, Any]]:
    """``[{"name", "train", "val", "test", "total"}]`` in label order."""
    parts = ("train", "val", "test")
    rows = []
    for name in version.classes:
        counts = {part: int(version.counts.get(part, {}).get(name, 0)) for part in parts}
        rows.append({"name": name, **counts, "total": sum(counts.values())})
    return rows


def findings_of(dataset: Dataset) -> QuerySet[Finding]:
    """Findings of the present version, or of the upload when it was rejected; refusals first."""
    return dataset.findings.filter(version=dataset.current_version).order_by("-refused", "id")


def n_refused(dataset: Dataset) -> int:
    """Number of files that were left out."""
    version = dataset.current_version
    return version.n_refused if version else dataset.findings.filter(refused=True).count()


def images_of(
    version: DatasetVersion,
    split: str | None = None,
    label: str | None = None,
    offset: int = 0,
    limit: int = 100,
) -> QuerySet[Image]:
    """One page of a version's images in row order."""
    images = version.images.order_by("row")
    if split:
        images = images.filter(split=split)
    if label:
        images = images.filter(label=label)
    return images[offset : offset + limit]


def thumbnail_of(dataset: Dataset, row: int) -> bytes:
    """WebP of one image of the present version, made anew from its pixels.

    Raises:
        Image.DoesNotExist: There is no such row.
        DataError: The stored pixels are gone.
    """
    version = dataset.current_version
    if version is None:
        raise Image.DoesNotExist
    image = version.images.get(row=row)
    return read_thumbnail(version.cache_dir, row, width=image.width, height=image.height)


def dataset_summary(dataset: Dataset) -> dict[str, Any]:
    """What the API says about a data set."""
    version = dataset.current_version
    checking = dataset.state == DatasetState.CHECKING and dataset.progress_total > 0
    progress = {"done": dataset.progress_done, "total": dataset.progress_total} if checking else None
    return {
        "id": dataset.id,
        "name": dataset.name,
        "state": dataset.state,
        "n_images": version.n_images if version else 0,
        "n_classes": len(version.classes) if version else 0,
        "classes": class_counts(version) if version else [],
        "n_refused": n_refused(dataset),
        "progress": progress,
        "error": dataset.error or None,
        "created_at": dataset.created_at,
        "size_bytes": dataset.size_bytes,
    }
