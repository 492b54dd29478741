"""Removes what nothing needs any more: files without rows, checkpoints of ended searches, old caches.

Three rules keep it harmless. Nothing younger than an hour is touched: files come before rows in some places.
Whether something is needed is asked twice, the second time with the row locked that could begin to need it.
And the opposite case, a row without its file, is only reported: a person must decide what was lost.
"""

from __future__ import annotations

import re
import shutil
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

import structlog
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from datasets_app import audit
from datasets_app.models import Dataset, DatasetState, DatasetVersion, Upload
from datasets_app.storage import directory_bytes, newest_change, version_id
from datasets_app.uploads import remove_expired
from search_app.forgotten import forget_old
from search_app.inventory import take_inventory
from search_app.models import Device, SearchRun

UNTOUCHED_SECONDS: Final = 3600.0
DAY_SECONDS: Final = 86_400 - 600
TRASH: Final = ".trash"

_BUSY: Final = (DatasetState.UPLOADED, DatasetState.CHECKING)
_SCRATCH: Final = re.compile(r"\.scratch-([0-9a-f-]{36})-[0-9]+")
_PARTIAL: Final = re.compile(r"\.([0-9a-f-]{36})\.partial-.*")
_LEFT_BEHIND: Final = (TRASH, ".restoring", ".replaced")

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Removed:
    """One directory or file that went, or would go.

    Attributes:
        path: Relative to the storage.
        why: In a few words.
        n_bytes: What it took on the disk; files that share their content with another count, too.
    """

    path: str
    why: str
    n_bytes: int


@dataclass
class Cleaned:
    """What a clean-up did, or would do.

    Attributes:
        removed: Directories and files.
        missing: Files that rows name and that are not there.
        n_sessions: Sign-ins that had expired.
        n_uploads: Uploads and drafts that nobody finished in time.
    """

    removed: list[Removed] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    n_sessions: int = 0
    n_uploads: int = 0

    @property
    def n_bytes(self) -> int:
        """Bytes of all that went."""
        return sum(one.n_bytes for one in self.removed)


@dataclass(frozen=True)
class _Suspect:
    """Something to remove, and the question that is asked once more with the rows locked."""

    path: Path
    why: str
    is_needed: Callable[[], bool]


def clean_up(*, dry_run: bool = False) -> Cleaned:
    """Removes what nothing needs; safe to call anywhere, any number of times at once.

    Args:
        dry_run: True only tells what would go.
    """
    done = Cleaned()
    storage = Path(settings.STORAGE_DIR)
    if not dry_run:
        done.n_uploads = remove_expired()
        forget_old()
    for suspect in _suspects(storage):
        if _age(suspect.path) < UNTOUCHED_SECONDS:
            continue
        n_bytes = directory_bytes(suspect.path)
        if dry_run or _remove(storage, suspect):
            done.removed.append(Removed(str(suspect.path.relative_to(storage)), suspect.why, n_bytes))
    sessions = Session.objects.filter(expire_date__lt=timezone.now())
    done.n_sessions = sessions.count() if dry_run else sessions.delete()[0]
    done.missing = sorted(
        path for path in take_inventory(caches=True).required if not (storage / path).exists()
    )
    return done


def clean_daily() -> None:
    """Cleans up if nobody has within the last day; one process wins."""
    if not settings.CLEANUP_DAILY or not cache.add("cleanup", 1, DAY_SECONDS):
        return
    forgotten = audit.forget_old()
    done = clean_up()
    log.info(
        "cleaned up",
        removed=len(done.removed),
        freed_bytes=done.n_bytes,
        sessions=done.n_sessions,
        files_missing=len(done.missing),
        audit_rows=forgotten,
    )
    for path in done.missing[:10]:
        log.warning("a row names a file that is not there", path=path)


def _suspects(storage: Path) -> Iterator[_Suspect]:
    yield from _of_deleted_rows(storage)
    yield from _unnamed_uploads(storage)
    yield from _unpublished_caches(storage)
    yield from _checkpoints()
    yield from _old_bundles(storage)
    for name in _LEFT_BEHIND:
        for path in _entries(storage / name):
            yield _Suspect(path, "left behind by a process that was killed", lambda: False)


def _of_deleted_rows(storage: Path) -> Iterator[_Suspect]:
    areas: tuple[tuple[str, type[models.Model]], ...] = (
        ("uploads", Dataset),
        ("runs", SearchRun),
        ("devices", Device),
    )
    for area, model in areas:
        living = set(model._default_manager.values_list("pk", flat=True))
        for path in _entries(storage / area):
            key = _uuid(path.name)
            if key is not None and key not in living:
                yield _Suspect(path, "its row is gone", _exists(model, key))


def _exists(model: type[models.Model], key: uuid.UUID) -> Callable[[], bool]:
    return lambda: model._default_manager.filter(pk=key).exists()


def _unnamed_uploads(storage: Path) -> Iterator[_Suspect]:
    named = set(Upload.objects.values_list("path", flat=True))
    named |= {str(folder) for path in named for folder in Path(path).parents}
    for key in Dataset.objects.exclude(state__in=_BUSY).values_list("pk", flat=True):
        for path in _not_among(storage / "uploads" / str(key), named, storage):
            needed = _upload_needs(key, str(path.relative_to(storage)))
            yield _Suspect(path, "no upload names it", needed)


def _not_among(directory: Path, named: Collection[str], storage: Path) -> Iterator[Path]:
    """Yields what lies in a directory and is neither named nor above something that is, at any depth."""
    for path in _entries(directory):
        if str(path.relative_to(storage)) not in named:
            yield path
        elif path.is_dir():
            yield from _not_among(path, named, storage)


def _upload_needs(key: uuid.UUID, relative: str) -> Callable[[], bool]:
    inside = Q(path=relative) | Q(path__startswith=f"{relative}/")
    return lambda: _is_busy(key) or Upload.objects.filter(inside).exists()


def _unpublished_caches(storage: Path) -> Iterator[_Suspect]:
    """Caches that no version points to: of data sets that were deleted, and of attempts that died."""
    used = set(DatasetVersion.objects.values_list("cache_path", flat=True))
    owners = {
        str(version_id(key, fence)): key
        for key, last in Dataset.objects.values_list("pk", "fence")
        for fence in range(1, last + 1)
    }
    for path in _entries(storage / "caches"):
        relative = str(path.relative_to(storage))
        scratch, partial = _SCRATCH.fullmatch(path.name), _PARTIAL.fullmatch(path.name)
        if scratch:
            owner = _uuid(scratch.group(1))
        elif partial:
            owner = owners.get(partial.group(1))
        elif _uuid(path.name) is not None and relative not in used:
            owner = owners.get(path.name)
        else:
            continue
        yield _Suspect(path, "no version points to it", _cache_needs(owner, relative))


def _cache_needs(owner: uuid.UUID | None, relative: str) -> Callable[[], bool]:
    # The lock on its data set keeps a worker from publishing just this directory meanwhile.
    return lambda: (
        (owner is not None and _is_busy(owner))
        or (DatasetVersion.objects.filter(cache_path=relative).exists())
    )


def _is_busy(key: uuid.UUID) -> bool:
    """Locks a data set until the transaction ends; true if a worker is at it or soon will be."""
    states = Dataset.objects.select_for_update().filter(pk=key).values_list("state", flat=True)
    return states.first() in _BUSY


def _checkpoints() -> Iterator[_Suspect]:
    """Half-finished trainings of searches that ended for good; one that can be resumed keeps them."""
    old = timezone.now() - timedelta(days=settings.CHECKPOINT_DAYS)
    for run in _ended().filter(finished_at__lt=old).only("pk"):
        directory = run.workdir / "checkpoints"
        if any(_entries(directory)):
            yield _Suspect(directory, "checkpoints of a search that has ended", _run_needs(run.pk))


def _ended() -> models.QuerySet[SearchRun]:
    return SearchRun.objects.filter(state__in=(SearchRun.State.DONE, SearchRun.State.STOPPED)).exclude(
        report=""
    )


def _run_needs(key: uuid.UUID) -> Callable[[], bool]:
    return lambda: _ended().select_for_update().filter(pk=key).first() is None


def _old_bundles(storage: Path) -> Iterator[_Suspect]:
    """What devices fetch to measure; it is made anew in seconds when one asks for it."""
    for path in _entries(storage / "bundles"):
        if _age(path) > settings.CACHE_DAYS * 86_400:
            yield _Suspect(path, "a cache that is made anew when it is wanted", lambda: False)


def _remove(storage: Path, suspect: _Suspect) -> bool:
    """Asks again with the rows locked, moves it away, and deletes it when nobody waits for the lock."""
    trash = storage / TRASH / uuid.uuid4().hex
    trash.parent.mkdir(exist_ok=True)
    try:
        with transaction.atomic():
            if suspect.is_needed():
                return False
            suspect.path.rename(trash)
    except FileNotFoundError:
        return False  # another clean-up was faster
    if trash.is_dir():
        shutil.rmtree(trash, ignore_errors=True)
    else:
        trash.unlink(missing_ok=True)
    return True


def _entries(directory: Path) -> Iterator[Path]:
    """Yields what lies in a directory, links left alone."""
    if directory.is_dir():
        yield from (path for path in sorted(directory.iterdir()) if not path.is_symlink())


def _age(path: Path) -> float:
    """Seconds since the newest file below was written."""
    return time.time() - newest_change(path)


def _uuid(name: str) -> uuid.UUID | None:
    try:
        key = uuid.UUID(name)
    except ValueError:
        return None
    return key if str(key) == name else None
