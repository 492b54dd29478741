"""Writes an archive: a tar of numbered members, and at its end a list of what each one is.

Files carry numbers instead of names, so that opening an archive with any other program does nothing
surprising, and the list of names is judged as a whole before the first byte is written.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Final

from automl_site.backup.errors import BackupError

FORMAT: Final = 1
HEAD, DELETED, SECRET, ROWS, LIST = "head.json", "deleted.json", "secret_key", "rows.jsonl", "list.jsonl"
COPY_BYTES: Final = 2**20

Told = Callable[[int], None]
"""Called with the number of bytes that were read since the last call."""


class ArchiveWriter:
    """One archive in the making; `finish` makes it complete.

    Attributes:
        paths: Of all files that went in, relative to the storage.
        n_bytes: Of their content; what hard links share counts once.
    """

    def __init__(self, target: IO[bytes], storage: Path, told: Told) -> None:
        """Takes the file to write, the root of what is copied, and what to call about progress."""
        self.paths: set[str] = set()
        self.n_bytes = 0
        self._tar = tarfile.TarFile(
            fileobj=target, mode="w", format=tarfile.GNU_FORMAT, copybufsize=COPY_BYTES
        )
        self._storage, self._told = storage, told
        self._members: list[dict[str, Any]] = []
        self._linked: dict[tuple[int, int], dict[str, Any]] = {}

    def add_text(self, name: str, text: str) -> None:
        """Adds a small member."""
        content = text.encode()
        self._add(name, io.BytesIO(content), len(content), time.time_ns())

    def add_rows(self, file: IO[bytes]) -> None:
        """Adds the rows, from where the file stands to its end."""
        self._add(ROWS, file, os.fstat(file.fileno()).st_size - file.tell(), time.time_ns())

    def add_file(self, path: str, limit: int | None = None) -> None:
        """Adds a file of the storage, or one more name of it if its content is inside already.

        A file that is gone is left out: whether somebody misses it is decided at the end.

        Args:
            path: Relative to the storage.
            limit: Only so many bytes from its beginning.

        Raises:
            BackupError: It became shorter while it was copied.
        """
        try:
            handle = os.open(self._storage / path, os.O_RDONLY | os.O_NOFOLLOW)
        except (FileNotFoundError, NotADirectoryError):
            return
        with os.fdopen(handle, "rb") as file:
            about = os.fstat(handle)
            if not stat.S_ISREG(about.st_mode) or (limit is not None and about.st_size < limit):
                return
            key = (about.st_dev, about.st_ino)
            known = self._linked.get(key) if about.st_nlink > 1 else None
            if known is None:
                size = about.st_size if limit is None else limit
                known = self._add(f"files/{len(self._members):08d}", file, size, about.st_mtime_ns)
                self.n_bytes += size
                if about.st_nlink > 1:
                    self._linked[key] = known
            known["paths"].append(path)
        self.paths.add(path)

    def finish(self) -> None:
        """Writes the list and ends the archive."""
        lines = "".join(json.dumps(member) + "\n" for member in self._members)
        seal = {"members": len(self._members), "sha256": hashlib.sha256(lines.encode()).hexdigest()}
        self.add_text(LIST, lines + json.dumps(seal) + "\n")
        self._tar.close()

    def _add(self, name: str, source: IO[bytes], size: int, mtime_ns: int) -> dict[str, Any]:
        about = tarfile.TarInfo(name)
        about.size, about.mtime, about.mode = size, mtime_ns // 10**9, 0o600
        reader = HashingReader(source, self._told)
        try:
            self._tar.addfile(about, reader)
        except OSError as error:
            if reader.n_bytes < size and error.errno is None:
                raise BackupError(
                    f"A file became shorter while it was copied ({name}). Run the backup again."
                ) from error
            raise
        self._tar.members = []  # type: ignore[attr-defined] # the list would only grow; nobody asks for it
        member = {
            "member": name,
            "bytes": size,
            "sha256": reader.hexdigest(),
            "mtime_ns": mtime_ns,
            "paths": [],
        }
        self._members.append(member)
        return member


class HashingReader(io.RawIOBase):
    """A file that hashes what is read of it.

    Attributes:
        n_bytes: How many bytes were read.
    """

    def __init__(self, source: IO[bytes], told: Told) -> None:
        """Takes the file, and what to call about progress."""
        self.n_bytes = 0
        self._source, self._told = source, told
        self._digest = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        """Reads on."""
        block = self._source.read(size)
        self._digest.update(block)
        self.n_bytes += len(block)
        self._told(len(block))
        return block

    def hexdigest(self) -> str:
        """SHA-256 of all that was read, as 64 hexadecimal digits."""
        return self._digest.hexdigest()


def files_below(storage: Path, tree: str) -> Iterator[str]:
    """Yields the files of a directory, relative to the storage, in a fixed order; never links."""
    top = storage / tree
    for directory, folders, names in os.walk(top):
        folders.sort()
        for name in sorted(names):
            path = Path(directory) / name
            if not path.is_symlink():
                yield str(path.relative_to(storage))
