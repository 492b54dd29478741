"""Tables with one column a class: the 1 in a row stands below the name of its class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from nas.data.partnames import part_of, part_of_flag
from nas.data.tables import Table, TableError

ONE_HOT: Final = "class marked by 1"
"""Name of the column that is added to such a table; its cells are the names of the marked columns."""

_MARKS: Final = frozenset({"0", "1", "0.0", "1.0"})
_SAMPLE_ROWS: Final = 5000
_ALIKE: Final = 0.95  # share of the rows with exactly one mark


def is_mark_column(cells: Sequence[str]) -> bool:
    """Whether nothing but 0 and 1 stands in a column."""
    return bool(cells) and _MARKS.issuperset(cells)


def with_class_column(table: Table) -> Table:
    """The table with a column more when two or more of its columns mark the class, else as it is.

    Columns that are called like a part (``is_train``, ``is_test``) are no classes, nor are nameless ones.
    """
    if table.is_nameless or ONE_HOT in table.columns:
        return table
    rows = []
    try:
        for _, cells in islice(table.rows(), _SAMPLE_ROWS):
            rows.append(cells)
    except TableError:
        pass  # the rows before it count
    marks = tuple(
        i
        for i, name in enumerate(table.columns)
        if not (part_of(name) or part_of_flag(name, "1")) and is_mark_column([row[i] for row in rows])
    )
    single = sum(sum(row[i].startswith("1") for i in marks) == 1 for row in rows)
    if len(marks) < 2 or single < _ALIKE * len(rows):
        return table
    return replace(table, columns=[*table.columns, ONE_HOT], marks=marks)
