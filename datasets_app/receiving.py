"""Writes the body of one PATCH to the disk, so that a broken connection or a killed process costs little.

Everything here blocks and belongs into a thread. What counts is `Upload.offset`: it moves only after the
bytes before it were synced to the disk, every `SAVE_BYTES` and at the end.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import io
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog
from django.db import DatabaseError

from datasets_app.models import Upload
from datasets_app.quota import DISK_FULL, FULL_DISK
from datasets_app.uploads import upload_advance

SAVE_BYTES: Final = 8 * 2**20
"""After so many bytes the file is synced, while as many more may come in: twice this is lost at most."""

CHECKSUMS: Final = ("sha1", "sha256", "md5")
GONE: Final = "This upload does not exist, or it is not yours. Choose the file again to start anew."
WRONG_OFFSET: Final = "The server has a different number of bytes of this file. Ask it how many, then go on."

log = structlog.get_logger(__name__)


class RefusedError(Exception):
    """A request that is not served: an HTTP status and one plain sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        """Takes the status and what the person reads."""
        super().__init__(sentence)
        self.status = status


@dataclass(frozen=True)
class Checksum:
    """What the body of one request must hash to.

    Attributes:
        algorithm: One of `CHECKSUMS`.
        digest: Its raw bytes.
    """

    algorithm: str
    digest: bytes


@dataclass(frozen=True)
class Grant:
    """The view's permission to write a body at the upload's offset."""

    upload: Upload
    checksum: Checksum | None


@dataclass
class Verdict:
    """Lies in the request's scope; the view leaves its grant in it when everything is in order."""

    grant: Grant | None = None


class Receiver:
    """Writes one body: `open`, any number of `write`, `finish` when all of it came, always `close`.

    Without a checksum every byte that came counts, also when the connection breaks; `save`, which takes as
    long as the disk does, may then run beside the writing. With a checksum nothing counts before `finish` has
    compared it. Locks hold `close` back until what still runs in another thread has ended.
    """

    def __init__(self, grant: Grant) -> None:
        """Takes the view's permission; nothing is opened yet."""
        self.upload = grant.upload
        self._checksum = grant.checksum
        self._hash = _new_hash(grant.checksum) if grant.checksum else None
        self._saving = threading.Lock()  # always taken before the other one
        self._writing = threading.Lock()
        self._file: io.FileIO | None = None
        self._end = grant.upload.offset
        self._asked = grant.upload.offset

    def open(self) -> None:
        """Opens and locks the file and cuts off what was never counted.

        Raises:
            RefusedError: 423 while another request writes it, 404 or 409 when the row has changed since the
                permission, 507 or 500 when the disk refuses.
        """
        with self._writing, _disk_errors():
            file = _open_locked(self.upload.file)
            try:
                self._check_row(file)
                file.truncate(self.upload.offset)
                file.seek(self.upload.offset)
            except BaseException:
                file.close()
                raise
            self._file = file

    def write(self, block: bytes | bytearray) -> None:
        """Appends to the file.

        Raises:
            RefusedError: 413 for more bytes than announced, 507 for a full disk; then nothing counts that
                was not saved before.
        """
        try:
            with self._writing, _disk_errors():
                self._append(block)
        except RefusedError:
            self._forget()
            raise

    def is_due(self) -> bool:
        """True once for every `SAVE_BYTES`: it is time to `save`."""
        if self._hash is not None or self._end - self._asked < SAVE_BYTES:
            return False
        self._asked = self._end
        return True

    def save(self) -> None:
        """Syncs the file, then moves the offset: in this order, so that the row never promises too much.

        Raises:
            RefusedError: 404 when the upload was cancelled, 503 when the database does not answer, 507 when
                the disk is full.
        """
        with self._saving:
            with self._writing:
                file, end = self._file, self._end
            if file is None or end == self.upload.offset:
                return
            try:
                with _disk_errors():
                    os.fdatasync(file.fileno())
                _advance(self.upload, end)
            except RefusedError as error:
                if error.status != 503:
                    self._forget_unlocked()
                raise

    def finish(self) -> None:
        """Compares the checksum if there is one, then saves.

        Raises:
            RefusedError: 460 when it differs; nothing of this request counts then. Else as `save`.
        """
        if self._checksum is not None and not self._matches(self._checksum):
            self._forget()
            raise RefusedError(460, "These bytes did not arrive as they were sent. Send them once more.")
        self.save()

    def close(self) -> None:
        """Saves what came, if it counts without a checksum, and unlocks the file."""
        try:
            if self._hash is None:
                self.save()
        except RefusedError as error:
            log.info("the last piece of an upload was not kept", upload=str(self.upload.pk), why=str(error))
        finally:
            with self._saving, self._writing:
                if self._file is not None:
                    self._file.close()
                self._file = None

    def _append(self, block: bytes | bytearray) -> None:
        assert self._file is not None
        if self._end + len(block) > self.upload.length:
            raise RefusedError(
                413, "More bytes came than the file was announced to have. Start this upload again."
            )
        rest = memoryview(block)
        while rest:
            rest = rest[self._file.write(rest) :]
        if self._hash is not None:
            self._hash.update(block)
        self._end += len(block)

    def _matches(self, checksum: Checksum) -> bool:
        assert self._hash is not None
        return hmac.compare_digest(self._hash.digest(), checksum.digest)

    def _check_row(self, file: io.FileIO) -> None:
        """The lock is ours: is the row still what the view judged?"""
        now = Upload.objects.filter(pk=self.upload.pk).first()
        if now is None:
            self.upload.file.unlink(missing_ok=True)  # our own opening has made it anew
            raise RefusedError(404, GONE)
        if now.offset != self.upload.offset or now.completed_at is not None:
            raise RefusedError(409, WRONG_OFFSET)
        size = os.fstat(file.fileno()).st_size
        if size < now.offset:
            # The disk has lost bytes, for instance by a restored backup. Zeros in their place would be a lie.
            log.error("an upload is shorter than its row says", upload=str(now.pk), size=size, row=now.offset)
            upload_advance(upload=now, offset=size)
            raise RefusedError(409, WRONG_OFFSET)

    def _forget(self) -> None:
        """Takes back what was written since the last save."""
        with self._saving:
            self._forget_unlocked()

    def _forget_unlocked(self) -> None:
        with self._writing:
            self._end = self.upload.offset
            if self._file is not None:
                with contextlib.suppress(OSError):  # the next opening cuts it off as well
                    self._file.truncate(self._end)


def _advance(upload: Upload, offset: int) -> None:
    try:
        upload_advance(upload=upload, offset=offset)
    except Upload.DoesNotExist as error:
        raise RefusedError(404, GONE) from error
    except DatabaseError as error:
        log.warning("an upload's offset could not be saved", error=str(error)[:200])
        raise RefusedError(
            503, "The server could not note how far the upload is. It goes on from the last note."
        ) from error


def _new_hash(checksum: Checksum) -> Any:
    return hashlib.new(checksum.algorithm, usedforsecurity=False)


def _open_locked(path: Path) -> io.FileIO:
    """Opens the file, which its first piece makes, for this request alone."""
    new_folder = not path.parent.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    new_file = not path.exists()
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    file = io.FileIO(handle, "r+b")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Synced once, so that after a power cut the file is there under its name.
        if new_folder:
            _sync_directory(path.parent.parent)
        if new_file:
            _sync_directory(path.parent)
    except BlockingIOError as error:
        file.close()
        raise RefusedError(
            423, "Another connection is sending this file at this moment. Wait a minute, then go on."
        ) from error
    except BaseException:
        file.close()
        raise
    return file


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _disk_errors() -> Iterator[None]:
    """Turns errors of the disk into refusals that a person understands."""
    try:
        yield
    except OSError as error:
        log.warning("an upload could not be written", error=str(error))
        if error.errno in FULL_DISK:
            raise RefusedError(507, DISK_FULL) from error
        raise RefusedError(
            500, "The server could not write this file. What was saved is kept; try again in a moment."
        ) from error
