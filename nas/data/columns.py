"""Guesses which columns of a table name the image, its class and its part."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from nas.data.archive import Entry
from nas.data.onehot import ONE_HOT, is_mark_column
from nas.data.partnames import Split, part_of, part_of_flag
from nas.data.rowpaths import RowPaths
from nas.data.tables import Table, TableError, is_header_word, is_image_reference

_SAMPLE_ROWS: Final = 5000
_PATH_ROWS: Final = 300
_FOUND: Final = 0.5  # share of the rows whose image must be in the upload
_LABEL_WORDS: Final = (
    "label", "labels", "class", "classname", "displayname", "category", "categories", "target", "species",
    "breed", "variety", "tag", "diagnosis", "disease", "dx", "type", "kind", "annotation", "y", "digit",
)  # fmt: skip
_NUMBER_WORDS: Final = frozenset({"id", "idx", "index", "num", "number", "code", "encoded"})
_UNASSIGNED: Final = frozenset({"", "unassigned", "none"})
_MOST_LABEL_COLUMNS: Final = 5
_MARK_RANK: Final = 200.0  # of a column of 0 and 1 that is not called like a class
_LONG_CELL: Final = 500  # longer ones are sentences about the image


@dataclass(frozen=True)
class Columns:
    """What the columns of a table mean.

    Attributes:
        path: Column that names the image.
        labels: Columns that may be the class, the likeliest first.
        split: Column that names the part, or None.
        by_name: Whether the first label column is called like one.
    """

    path: str
    labels: list[str]
    split: str | None
    by_name: bool


def guess_columns(table: Table, paths: RowPaths) -> Columns | None:
    """Looks at the first rows.

    Returns:
        None when no column names images of the upload, or none could be a class.
    """
    rows = _first_rows(table, _SAMPLE_ROWS)
    if not rows:
        return None
    path = _path_column(table, rows, paths)
    if path is None:
        return None
    values = {name: [row[i] for row in rows] for i, name in enumerate(table.columns) if i != path}
    split = next((name for name in values if _is_split(name, values[name])), None)
    taken = {split, *(table.columns[i] for i in table.marks)}
    ranked = sorted(
        (rank, i, name)
        for i, name in enumerate(values)
        if name not in taken and (rank := _label_rank(name, values[name])) is not None
    )
    if sum(rank == _MARK_RANK for rank, _, _ in ranked) > 1:
        # Several marks that exclude nothing describe an image; none of them is its class.
        ranked = [one for one in ranked if one[0] != _MARK_RANK]
    if not ranked:
        return None
    labels = [name for _, _, name in ranked[:_MOST_LABEL_COLUMNS]]
    return Columns(table.columns[path], labels, split, ranked[0][0] < len(_LABEL_WORDS))


def without_false_header(table: Table, paths: RowPaths) -> Table:
    """The table without a header when its first line is a row: it names an image, like the lines below it.

    By its words alone ``0000,dog`` could be a header. A column ``0`` (so pandas calls the first one) whose
    image ``0.jpg`` a row below names again is one.
    """
    if not table.has_header:
        return table
    plain = table.without_header()
    first, *rows = _first_rows(plain, _PATH_ROWS) or [[]]
    folder = folder_of(table.path)
    for i, cell in enumerate(first):
        image = None if is_header_word(cell) else paths.find(cell, folder)
        if not isinstance(image, Entry):
            continue
        below = [paths.find(row[i], folder) for row in rows]
        if image not in below and sum(isinstance(one, Entry) for one in below) >= _FOUND * len(below):
            return plain
    return table


def _first_rows(table: Table, n: int) -> list[list[str]]:
    """The cells of so many rows; less when the table cannot be read to there."""
    rows = []
    try:
        for _, cells in islice(table.rows(), n):
            rows.append(cells)
    except TableError:
        pass  # the rows before it count
    return rows


def part_in_cell(column: str, cell: str) -> Split | None:
    """Part that a cell of the split column names; None for "unassigned" and for other words."""
    return part_of(cell) or part_of_flag(column, cell)


def _path_column(table: Table, rows: Sequence[list[str]], paths: RowPaths) -> int | None:
    """The column most of whose cells are images of the upload; of equal ones the first.

    When the upload holds none of the images at all, a column of image names still counts: the findings then
    say which files are missing.
    """
    some = rows[:: max(1, len(rows) // _PATH_ROWS)]
    best, best_share = None, _FOUND
    looks: int | None = None
    for i in range(len(table.columns)):
        cells = [row[i] for row in some]
        found = [paths.find(cell, folder_of(table.path)) for cell in cells if cell]
        share = sum(not isinstance(one, str) for one in found)
        if share / len(cells) > best_share:
            best, best_share = i, share / len(cells)
        if (
            looks is None
            and sum(map(is_image_reference, cells)) > 0.9 * len(cells)
            and (
                share or "row-ambiguous" in found  # the part of the row may decide
            )
        ):
            looks = i
    return best if best is not None else looks


def is_label_name(column: str) -> bool:
    """Whether a column is called like a class column."""
    return bool(_label_words(column))


def folder_of(path: str) -> str:
    """Folder in which a table lies."""
    return path.rpartition("/")[0]


def _is_split(name: str, cells: Sequence[str]) -> bool:
    told = [cell for cell in cells if cell.casefold() not in _UNASSIGNED]
    if not told:
        return any(cell.casefold() == "unassigned" for cell in cells)
    distinct = set(told)
    return len(distinct) <= 20 and all(part_in_cell(name, cell) is not None for cell in distinct)


def _label_rank(name: str, cells: Sequence[str]) -> float | None:
    """How likely a column is the class, smaller is likelier; None when it cannot be."""
    if name == ONE_HOT:
        return len(_LABEL_WORDS) - 0.5  # behind columns that are called like a class
    counts = Counter(cell for cell in cells if cell)
    if not counts or sum(len(cell) > _LONG_CELL for cell in cells) > 0.1 * len(cells):
        return None
    hits = _label_words(name)
    penalty = 0.5 if _NUMBER_WORDS & set(_words(name)) else 0.0
    few = 2 <= len(counts) <= max(2, counts.total() // 2)
    if hits and len(counts) < max(2, counts.total()):
        return min(hits) + penalty
    if is_mark_column(cells):
        return _MARK_RANK if few else None
    return 100.0 + penalty if few else None


def _label_words(name: str) -> list[int]:
    """Ranks of the words for classes that occur in the name of a column."""
    words = _words(name)
    last = name.rpartition(".")[2].lower().replace("_", "")
    return [i for i, word in enumerate(_LABEL_WORDS) if word in words or word == last]


def _words(name: str) -> list[str]:
    return re.findall(r"[a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())
