"""Brings an archive back: files beside the old ones, rows into a new database, then both change places."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.db import DatabaseError, connections
from django.db.migrations.loader import MigrationLoader
from django.db.models.functions import Now

from automl_site.backup.database import fill_database, table_names
from automl_site.backup.errors import BackupError
from automl_site.backup.reading import Archive, members, tar_errors
from automl_site.backup.writing import COPY_BYTES, ROWS, SECRET, HashingReader, Told
from datasets_app.models import Dataset
from search_app.inventory import AREAS
from search_app.models import SearchRun, TrainedModel

NEW, OLD = ".restoring", ".replaced"


@dataclass
class Restored:
    """What there is now.

    Attributes:
        counts: Number of rows by what people call them.
        n_rows: Rows of all tables.
        n_files: Files of the storage.
        n_bytes: Their content.
        interrupted: Names of searches that ran when the archive was made.
    """

    counts: dict[str, int] = field(default_factory=dict)
    n_rows: int = 0
    n_files: int = 0
    n_bytes: int = 0
    interrupted: list[str] = field(default_factory=list)


def check_fits(archive: Archive) -> None:
    """Compares the archive with this program.

    Raises:
        BackupError: It is of a newer version.
    """
    known = MigrationLoader(None).disk_migrations
    newer = [
        f"{app}.{name}"
        for app, names in archive.head["migrations"].items()
        for name in names
        if (app, name) not in known
    ]
    if newer:
        raise BackupError(
            f"The archive was made by a newer version of this program ({archive.head['program']}): "
            f"its tables have {newer[0]}, which is unknown here. Install that version, then restore."
        )


def check_empty() -> None:
    """Refuses an installation that holds something.

    Raises:
        BackupError: There are accounts or files.
    """
    storage = Path(settings.STORAGE_DIR)
    holds = [area for area in AREAS if (storage / area).is_dir() and any((storage / area).iterdir())]
    if User._meta.db_table in table_names() and User.objects.exists():
        holds.insert(0, "accounts")
    if holds:
        raise BackupError(
            f"This installation is not empty: it holds {', '.join(holds)}. Restore into a new directory "
            "(AUTOML_VAR_DIR), or add --replace to delete what is here now."
        )


def check_idle() -> None:
    """Refuses while workers are at it, whatever the state: a paused search may still be put down.

    Raises:
        BackupError: A claim is alive.
    """
    present = table_names()
    for model in (Dataset, SearchRun):
        if model._meta.db_table not in present:
            continue
        try:
            busy = model._default_manager.filter(lease_until__gte=Now()).exists()
        except DatabaseError:  # tables of another version, which are replaced as a whole
            continue
        if busy:
            raise BackupError("Workers are at work on this installation. Stop all its processes first.")


def check_room(archive: Archive) -> None:
    """Refuses what would fill the disk.

    Raises:
        BackupError: There is too little room for the content.
    """
    free = shutil.disk_usage(settings.STORAGE_DIR).free
    needed = int(1.02 * archive.n_bytes) + 10**7
    if free < needed:
        raise BackupError(
            f"{settings.STORAGE_DIR} has {free / 1e9:.2f} GB free, the archive needs {needed / 1e9:.2f} GB. "
            "Free some space, or set AUTOML_VAR_DIR to a larger disk."
        )


def restore_backup(archive: Archive, told: Told) -> Restored:
    """Replaces the whole installation by a checked archive.

    Until the last moment everything new lies beside the old, so a restore that breaks off changes nothing.
    Then the directories change places, then the database. If the machine dies in just that moment, restore
    once more.

    Args:
        archive: As `check_archive` found it; it is compared once more while it is read.
        told: Called with the bytes that were read since.

    Raises:
        BackupError: The archive changed since, or does not fit the database.
    """
    storage = Path(settings.STORAGE_DIR)
    new = storage / NEW
    shutil.rmtree(new, ignore_errors=True)
    made = Restored()
    try:
        new.mkdir()
        with tar_errors(archive.path):
            rows = _unpack(archive, new, made, told)
        os.sync()
        with (
            rows.open(encoding="utf-8") as lines,
            _places(storage) as change_places,
            fill_database(archive, lines, made),
        ):
            rows.unlink()
            change_places()
        _write_secret(archive)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    shutil.rmtree(storage / OLD, ignore_errors=True)
    _sum_up(made)
    return made


def _unpack(archive: Archive, new: Path, made: Restored, told: Told) -> Path:
    rows = new / ROWS
    for name, size, source in members(archive.path):
        if name not in archive.sums:
            continue  # the list itself
        reader = HashingReader(source, told)
        paths = [rows] if name == ROWS else [new / path for path in archive.names.get(name, [])]
        _write(reader, paths, archive.times.get(name))
        if reader.n_bytes != size or reader.hexdigest() != archive.sums[name]:
            raise BackupError("The archive changed while it was read. Nothing was touched. Start again.")
        if name != ROWS:
            made.n_files += len(paths)
            made.n_bytes += size if paths else 0
    return rows


def _write(source: HashingReader, paths: list[Path], mtime_ns: int | None) -> None:
    """Writes the content once with its date; its other names become hard links, as they were."""
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
    with paths[0].open("xb") if paths else Path(os.devnull).open("wb") as target:
        while block := source.read(COPY_BYTES):
            target.write(block)
    if paths and mtime_ns is not None:
        os.utime(paths[0], ns=(mtime_ns, mtime_ns))
    for path in paths[1:]:
        try:
            os.link(paths[0], path)
        except OSError:
            shutil.copyfile(paths[0], path)


@contextmanager
def _places(storage: Path) -> Iterator[Callable[[], None]]:
    """Yields what lets the new directories take the places of the old; an error afterwards takes it back.

    All of it happens inside the storage, because that may be a disk of its own which cannot be renamed.
    """
    new, old = storage / NEW, storage / OLD
    shutil.rmtree(old, ignore_errors=True)
    old.mkdir()
    moved: list[tuple[Path, Path]] = []

    def change() -> None:
        for area in AREAS:
            for source, target in ((storage / area, old / area), (new / area, storage / area)):
                if source.exists():
                    source.rename(target)
                    moved.append((source, target))

    try:
        yield change
    except BaseException:
        for source, target in reversed(moved):
            target.rename(source)
        old.rmdir()
        raise


def _write_secret(archive: Archive) -> None:
    """Brings back the key that an installation made itself; one that the environment names stays."""
    path = Path(settings.VAR_DIR) / SECRET
    if archive.secret and path.is_file():
        draft = path.with_name(f".{SECRET}.restoring")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(archive.secret)
        draft.replace(path)


def _sum_up(made: Restored) -> None:
    connections["default"].close()
    made.counts = {
        "accounts": User.objects.count(),
        "data sets": Dataset.objects.count(),
        "searches": SearchRun.objects.count(),
        "exported models": TrainedModel.objects.count(),
    }
