"""Tables as people and programs write them."""

from __future__ import annotations

import tracemalloc

import pytest

from nas.data.tables import MAX_LINE, Table, TableError, open_table

ROWS = [["a/1.jpg", "cat"], ["b,2.jpg", 'big "dog"']]
PLAIN = 'file,label\na/1.jpg,cat\n"b,2.jpg","big ""dog"""\n'


def opened(data: bytes | str, path: str = "labels.csv") -> Table:
    table = open_table(path, data.encode() if isinstance(data, str) else data)
    assert table is not None
    return table


def cells(table: Table) -> list[list[str]]:
    return [row for _, row in table.rows()]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_encodings_are_told_apart(encoding: str) -> None:
    table = opened("file,label\n1.jpg,Bär\n2.jpg,Käse\n".encode(encoding))
    assert table.columns == ["file", "label"] and cells(table) == [["1.jpg", "Bär"], ["2.jpg", "Käse"]]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_and_line_ends(delimiter: str, end: str) -> None:
    text = end.join(delimiter.join(row) for row in [["file", "label"], ["1.jpg", "cat"], ["2.jpg", "dog"]])
    assert cells(opened(text)) == [["1.jpg", "cat"], ["2.jpg", "dog"]]


def test_quotes_commas_and_line_breaks_inside_cells() -> None:
    assert cells(opened(PLAIN)) == ROWS
    table = opened('file,label,note\n1.jpg,cat,"two\nlines"\n2.jpg,dog,\n')
    assert cells(table) == [["1.jpg", "cat", "two\nlines"], ["2.jpg", "dog", ""]]


def test_blank_lines_short_rows_and_numbers_of_rows() -> None:
    table = opened("\nfile,label,x\n1.jpg,cat\n\n2.jpg,dog,1,2,3\n")
    assert list(table.rows()) == [(3, ["1.jpg", "cat", ""]), (5, ["2.jpg", "dog", "1"])]


def test_without_a_header_columns_are_numbered() -> None:
    table = opened("gs://b/1.jpg,cat\ngs://b/2.jpg,dog\n")
    assert table.columns == ["column 1", "column 2"] and len(cells(table)) == 2
    assert opened("TRAIN,gs://b/1.jpg,cat\n").columns == ["column 1", "column 2", "column 3"]


def test_columns_of_one_name_or_none_are_told_apart() -> None:
    assert opened("file,label,label,\n1.jpg,a,b,c\n").columns == ["file", "label", "label (3)", "column 4"]


def test_json_lines_with_nested_objects() -> None:
    table = opened(
        '{"imageGcsUri": "gs://b/1.jpg", "classificationAnnotation": {"displayName": "cat"}}\n\n'
        '{"imageGcsUri": "gs://b/2.jpg", "n": 3, "boxes": [1, 2]}\n',
        "data.jsonl",
    )
    assert table.columns == ["imageGcsUri", "classificationAnnotation.displayName", "n"]
    assert list(table.rows()) == [(1, ["gs://b/1.jpg", "cat", ""]), (3, ["gs://b/2.jpg", "", "3"])]


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("a.csv", b""),
        ("a.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
        ("README.txt", b"Just words.\nMore words.\n"),
        ("a.jsonl", b"not json\n"),
        ("a.jsonl", b"[1, 2]\n"),
        ("a.jsonl", b"[" * 100_000),
    ],
)
def test_what_is_no_table(path: str, data: bytes) -> None:
    assert open_table(path, data) is None


def test_formulas_are_only_text() -> None:
    assert cells(opened("file,label\n1.jpg,=cmd|'/c calc'!A1\n"))[0][1] == "=cmd|'/c calc'!A1"


def test_damage_in_the_middle_keeps_the_rows_before() -> None:
    table = opened('file,label\n1.jpg,cat\n2.jpg,"never closed\n' + "3.jpg,dog\n" * 20_000)
    rows = table.rows()
    assert next(rows)[1] == ["1.jpg", "cat"]
    with pytest.raises(TableError) as caught:
        next(rows)
    assert caught.value.row == 3 and "quotation mark" in caught.value.why


def test_an_endless_line_is_refused_with_little_memory() -> None:
    data = b"file,label\n1.jpg,cat\n" + b"x" * 30_000_000
    tracemalloc.start()
    rows = opened(data).rows()
    assert next(rows)[1] == ["1.jpg", "cat"]
    with pytest.raises(TableError, match="longer than"):
        next(rows)
    assert tracemalloc.get_traced_memory()[1] < 20 * MAX_LINE
    tracemalloc.stop()
    assert open_table("a.csv", b"x" * 5_000_000) is None


def test_too_many_columns_make_no_table() -> None:
    assert open_table("a.csv", ",".join(f"c{i}" for i in range(5000)).encode()) is None
