"""Reads classes and parts from tables of an upload."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Final, cast

from nas.data.archive import ArchiveListing
from nas.data.columns import Columns, folder_of, guess_columns, part_in_cell
from nas.data.findings import make_problem
from nas.data.folders import find_parts, read_tree
from nas.data.layout import (
    Labelled,
    Layout,
    folders_below,
    left_out_folders,
    take_part,
    without_class,
)
from nas.data.names import printable
from nas.data.partnames import Split, part_of, parts_of
from nas.data.reading import MAX_LABEL, Interpretation
from nas.data.rowpaths import RowPaths
from nas.data.shelf import Shelf
from nas.data.tables import Table, TableError
from nas.errors import DataError

_MOST_OF_A_KIND: Final = 1000


def propose_tables(shelf: Shelf) -> list[Interpretation]:
    """Readings of the tables that name images of this upload, the likeliest first.

    Tables with the same columns are read together: ``train.csv`` and ``test.csv`` are parts, as are tables in
    folders that are parts.
    """
    tables = shelf.all()
    guesses = {t.path: guess for t in tables if (guess := guess_columns(t, shelf.paths)) is not None}
    usable = {path: g for path, g in guesses.items() if "submission" not in path.lower()}
    if not usable:
        return []
    main = min(usable, key=lambda path: (not usable[path].by_name, list(usable).index(path)))
    guess = usable[main]
    tree = read_tree(shelf.pictures)
    parts, level = find_parts(tree)
    first = Interpretation(
        kind="table",
        root=tree.root,
        split_folders=dict(parts),
        split_level=level,
        table=main,
        tables=_with_siblings(main, usable),
        path_column=guess.path,
        label_column=guess.labels[0],
        split_column=guess.split,
    )
    return [first, *(replace(first, label_column=name) for name in guess.labels[1:])]


def _with_siblings(main: str, guesses: dict[str, Columns]) -> dict[str, str]:
    """Tables with the same columns -> their part."""
    wanted = guesses[main]
    same = [
        path
        for path, g in guesses.items()
        if g.path == wanted.path and g.split == wanted.split and wanted.labels[0] in g.labels
    ]
    by_name = parts_of({_stem(path) for path in same})
    return {path: by_name.get(_stem(path)) or _part_of_folders(path) or "" for path in [main, *same]}


def _stem(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[0]


def _part_of_folders(path: str) -> Split | None:
    return next((part for f in reversed(path.split("/")[:-1]) if (part := part_of(f)) is not None), None)


@dataclass
class _Said:
    """What the rows say about one image."""

    labels: dict[str, None]
    part: Split | None


def read_tables(listing: ArchiveListing, shelf: Shelf, chosen: Interpretation) -> Layout:
    """Gives each image the class and part that its row says.

    Args:
        listing: The files.
        shelf: Its tables.
        chosen: Of kind "table".

    Raises:
        DataError: There is no such table or column.
    """
    layout = Layout()
    tables = chosen.tables if chosen.table in chosen.tables else {chosen.table: ""}
    said: dict[str, _Said] = {}
    rows = _Rows(chosen, shelf.paths, said, layout)
    for path, part in tables.items():
        rows.read(_table(shelf, path), part)
    rows.close()
    left_out: Counter[str] = Counter()
    for entry in listing.entries:
        folders = folders_below(entry.path, chosen.root) or []
        in_folder, _, kind = take_part(folders, chosen)
        row = said.get(entry.path)
        if kind == "ignore":
            left_out[next(f for f in folders if chosen.split_folders.get(f) == "ignore")] += 1
        elif row is None and entry.path not in tables:
            layout.problems.append(without_class(entry.path, "not-in-table"))
        elif row is not None and len(row.labels) > 1:
            names = ", ".join(f"'{label}'" for label in list(row.labels)[:5])
            layout.problems.append(make_problem(printable(entry.path), "row-two-labels", labels=names))
        elif row is not None:
            layout.items.append(Labelled(entry, next(iter(row.labels)), row.part or in_folder))
    if any(item.split for item in layout.items):
        # Rows that name no part beside rows that do: they are there to learn from.
        layout.items = [Labelled(i.entry, i.label, i.split or "train") for i in layout.items]
    layout.problems += left_out_folders(left_out)
    return layout


def _table(shelf: Shelf, path: str) -> Table:
    table = shelf.get(path)
    if table is None:
        raise DataError(
            f"The upload holds no table '{printable(path)}' that can be read. Choose another one."
        )
    return table


@dataclass
class _Rows:
    """Collects what tables say; rows that say nothing usable become findings, the first of each kind."""

    chosen: Interpretation
    paths: RowPaths
    said: dict[str, _Said]
    layout: Layout
    refused: Counter[str] = field(default_factory=Counter)

    def read(self, table: Table, part: str) -> None:
        chosen = self.chosen
        at_path, at_label = (_column(table, name) for name in (chosen.path_column, chosen.label_column))
        at_split = _column(table, chosen.split_column) if chosen.split_column else None
        folder = folder_of(table.path)
        try:
            for number, cells in table.rows():
                own = (
                    part_in_cell(chosen.split_column or "", cells[at_split]) if at_split is not None else None
                )
                own = own or cast(Split | None, part or None)
                entry = self.paths.find(cells[at_path], folder, own)
                label = printable(cells[at_label])
                kind = entry if isinstance(entry, str) else _label_problem(label)
                if isinstance(entry, str) or kind:
                    self._refuse(cells[at_path] or table.path, kind, row=number, limit=MAX_LABEL)
                    continue
                row = self.said.setdefault(entry.path, _Said({}, None))
                row.labels[label] = None
                row.part = row.part or own
        except TableError as error:
            self._refuse(table.path, "table-damaged", row=error.row, why=error.why)

    def _refuse(self, name: str, kind: str, **details: object) -> None:
        self.refused[kind] += 1
        if self.refused[kind] <= _MOST_OF_A_KIND:
            self.layout.problems.append(make_problem(printable(name[:300]), kind, **details))

    def close(self) -> None:
        """Says how many more rows there are: millions of findings would fill the memory."""
        more = sum(max(0, n - _MOST_OF_A_KIND) for n in self.refused.values())
        if more:
            self.layout.problems.append(make_problem(printable(self.chosen.table), "more-findings", n=more))


def _label_problem(label: str) -> str:
    if not label:
        return "row-no-label"
    return "row-odd-label" if len(label) > MAX_LABEL else ""


def _column(table: Table, name: str) -> int:
    try:
        return table.columns.index(name)
    except ValueError:
        known = ", ".join(f"'{column}'" for column in table.columns[:20])
        raise DataError(
            f"The table '{printable(table.path)}' has no column '{printable(name)}'. Choose one of {known}."
        ) from None
