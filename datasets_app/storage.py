"""Where the files of a data set lie. No path is made of anything that a user typed."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
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


def directory_bytes(path: Path) -> int:
    """Returns what a file, or the files of a directory, take on the disk, hard links counted once."""
    seen: set[tuple[int, int]] = set()
    total = 0
    for about in _files(path):
        key = (about.st_dev, about.st_ino)
        if key not in seen:
            total += about.st_blocks * 512
        if about.st_nlink > 1:
            seen.add(key)
    return total


def newest_change(path: Path) -> float:
    """Returns when a file, or anything in a directory, was changed last, in seconds since 1970."""
    times = [about.st_mtime for about in _files(path)]
    for parent, _, _ in os.walk(path):
        with contextlib.suppress(FileNotFoundError):
            times.append(Path(parent).stat().st_mtime)
    return max(times, default=0.0)


def _files(path: Path) -> Iterator[os.stat_result]:
    names = [Path(parent, name) for parent, _, names in os.walk(path) for name in names]
    for file in names if path.is_dir() else [path]:
        with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
            yield file.lstat()
