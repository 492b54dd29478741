"""Where the files of a data set lie. No path is made of anything that a user typed."""

from __future__ import annotations

import uuid
from pathlib import Path

from django.conf import settings


def version_id(dataset_id: uuid.UUID, fence: int) -> uuid.UUID:
    """One id for each claim, so that two attempts never write to the same place."""
    return uuid.uuid5(dataset_id, f"version/{fence}")


def cache_dir(version: uuid.UUID) -> Path:
    """Absolute directory of a version's cache."""
    return Path(settings.STORAGE_DIR) / "caches" / str(version)


def scratch_dir(dataset_id: uuid.UUID, fence: int) -> Path:
    """Absolute directory of what a claim needs only while it works."""
    return Path(settings.STORAGE_DIR) / "caches" / f".scratch-{dataset_id}-{fence}"


def relative(path: Path) -> str:
    """The path as rows keep it."""
    return str(path.relative_to(settings.STORAGE_DIR))


def directories_of_attempts(dataset_id: uuid.UUID, last_fence: int) -> list[Path]:
    """All directories that the workers of the claims up to `last_fence` may have written."""
    fences = range(1, last_fence + 1)
    caches = [cache_dir(version_id(dataset_id, fence)) for fence in fences]
    return caches + [scratch_dir(dataset_id, fence) for fence in fences]
