"""Finds the file of the upload that a row of a table means; it never opens anything outside the upload."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import takewhile
from typing import Final

from nas.data.archive import Entry
from nas.data.partnames import Split, part_of
from nas.data.tables import IMAGE_ENDINGS

_BUCKETS: Final = frozenset({"gs", "s3", "az", "abfs", "abfss", "wasbs", "hdfs"})
_SCHEME: Final = re.compile(r"^([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_DRIVE: Final = re.compile(r"^[A-Za-z]:")
_AFTER_SLASH: Final = chr(ord("/") + 1)
_MOST_PARTS: Final = 16  # no path of an upload has more
_MOST_OF_A_NAME: Final = 100  # of more files of one name, neither case nor part tells which is meant


class RowPaths:
    """The images of an upload, to be found by what tables write about them."""

    def __init__(self, pictures: Sequence[Entry]) -> None:
        """Indexes the images.

        Args:
            pictures: Entries that may be images. Rows may leave out the folders that all of them share, or
                have others in their place.
        """
        shared = _shared_folders(pictures)
        self._pictures = pictures
        self._root = "".join(f"{_folded(name)}/" for name in reversed(shared))
        self._ends: dict[tuple[bool, str], _Ends] = {}

    def find(self, cell: str, folder: str = "", part: Split | None = None) -> Entry | str:
        """The image that a cell means, or the kind of the finding.

        Tried in this order: the path from the table's folder, then the end of the path: `cell` may leave out
        leading folders of the upload, or have others (``gs://bucket/...``, ``/home/me/...``, ``../``) in
        front. The ending of the file may be left out. Only images of the upload are ever given.

        Args:
            cell: What the row says.
            folder: Where the table lies.
            part: What the row says of its part; decides between files of one name.
        """
        parsed = _parts(cell)
        if isinstance(parsed, str):
            return parsed
        parts, missing = parsed
        whole = parts[-1].endswith(IMAGE_ENDINGS)
        key = _backwards(parts)
        above = _backwards(_folded(folder).split("/")) if folder else ""
        ends = self._ends_of(whole)
        near, found = ends.equal(key + above), ends.below(key) or self._with_more_in_front(parts, ends)
        if not near and not found:
            return missing
        below = self._ends_of(whole, folder).below(key) if folder and len(found) > 1 else range(0)
        for candidates, of in ((near, ends), (found, ends), (below, self._ends_of(whole, folder))):
            if len(candidates) == 1:
                return of.entries[candidates[0]]
        same = [ends.entries[i] for i in (near or found)[:_MOST_OF_A_NAME]]
        return (
            _only([e for e in same if e.path.endswith(cell.strip())])
            or _only([e for e in same if part and len(found) <= _MOST_OF_A_NAME and _lies_in(e, part)])
            or "row-ambiguous"
        )

    def _with_more_in_front(self, parts: Sequence[str], ends: _Ends) -> range:
        """The images whose whole path below the shared folders ends the row's path; the longest first."""
        for k in range(min(len(parts), _MOST_PARTS), 0, -1):
            if found := ends.equal(_backwards(parts[-k:]) + self._root):
                return found
        return range(0)

    def _ends_of(self, whole: bool, folder: str = "") -> _Ends:
        """The index of names with or without their endings, made when first asked for."""
        known = self._ends.get((whole, folder))
        if known is None:
            inside = [e for e in self._pictures if not folder or e.path.startswith(f"{folder}/")]
            known = self._ends[whole, folder] = _Ends(inside, whole)
        return known


class _Ends:
    """Paths sorted by their parts from the last to the first: those with one end stand side by side."""

    def __init__(self, entries: Sequence[Entry], whole: bool) -> None:
        keys = []
        for entry in entries:
            folders, _, name = _folded(entry.path).rpartition("/")
            parts = folders.split("/") if folders else []
            keys.append(_backwards([*parts, name if whole else _stem(name)]))
        order = sorted(range(len(keys)), key=keys.__getitem__)
        self._keys = [keys[i] for i in order]
        self.entries = [entries[i] for i in order]

    def equal(self, key: str) -> range:
        """Places of the entries with exactly this path."""
        return range(bisect_left(self._keys, key), bisect_right(self._keys, key))

    def below(self, key: str) -> range:
        """Places of the entries whose path ends so."""
        return range(bisect_left(self._keys, key), bisect_left(self._keys, key[:-1] + _AFTER_SLASH))


def _backwards(parts: Sequence[str]) -> str:
    return "".join(f"{part}/" for part in reversed(parts))


def _only(entries: Sequence[Entry]) -> Entry | None:
    return entries[0] if len(entries) == 1 else None


def _lies_in(entry: Entry, part: Split) -> bool:
    return any(part_of(folder) == part for folder in entry.path.split("/")[:-1])


def _shared_folders(pictures: Sequence[Entry]) -> list[str]:
    """Leading folders that all share: what the first and last path share, all do."""
    if not pictures:
        return []
    first, last = (entry.path.split("/")[:-1] for entry in (min(pictures), max(pictures)))
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    return [name for name, _ in pairs]


def _parts(cell: str) -> tuple[list[str], str] | str:
    """(parts of a path, folded; kind of the finding if no image fits), or at once the kind of the finding."""
    text = cell.strip()
    scheme = _SCHEME.match(text)
    outside = False
    if scheme is not None:
        outside = scheme[1].lower() == "file"
        if not outside and scheme[1].lower() not in _BUCKETS:
            return "row-foreign"
        text = text[scheme.end() :].partition("/")[2]
    text = text.replace("\\", "/")
    if drive := _DRIVE.match(text):
        text = text[drive.end() :]
    parts = [part for part in _folded(text).split("/") if part not in ("", ".")]
    climbs = max((i for i, part in enumerate(parts, start=1) if part == ".."), default=0)
    outside = outside or drive is not None or text.startswith("/") or climbs > 0
    missing = "row-outside" if outside else "row-missing"
    return (parts[climbs:], missing) if parts[climbs:] else missing


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()


def _stem(name: str) -> str:
    return name.rpartition(".")[0] if name.endswith(IMAGE_ENDINGS) else name
