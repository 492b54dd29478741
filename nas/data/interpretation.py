"""Understands an upload: proposes a reading of it, offers others, and applies the one that is chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nas.data.archive import ArchiveListing
from nas.data.columns import is_label_name
from nas.data.folders import folder_alternatives, propose_folders, read_folders
from nas.data.layout import Layout, finish_layout, without_train
from nas.data.patterns import propose_patterns, read_pattern
from nas.data.preview import preview_json, summary_of
from nas.data.reading import Interpretation
from nas.data.shelf import OnProgress, Reader, Shelf
from nas.data.tablelabels import propose_tables, read_tables

_MOST_ALTERNATIVES = 8


@dataclass(frozen=True)
class _Reading:
    """One way of understanding the upload, and what comes of it."""

    chosen: Interpretation
    layout: Layout

    @property
    def n(self) -> int:
        return len(self.layout.items)

    @property
    def labels(self) -> dict[str, str]:
        return {item.entry.path: item.label for item in self.layout.items}

    def is_sensible(self, n_pictures: int) -> bool:
        """Whether at least half of the images get a class, and not all the same."""
        return self.n > 0 and 2 * self.n >= n_pictures and len(set(self.labels.values())) > 1


def propose(listing: ArchiveListing, read: Reader) -> Interpretation:
    """Best guess of what the upload means.

    Args:
        listing: Its files.
        read: Reads one of them; used for tables only.
    """
    return _main_readings(listing, Shelf(listing, read))[0].chosen


def alternatives(listing: ArchiveListing, read: Reader) -> list[Interpretation]:
    """Other sensible readings, best first."""
    return [reading.chosen for reading in _readings(listing, Shelf(listing, read))[1:]]


def interpret(
    listing: ArchiveListing,
    read: Reader,
    interpretation: Interpretation | None = None,
    on_progress: OnProgress | None = None,
) -> Layout:
    """Gives each file its class and part.

    Args:
        listing: The files of the upload.
        read: Reads one of them; used for tables only.
        interpretation: The reading that was proposed or chosen; None: the best guess.
        on_progress: Called with (stage in words, done, total) while tables are read; what it raises ends the
            reading.

    Raises:
        DataError: It does not fit this upload, e.g. names a table that is not there.
    """
    shelf = Shelf(listing, read, on_progress)
    if interpretation is None:
        return _main_readings(listing, shelf)[0].layout
    return _interpret(listing, shelf, interpretation)


def preview(
    listing: ArchiveListing,
    read: Reader,
    interpretation: Interpretation | None = None,
    on_progress: OnProgress | None = None,
) -> dict[str, Any]:
    """What an import would make of the upload, JSON-ready, to be shown and corrected.

    Args:
        listing: The files of the upload.
        read: Reads one of them; used for tables only.
        interpretation: As the owner corrected it; None: the best guess.
        on_progress: As of `interpret`.

    Raises:
        DataError: The interpretation does not fit this upload.
    """
    shelf = Shelf(listing, read, on_progress)
    readings = _readings(listing, shelf)
    if interpretation is None:
        chosen, layout = readings[0].chosen, readings[0].layout
    else:
        chosen, layout = interpretation, _interpret(listing, shelf, interpretation)
    others = [r for r in readings if r.chosen != chosen]
    return preview_json(
        listing,
        chosen,
        layout,
        alternatives=[(r.chosen, summary_of(r.chosen, r.layout)) for r in others],
        tables=shelf.all(),
    )


def _interpret(listing: ArchiveListing, shelf: Shelf, chosen: Interpretation) -> Layout:
    if chosen.kind == "table":
        layout = read_tables(listing, shelf, chosen)
    elif chosen.kind == "pattern":
        layout = read_pattern(listing, chosen)
    else:
        layout = read_folders(listing, chosen)
    return without_train(finish_layout(layout, chosen))


def _readings(listing: ArchiveListing, shelf: Shelf) -> list[_Reading]:
    """All sensible readings, the best first; at least one, even if nothing comes of it."""
    best, *found = _main_readings(listing, shelf)
    folders = next(r.chosen for r in [best, *found] if r.chosen.kind == "folders")
    for chosen in folder_alternatives(listing, folders):
        found.append(_Reading(chosen, _interpret(listing, shelf, chosen)))
    for reading in found:
        reading.layout.problems.clear()  # only the best one's are shown; a million files would be named often
    return [best, *_worth_offering(found, best)]


def _main_readings(listing: ArchiveListing, shelf: Shelf) -> list[_Reading]:
    """One reading of the folders, and those of tables and file names; the best first."""
    n = len(shelf.pictures)

    def read(chosen: Interpretation) -> _Reading:
        return _Reading(chosen, _interpret(listing, shelf, chosen))

    folders = read(propose_folders(listing))
    tables = [read(chosen) for chosen in propose_tables(shelf)]
    if folders.is_sensible(n):
        above = bool(tables) and _table_counts_more(tables[0], folders, n)
        return [*tables, folders] if above else [folders, *tables]
    patterns = [read(chosen) for chosen in propose_patterns(listing)]
    useful = any(table.n for table in tables)
    return [*tables, *patterns, folders] if useful else [*patterns, folders, *tables]


def _table_counts_more(table: _Reading, folders: _Reading, n_pictures: int) -> bool:
    """Whether a table stands above sensible folders: it says something else, and means to.

    A table that repeats the folders adds nothing, and one with a column of any name may be about anything.
    """
    column = table.chosen.label_column
    if not table.is_sensible(n_pictures) or not (is_label_name(column) or column.startswith("column ")):
        return False
    in_folders, in_table = folders.labels, table.labels
    same = sum(in_folders.get(path, "").casefold() == label.casefold() for path, label in in_table.items())
    return same < 0.95 * len(in_table)


def _worth_offering(found: list[_Reading], best: _Reading) -> list[_Reading]:
    """Readings that give classes to images and differ from the best and from each other."""
    kept: list[_Reading] = []
    for reading in found:
        few = len(set(reading.labels.values())) < 2
        known = any(reading.chosen == other.chosen for other in [best, *kept])
        if reading.n and not few and not known and len(kept) < _MOST_ALTERNATIVES:
            kept.append(reading)
    return kept


__all__ = ["Interpretation", "Reader", "alternatives", "interpret", "preview", "propose"]
