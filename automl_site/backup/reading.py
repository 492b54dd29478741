"""Reads an archive and trusts nothing in it: members and names are judged before anything is written."""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from automl_site.backup.errors import BackupError
from automl_site.backup.writing import (
    COPY_BYTES,
    DELETED,
    FORMAT,
    HEAD,
    LIST,
    ROWS,
    SECRET,
    HashingReader,
    Told,
)
from search_app.inventory import AREAS

SMALL_BYTES: Final = 10 * 2**20
"""Members that are read into memory may be so long; the list has no limit, it grows with the files."""

_NUMBERED: Final = re.compile(r"files/[0-9]{8,12}")
_SMALL: Final = frozenset({HEAD, DELETED, SECRET})
_LONGEST_PATH: Final = 1000


@dataclass
class Archive:
    """What a checked archive holds.

    Attributes:
        path: Of the archive.
        head: What its first member says.
        deleted: Primary keys of rows that were deleted while it was made, by the label of their table.
        secret: The key that signs links, or None.
        names: Paths in the storage of each numbered member; the first is written, the others are linked.
        times: When each numbered member was changed last, in nanoseconds since 1970.
        sums: SHA-256 of each member.
        n_bytes: Content of all members.
    """

    path: Path
    head: dict[str, Any] = field(default_factory=dict)
    deleted: dict[str, list[str]] = field(default_factory=dict)
    secret: str | None = None
    names: dict[str, list[str]] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)
    sums: dict[str, str] = field(default_factory=dict)
    n_bytes: int = 0


def check_archive(path: Path, told: Told) -> Archive:
    """Reads an archive from end to end and compares every checksum.

    Args:
        path: Of the archive.
        told: Called with the bytes that were read since.

    Raises:
        BackupError: It is no archive of this program, is incomplete or damaged, or holds what none holds.
    """
    found = Archive(path)
    with tar_errors(path):
        listed = _read_members(found, told)
    if listed is None or ROWS not in found.sums:
        raise BackupError(f"{path} is incomplete: its end is missing. Copy it again, or use another backup.")
    try:
        _compare(found, listed)
    except (KeyError, TypeError, AttributeError) as error:
        raise _damaged() from error
    return found


def _read_members(found: Archive, told: Told) -> list[dict[str, Any]] | None:
    listed: list[dict[str, Any]] | None = None
    for name, size, source in members(found.path):
        if listed is not None or (not found.head and name != HEAD) or name in found.sums:
            raise _strange(f"the member '{name}' is where none belongs")
        reader = HashingReader(source, told)
        if name == LIST:
            listed = _read_list(reader)
            continue
        if name in _SMALL:
            if size > SMALL_BYTES:
                raise _strange(f"the member '{name}' is too long")
            _take(found, name, reader.read())
        else:
            while reader.read(COPY_BYTES):
                pass
        if reader.n_bytes != size:
            raise _damaged()
        found.sums[name] = reader.hexdigest()
        found.n_bytes += size
    return listed


@contextmanager
def tar_errors(path: Path) -> Iterator[None]:
    """Says in a sentence what reading an archive failed at.

    Raises:
        BackupError: Instead of the errors of `tarfile` and of the operating system.
    """
    try:
        yield
    except (tarfile.TarError, EOFError) as error:
        raise BackupError(
            f"{path} is no archive of `manage.py backup`, or is damaged. Copy it again, or use another one."
        ) from error
    except OSError as error:
        raise BackupError(
            f"{path} or the storage cannot be used ({error.strerror or error}). Check the name and the disk."
        ) from error


def members(path: Path) -> Iterator[tuple[str, int, IO[bytes]]]:
    """Yields name, length in bytes and content of each member; each content must be read before the next.

    Raises:
        BackupError: A member is no plain file or has a name that no archive has.
    """
    with tarfile.open(path, "r:") as tar:
        for member in tar:
            known = member.name in {*_SMALL, ROWS, LIST} or _NUMBERED.fullmatch(member.name)
            if not member.isreg() or member.issparse() or not known:
                raise _strange(f"the member {member.name[:100]!r} is a link, or has a name that none has")
            source = tar.extractfile(member)
            assert source is not None
            yield member.name, member.size, source
            tar.members = []  # type: ignore[attr-defined] # the list would only grow; nobody asks for it


def _take(found: Archive, name: str, content: bytes) -> None:
    try:
        if name == SECRET:
            found.secret = content.decode()
            return
        value = json.loads(content)
    except ValueError as error:
        raise _damaged() from error
    if not isinstance(value, dict):
        raise _damaged()
    if name == DELETED:
        found.deleted = value
        return
    if value.get("format") != FORMAT:
        raise BackupError(
            f"The archive has the form {value.get('format')!r} and this program reads {FORMAT}. Restore it "
            f"with the version of the program that made it ({value.get('program', 'unknown')})."
        )
    if not isinstance(value.get("migrations"), dict):
        raise _damaged()
    found.head = value


def _read_list(reader: HashingReader) -> list[dict[str, Any]]:
    """Reads the list of members; its last line seals the ones before."""
    lines = b"".join(iter(lambda: reader.read(COPY_BYTES), b"")).splitlines(keepends=True)
    try:
        seal = json.loads(lines[-1])
        listed = [json.loads(line) for line in lines[:-1]]
        whole = seal["sha256"] == hashlib.sha256(b"".join(lines[:-1])).hexdigest()
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise _damaged() from error
    if not whole:
        raise _damaged()
    return listed


def _compare(found: Archive, listed: list[dict[str, Any]]) -> None:
    if {one["member"] for one in listed} != set(found.sums):
        raise _damaged()
    taken: set[str] = set()
    for one in listed:
        name, paths = one["member"], one["paths"]
        if found.sums[name] != one["sha256"]:
            raise _damaged()
        for path in paths:
            if not _is_safe(path) or path in taken:
                raise _strange(f"it wants to write to {path[:200]!r}")
            taken.add(path)
        if _NUMBERED.fullmatch(name):
            found.names[name], found.times[name] = paths, int(one["mtime_ns"])
    # A file where another name needs a directory: no storage has that.
    if any(str(parent) in taken for path in taken for parent in Path(path).parents):
        raise _strange("one of its files is also a directory")


def _is_safe(path: str) -> bool:
    parts = path.split("/")
    return (
        len(path) <= _LONGEST_PATH
        and len(parts) > 1
        and parts[0] in AREAS
        and all(part not in {"", ".", ".."} for part in parts)
        and path.isprintable()
    )


def _damaged() -> BackupError:
    return BackupError("The archive is damaged: its checksums differ. Copy it again, or use another backup.")


def _strange(what: str) -> BackupError:
    return BackupError(
        f"The archive was not made by `manage.py backup`, or was changed since: {what}. Nothing was touched. "
        "Use another backup."
    )
