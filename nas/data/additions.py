"""Photos that are added one by one to a data set: decoded like uploads, appended behind its rows."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from nas.data.archive import ArchiveLimits, Entry
from nas.data.cache import IMAGES_FILE, read_index, read_manifest
from nas.data.findings import make_problem
from nas.data.pool import PoolConfig, ReaderPool
from nas.data.protocol import Facts, Refused
from nas.data.writing import write_index
from nas.errors import DataError

MOST_BYTES: Final = ArchiveLimits().max_entry_bytes
"""Size of one photo; the same limit as within an upload."""


@dataclass(frozen=True)
class Addition:
    """A photo that waits.

    Attributes:
        file: Its bytes on disk.
        path: Its name as shown.
        label: Its class.
        split: "train" or "val"; nothing is added to the test part.
    """

    file: Path
    path: str
    label: str
    split: str


class AdditionError(DataError):
    """A photo that cannot be used; `addition` is the one."""

    def __init__(self, message: str, addition: Addition) -> None:
        """Takes the sentence and the photo."""
        super().__init__(message)
        self.addition = addition


def append_images(base: Path, destination: Path, added: Sequence[Addition]) -> list[dict[str, Any]]:
    """Writes a cache with the rows of another one and some photos behind them.

    Each photo goes through the same guarded reader as those of an upload. The pixels of the base are copied:
    its own file is shared with older versions, which must not change.

    Args:
        base: Cache of the newest version.
        destination: An empty or missing directory on a disk with room for all pixels.
        added: The photos.

    Returns:
        The index entries of the new rows.

    Raises:
        AdditionError: One of the photos cannot be used; it says why.
        DataError: The base is damaged, or the disk is full.
    """
    manifest, index = read_manifest(base), read_index(base)
    side = int(manifest["cache_size"])
    destination.mkdir(parents=True, exist_ok=True)
    fresh = destination / "added.u8"
    try:
        facts = _decoded(fresh, added, side)
        shutil.copyfile(base / IMAGES_FILE, destination / IMAGES_FILE)
        with (destination / IMAGES_FILE).open("ab") as pixels:
            pixels.write(fresh.read_bytes())
            pixels.flush()
            os.fsync(pixels.fileno())
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DataError("The disk is full. Free some space and add the photo again.") from error
        raise
    new = [_entry(len(index) + at, one, facts[at]) for at, one in enumerate(added)]
    write_index(destination, [*index, *new], cache_size=side, seed=int(manifest.get("seed", 0)))
    return new


def _decoded(output: Path, added: Sequence[Addition], side: int) -> list[Facts]:
    """Decodes the photos into a pixel file of their own."""
    output.touch()
    entries = [Entry(path=one.path, size=one.file.stat().st_size, source=str(one.file)) for one in added]
    found: dict[int, Facts] = {}
    config = PoolConfig(
        archives=[None],
        output=output,
        limits=ArchiveLimits(),
        readable=[one.file for one in added],
        output_bytes=len(added) * side * side * 3,
    )
    with ReaderPool(config) as pool:
        for at, answer in (pair for answers in pool.run(entries, side) for pair in answers):
            if isinstance(answer, Refused):
                problem = make_problem(added[at].path, answer.kind, **answer.details)
                words = f"The photo {problem.path} cannot be used. {problem.reason} {problem.remedy}"
                raise AdditionError(words, added[at])
            found[at] = answer
    return [found[at] for at in range(len(added))]


def _entry(row: int, one: Addition, facts: Facts) -> dict[str, Any]:
    return {
        "row": row,
        "path": one.path,
        "label": one.label,
        "split": one.split,
        "sha256": facts.sha256,
        "width": facts.width,
        "height": facts.height,
        "group": -1,
        "n_bytes": one.file.stat().st_size,
        "format": facts.format,
        "mode": facts.mode,
        "camera": facts.camera,
        "has_exif": facts.has_exif,
    }
