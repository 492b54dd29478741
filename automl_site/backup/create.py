"""Makes an archive of everything while the site runs."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

from django.apps import apps
from django.conf import settings
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor

from automl_site.backup.errors import BackupError
from automl_site.backup.rows import dump_rows
from automl_site.backup.writing import DELETED, FORMAT, HEAD, SECRET, ArchiveWriter, Told, files_below
from nas import __version__
from search_app.inventory import Inventory, living_owners, take_inventory

FREE_FACTOR: Final = 1.02
"""Heads and padding of the archive's members, beside their content."""


@dataclass
class Made:
    """What went into an archive.

    Attributes:
        n_rows: Rows of all tables.
        n_files: Files of the storage.
        n_bytes: Their content.
        n_deleted: Rows that people deleted meanwhile; a restore deletes them, too.
        missing: Files that rows name and that the storage does not have.
    """

    n_rows: int = 0
    n_files: int = 0
    n_bytes: int = 0
    n_deleted: int = 0
    missing: list[str] = field(default_factory=list)


def create_backup(
    target: Path, *, caches: bool = True, allow_missing: bool = False, begin: Told, told: Told
) -> Made:
    """Writes an archive; it appears under its name once it is complete, and nothing stays when it is not.

    Rows first, all at one moment, then files: what people delete in between is found by a second look.

    Args:
        target: A file that is not there yet.
        caches: False leaves out what is made anew when somebody wants it.
        allow_missing: True makes the archive although files that rows name are missing.
        begin: Called once with the number of bytes that will be read.
        told: Called with the bytes that were read since.

    Raises:
        BackupError: The target exists, the disk is too small, tables are not up to date, or files
            are missing.
    """
    if target.exists():
        raise BackupError(f"{target} exists. Choose another name, or remove it first.")
    if not target.parent.is_dir():
        raise BackupError(f"The directory {target.parent} does not exist. Make it, or choose another one.")
    made = Made()
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as scratch:
        rows, draft = Path(scratch) / "rows", Path(scratch) / "archive"
        since = time.time()
        head, found = _read_rows(rows, made, caches=caches)
        n_bytes = _size(found) + rows.stat().st_size
        _check_room(target.parent, n_bytes)
        begin(n_bytes)
        with _private_file(draft) as file, rows.open("rb") as lines:
            writer = ArchiveWriter(file, Path(settings.STORAGE_DIR), told)
            writer.add_text(HEAD, json.dumps(head))
            _copy_files(writer, found, since)
            _judge(writer, found, made, allow_missing=allow_missing)
            writer.add_rows(lines)
            writer.finish()
        _appear(draft, target)
    made.n_files, made.n_bytes = len(writer.paths), writer.n_bytes
    return made


def applied_migrations() -> dict[str, list[str]]:
    """Returns the names of the migrations a database has, by app.

    Raises:
        BackupError: They are not exactly those of this program.
    """
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise BackupError(
            "The tables are older than this program. Run `manage.py migrate` first, or make the backup with "
            "the version that wrote them."
        )
    known = executor.loader.disk_migrations
    applied: dict[str, list[str]] = {}
    for app, name in sorted(executor.loader.applied_migrations):
        if (app, name) in known:
            applied.setdefault(app, []).append(name)
        elif app in executor.loader.migrated_apps:
            raise BackupError(
                f"The tables are newer than this program ({app}.{name}). Make the backup with the version "
                "that wrote them."
            )
    return applied


@contextmanager
def _one_moment() -> Iterator[None]:
    """Shows the database as it is when the block begins, whatever others write meanwhile.

    Both databases keep old rows for readers: SQLite in its write-ahead log, PostgreSQL in its tables. Writers
    do not wait.
    """
    chosen = connection.settings_dict
    before = chosen["OPTIONS"]
    if connection.vendor == "sqlite":
        option: dict[str, Any] = {"transaction_mode": "DEFERRED"}  # IMMEDIATE would make all writers wait
    else:
        from psycopg import IsolationLevel  # a library that SQLite does not need

        option = {"isolation_level": IsolationLevel.REPEATABLE_READ}
    connection.close()
    chosen["OPTIONS"] = {**before, **option}
    try:
        with transaction.atomic():
            yield
    finally:
        connection.close()
        chosen["OPTIONS"] = before


def _read_rows(target: Path, made: Made, *, caches: bool) -> tuple[dict[str, Any], Inventory]:
    with _one_moment(), target.open("x", encoding="utf-8") as file:
        head = {
            "format": FORMAT,
            "program": __version__,
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "database": connection.vendor,
            "caches": caches,
            "migrations": applied_migrations(),
        }
        found = take_inventory(caches=caches)
        made.n_rows = dump_rows(apps, file)
    return head, found


def _paths(found: Inventory) -> Iterator[str]:
    storage = Path(settings.STORAGE_DIR)
    for tree in found.trees:
        for path in files_below(storage, tree):
            if path.rpartition("/")[0] not in found.skipped:
                yield path


def _size(found: Inventory) -> int:
    storage = Path(settings.STORAGE_DIR)
    seen: set[tuple[int, int]] = set()
    total = 0
    for path in _paths(found):
        with suppress(FileNotFoundError):
            about = (storage / path).lstat()
            key = (about.st_dev, about.st_ino)
            if about.st_nlink == 1 or key not in seen:
                total += about.st_size
            if about.st_nlink > 1:
                seen.add(key)
    return total


def _check_room(directory: Path, n_bytes: int) -> None:
    free, needed = shutil.disk_usage(directory).free, int(FREE_FACTOR * n_bytes) + 10**7
    if free < needed:
        raise BackupError(
            f"{directory} has {free / 1e9:.2f} GB free and the backup needs {needed / 1e9:.2f} GB. Free some "
            "space, or write it to another disk."
        )


def _copy_files(writer: ArchiveWriter, found: Inventory, since: float) -> None:
    storage = Path(settings.STORAGE_DIR)
    for path in _paths(found):
        if path in found.skipped_if_newer:
            with suppress(FileNotFoundError):
                if (storage / path).stat().st_mtime >= since:
                    continue
        writer.add_file(path, found.limits.get(path))
    secret = Path(settings.VAR_DIR) / SECRET
    if secret.is_file() and secret.read_text().strip() == settings.SECRET_KEY:
        writer.add_text(SECRET, settings.SECRET_KEY)


def _judge(writer: ArchiveWriter, found: Inventory, made: Made, *, allow_missing: bool) -> None:
    """Notes what was deleted since the rows were read, and refuses when anything else is missing."""
    living = living_owners()
    gone = {label: sorted(keys - living[label]) for label, keys in found.owners.items()}
    writer.add_text(DELETED, json.dumps(gone))
    made.n_deleted = sum(map(len, gone.values()))
    absent = [path for path in found.required if path not in writer.paths]
    made.missing = sorted(path for path in absent if _lives(found.required[path], living))
    if made.missing and not allow_missing:
        raise BackupError(
            f"{len(made.missing)} files that rows name are not in the storage, the first: {made.missing[0]}. "
            "Bring them back from an older backup, or leave them out with --allow-missing."
        )


def _lives(row: tuple[str, str], living: dict[str, set[str]]) -> bool:
    return row[1] in living[row[0]]


@contextmanager
def _private_file(path: Path) -> Iterator[IO[bytes]]:
    """Opens a new file that its user alone can read; at the end it is on the disk."""
    path.touch(mode=0o600)
    with path.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _appear(draft: Path, target: Path) -> None:
    try:
        os.link(draft, target)  # unlike a renaming it never replaces a file that came meanwhile
    except FileExistsError as error:
        raise BackupError(f"{target} was made by somebody else meanwhile. Choose another name.") from error
    except OSError:  # a file system without hard links
        draft.rename(target)
    handle = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
