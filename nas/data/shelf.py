"""The tables of an upload, opened once for all that is asked of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Final

from nas.data.archive import ArchiveListing, Entry
from nas.data.columns import without_false_header
from nas.data.entries import EntryError
from nas.data.layout import pictures_of
from nas.data.onehot import with_class_column
from nas.data.rowpaths import RowPaths
from nas.data.tables import MAX_TABLE_BYTES, Table, find_tables, open_table

Reader = Callable[[Entry, int], bytes]
"""Reads one entry of the listing, at most so many bytes; raises `nas.data.entries.EntryError`."""
OnProgress = Callable[[str, int, int], None]

READING_TABLES: Final = "Reading the tables of labels"
_MOST_TABLES: Final = 20


class Shelf:
    """The tables of an upload, and the images that their rows may mean.

    Made once for each reading: the index of a million images takes seconds.
    """

    def __init__(self, listing: ArchiveListing, read: Reader, on_progress: OnProgress | None = None) -> None:
        """Reads nothing yet.

        Args:
            listing: The files of the upload.
            read: Reads one of them.
            on_progress: Called with (stage, bytes read, bytes in all) each time that a table is read; what it
                raises ends the reading.
        """
        self._listing = listing
        self._entries = {e.path: e for e in find_tables(listing)}
        self._read = read
        self._on_progress = on_progress
        self._open: dict[str, Table | None] = {}
        self._left = MAX_TABLE_BYTES

    @cached_property
    def pictures(self) -> list[Entry]:
        """The entries that may be images."""
        return pictures_of(self._listing.entries)

    @cached_property
    def paths(self) -> RowPaths:
        """The images, to be found by what rows say."""
        return RowPaths(self.pictures)

    def all(self) -> list[Table]:
        """The tables among the first files that may be some."""
        found = (self.get(path) for path in list(self._entries)[:_MOST_TABLES])
        return [table for table in found if table is not None]

    def get(self, path: str) -> Table | None:
        """One table, or None when there is none of this name, or it cannot be read."""
        entry = self._entries.get(path)
        if entry is None or path in self._open:
            return self._open.get(path)
        self._open[path] = None
        if entry.size <= self._left:
            self._tell(0, 0)
            try:
                data = self._read(entry, MAX_TABLE_BYTES)
            except EntryError:
                return None
            table = open_table(path, data)
            self._open[path] = self._understood(table) if table else None
            self._left -= entry.size
        return self._open[path]

    def _understood(self, table: Table) -> Table:
        told = replace(table, on_read=self._tell)
        return with_class_column(without_false_header(told, self.paths))

    def _tell(self, done: int, total: int) -> None:
        if self._on_progress is not None:
            self._on_progress(READING_TABLES, done, total)
