"""Reads tables of an upload (CSV, TSV, JSON lines) row by row, within limits, whatever program wrote them."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final, TextIO

from nas.data.archive import ArchiveListing, Entry
from nas.data.names import printable
from nas.data.partnames import part_of

TABLE_ENDINGS: Final = (".csv", ".tsv", ".jsonl", ".ndjson", ".txt")
IMAGE_ENDINGS: Final = (
    ".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif", ".ppm",
    ".pgm", ".pbm",
)  # fmt: skip
MAX_TABLE_BYTES: Final = 200_000_000
MAX_LINE: Final = 1_000_000
MAX_COLUMNS: Final = 1000
_LINE_ENDINGS: Final = (".jsonl", ".ndjson")
_DELIMITERS: Final = ",;\t|"
_SAMPLE_ROWS: Final = 50
_HEADER_WORDS: Final = frozenset({
    "file", "filename", "file_name", "filepath", "file_path", "image", "images", "image_path", "imagepath",
    "image_name", "image_id", "imageid", "img", "img_path", "path", "id", "name", "label", "labels", "class",
    "classes", "class_name", "category", "target", "species", "breed", "split", "set", "subset", "ml_use",
    "uri", "url",
})  # fmt: skip
_TOLD_EVERY: Final = 1 << 18
OnRead = Callable[[int, int], None]
"""Called with (bytes read, bytes in all) while a table is read; what it raises ends the reading."""
Row = tuple[int, list[str]]
"""(number of the row as a spreadsheet shows it, cells)"""


class TableError(Exception):
    """The table cannot be read from here on; `row` and `why` say where and why, in plain words."""

    def __init__(self, row: int, why: str) -> None:
        """Names row and reason."""
        super().__init__(why)
        self.row = row
        self.why = why


@dataclass(frozen=True)
class Table:
    """A table whose rows are read when asked for, so that memory does not grow with their number.

    Attributes:
        path: Its name inside the upload.
        columns: Names of the columns; ``column 1`` and so on when it has no header.
        marks: Places of the columns that mark the class by a 1; the last column then is the class.
        on_read: Told each quarter of a megabyte, whoever reads.
    """

    path: str
    columns: list[str]
    _data: bytes
    _encoding: str
    _delimiter: str
    _has_header: bool
    marks: tuple[int, ...] = ()
    on_read: OnRead | None = None

    @property
    def has_header(self) -> bool:
        """Whether its first line is taken for names of the columns."""
        return self._has_header

    @property
    def is_nameless(self) -> bool:
        """Whether its columns have no names of their own."""
        return self._delimiter != "" and not self._has_header

    def without_header(self) -> Table:
        """The same table, its first line taken as a row."""
        return replace(self, columns=_column_names([""] * len(self.columns)), _has_header=False)

    def rows(self) -> Iterator[Row]:
        """Yields the rows below the header; short rows are filled up.

        Raises:
            TableError: From here on it cannot be read.
        """
        n = len(self.columns) - bool(self.marks)
        rows = _json_rows(self) if self._delimiter == "" else _csv_rows(self)
        for i, (number, cells) in enumerate(rows):
            if i or not self._has_header:
                full = (cells + [""] * (n - len(cells)))[:n]
                yield number, [*full, self._marked(full)] if self.marks else full

    def _marked(self, cells: Sequence[str]) -> str:
        """Name of the only column that holds a 1, else nothing."""
        found = [i for i in self.marks if cells[i] in ("1", "1.0")]
        return self.columns[found[0]] if len(found) == 1 else ""

    def lines(self) -> Iterator[str]:
        """Yields its lines.

        Raises:
            TableError: A line is too long.
        """
        data = io.BytesIO(self._data)
        told = 0
        for line in _lines(io.TextIOWrapper(data, self._encoding, "replace", newline="")):
            if self.on_read is not None and data.tell() >= told + _TOLD_EVERY:
                told = data.tell()
                self.on_read(told, len(self._data))
            yield line


def find_tables(listing: ArchiveListing) -> list[Entry]:
    """Entries that may be tables, those with the fewest folders first."""
    found = [e for e in listing.entries if e.path.lower().endswith(TABLE_ENDINGS)]
    return sorted(found, key=lambda e: (e.path.count("/"), e.path))


def open_table(path: str, data: bytes) -> Table | None:
    """Finds out encoding, delimiter and header.

    Args:
        path: Its name inside the upload.
        data: The whole file, at most `MAX_TABLE_BYTES`.

    Returns:
        The table, or None when this is none: a single column, binary, or a first line that cannot be read.
    """
    encoding = _encoding_of(data)
    if encoding is None:
        return None
    blank = Table(path, [], data, encoding, "", False)
    try:
        if path.lower().endswith(_LINE_ENDINGS):
            columns = _json_columns(blank)
            return Table(path, columns, data, encoding, "", False) if len(columns) > 1 else None
        delimiter = "\t" if path.lower().endswith(".tsv") else _delimiter_of(blank)
        first = next(_csv_rows(Table(path, [], data, encoding, delimiter, False)), (1, []))[1]
    except TableError:
        return None
    if not 1 < len(first) <= MAX_COLUMNS:
        return None
    header = _is_header(first)
    names = first if header else [""] * len(first)
    return Table(path, _column_names(names), data, encoding, delimiter, header)


def is_header_word(cell: str) -> bool:
    """Whether a cell is a word that columns of images and classes are called by."""
    return cell.casefold() in _HEADER_WORDS


def is_image_reference(cell: str) -> bool:
    """Whether a cell looks like the name of an image file."""
    return cell.strip().lower().endswith(IMAGE_ENDINGS)


def _lines(stream: TextIO) -> Iterator[str]:
    number = 0
    while line := stream.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            raise TableError(number, f"a line is longer than {MAX_LINE:,} characters")
        yield line


def _csv_rows(table: Table) -> Iterator[Row]:
    reader = csv.reader(table.lines(), delimiter=table._delimiter, skipinitialspace=True)
    number = 0
    try:
        for cells in reader:
            number += 1
            if cells:
                yield number, [cell.strip() for cell in cells]
    except csv.Error as error:
        raise TableError(number + 1, "a quotation mark is not closed, or a cell is too long") from error


def _json_rows(table: Table) -> Iterator[Row]:
    for number, line in enumerate(table.lines(), start=1):
        if line.strip():
            cells = _flat(_json_object(line, number))
            yield number, [cells.get(column, "") for column in table.columns]


def _json_columns(table: Table) -> list[str]:
    seen: dict[str, None] = {}
    for number, line in enumerate(islice(table.lines(), _SAMPLE_ROWS), start=1):
        if line.strip():
            seen |= dict.fromkeys(_flat(_json_object(line, number)))
    return list(seen)[:MAX_COLUMNS]


def _json_object(line: str, number: int) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise TableError(number, "the line is no valid JSON") from error
    if not isinstance(value, dict):
        raise TableError(number, "the line is no JSON object")
    return value


def _flat(value: dict[str, Any], prefix: str = "", depth: int = 0) -> dict[str, str]:
    """Nested objects as dotted names; lists are left out."""
    found: dict[str, str] = {}
    for key, inner in islice(value.items(), MAX_COLUMNS):
        name = f"{prefix}{printable(str(key))}"
        if isinstance(inner, dict) and depth < 3:
            found |= _flat(inner, f"{name}.", depth + 1)
        elif inner is None or isinstance(inner, str | int | float):
            found[name] = "" if inner is None else str(inner).strip()
    return found


def _encoding_of(data: bytes) -> str | None:
    """Name of the encoding, None for binary content."""
    if data.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    head = data[:4096]
    if zeros := head.count(0):
        if zeros < 0.3 * len(head):
            return None
        return "utf-16-le" if head[1:2] == b"\0" else "utf-16-be"
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for at in range(0, len(data), 1 << 20):
            decoder.decode(data[at : at + (1 << 20)])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _delimiter_of(table: Table) -> str:
    """The delimiter that gives the same number of columns, more than one, in most rows."""
    best, best_score = ",", (0.0, 0)
    for delimiter in _DELIMITERS:
        attempt = Table(table.path, [], table._data, table._encoding, delimiter, False)
        try:
            widths = Counter(len(cells) for _, cells in islice(_csv_rows(attempt), _SAMPLE_ROWS))
        except TableError:
            continue
        wide = [(n, width) for width, n in widths.items() if width > 1]
        if wide:
            n, width = max(wide)
            score = (n / widths.total(), width)
            if score > best_score:
                best, best_score = delimiter, score
    return best


def _is_header(cells: Sequence[str]) -> bool:
    """Whether the first row names the columns: neither an image nor a part stands where rows have them."""
    if any(is_image_reference(cell) or "://" in cell for cell in cells):
        return False
    if any(map(is_header_word, cells)):
        return True
    return part_of(cells[0]) is None


def _column_names(cells: Sequence[str]) -> list[str]:
    """Distinct, printable names."""
    names: list[str] = []
    for number, cell in enumerate(cells, start=1):
        name = printable(cell[:200]) or f"column {number}"
        names.append(f"{name} ({number})" if name in names else name)
    return names
