"""Finds the file of the upload that a row of a table means; it never opens anything outside the upload."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import takewhile
from typing import Final

from nas.data.archive import Entry
from nas.data.tables import IMAGE_ENDINGS

_BUCKETS: Final = frozenset({"gs", "s3", "az", "abfs", "abfss", "wasbs", "hdfs"})
_SCHEME: Final = re.compile(r"^([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_DRIVE: Final = re.compile(r"^[A-Za-z]:")


class RowPaths:
    """The images of an upload, to be found by what tables write about them."""

    def __init__(self, pictures: Sequence[Entry]) -> None:
        """Indexes the images.

        Args:
            pictures: Entries that may be images. Rows may leave out the folders that all of them share, or
                have others in their place.
        """
        self._root_depth = _shared_folders(pictures)
        self._by_stem: dict[str, list[Entry]] = {}
        for entry in pictures:
            self._by_stem.setdefault(_stem(_folded(entry.path.rpartition("/")[2])), []).append(entry)

    def find(self, cell: str, folder: str = "") -> Entry | str:
        """The image that a cell means, or the kind of the finding.

        Tried in this order: the path from the table's folder, then the end of the path: `cell` may leave out
        leading folders of the upload, or have others (``gs://bucket/...``) in front. The ending of the file
        may be left out.

        Args:
            cell: What the row says.
            folder: Where the table lies.
        """
        parts = _parts(cell)
        if isinstance(parts, str):
            return parts
        whole = parts[-1].endswith(IMAGE_ENDINGS)
        found: list[Entry] = []
        near: list[Entry] = []
        prefix = [*_folded(folder).split("/"), *parts] if folder else parts
        for entry in self._by_stem.get(_stem(parts[-1]), ()):
            names = _folded(entry.path).split("/")
            if not whole:
                names[-1] = _stem(names[-1])
            if names == prefix:
                near.append(entry)
            if _ends_with(names, parts) or _ends_with(parts, names[self._root_depth :]):
                found.append(entry)
        for candidates in (near, found, [e for e in found if e.path.startswith(f"{folder}/")]):
            if len(candidates) == 1:
                return candidates[0]
        exact = [e for e in near or found if e.path.endswith(cell.strip())]
        if len(exact) == 1:
            return exact[0]
        return "row-ambiguous" if found or near else "row-missing"


def _shared_folders(pictures: Sequence[Entry]) -> int:
    """Number of leading folders that all share: what the first and last path share, all do."""
    if not pictures:
        return 0
    first, last = (entry.path.split("/")[:-1] for entry in (min(pictures), max(pictures)))
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False)))


def _parts(cell: str) -> list[str] | str:
    """The parts of a path, folded, or the kind of the finding."""
    text = cell.strip()
    scheme = _SCHEME.match(text)
    if scheme is not None:
        if scheme[1].lower() not in _BUCKETS:
            return "row-outside" if scheme[1].lower() == "file" else "row-foreign"
        text = text[scheme.end() :].partition("/")[2]
    text = text.replace("\\", "/")
    parts = [part for part in _folded(text).split("/") if part not in ("", ".")]
    if text.startswith("/") or _DRIVE.match(text) or ".." in parts:
        return "row-outside"
    return parts or "row-missing"


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()


def _stem(name: str) -> str:
    return name.rpartition(".")[0] if name.endswith(IMAGE_ENDINGS) else name


def _ends_with(names: Sequence[str], tail: Sequence[str]) -> bool:
    return len(names) >= len(tail) and list(names[len(names) - len(tail) :]) == list(tail)
