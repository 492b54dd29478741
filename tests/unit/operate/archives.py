"""Archives for tests: a good one, and good ones with one thing changed."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from automl_site.backup.writing import FORMAT, HEAD, LIST, ArchiveWriter

HEAD_OF_NOTHING = {"format": FORMAT, "program": "9.9", "made_at": "today", "migrations": {}}


def small_archive(path: Path, storage: Path, files: Mapping[str, bytes], **head: Any) -> Path:
    """Writes an archive of some files and no rows."""
    with path.open("wb") as file:
        writer = ArchiveWriter(file, storage, lambda _: None)
        writer.add_text(HEAD, json.dumps({**HEAD_OF_NOTHING, **head}))
        for name, content in files.items():
            (storage / name).parent.mkdir(parents=True, exist_ok=True)
            (storage / name).write_bytes(content)
            writer.add_file(name)
        rows = path.with_suffix(".rows")
        rows.write_bytes(b"")
        with rows.open("rb") as lines:
            writer.add_rows(lines)
        writer.finish()
    return path


def read_members(path: Path) -> dict[str, bytes]:
    """Returns the content of all members."""
    with tarfile.open(path) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def listed(members: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """Returns the list of an archive."""
    return [json.loads(line) for line in members[LIST].splitlines()[:-1]]


def sealed(lines: list[dict[str, Any]]) -> bytes:
    """Returns the list's content with a seal that is right."""
    text = "".join(json.dumps(line) + "\n" for line in lines)
    seal = {"members": len(lines), "sha256": hashlib.sha256(text.encode()).hexdigest()}
    return (text + json.dumps(seal) + "\n").encode()


def write_tar(path: Path, members: Mapping[str, bytes], *odd: tarfile.TarInfo) -> Path:
    """Writes a tar of members, with further ones before the list."""
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            if name == LIST:
                for one in odd:
                    tar.addfile(one, io.BytesIO(bytes(one.size)))
            about = tarfile.TarInfo(name)
            about.size = len(content)
            tar.addfile(about, io.BytesIO(content))
    return path
