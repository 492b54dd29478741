"""What a row of a table means, among many files of one name."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from nas.data.archive import Entry
from nas.data.rowpaths import RowPaths


def paths_of(*names: str) -> RowPaths:
    return RowPaths([Entry(name) for name in sorted(names)])


def found(paths: RowPaths, cell: str, folder: str = "") -> str:
    entry = paths.find(cell, folder)
    return entry if isinstance(entry, str) else entry.path


def calls_of(paths: RowPaths, cell: str) -> int:
    """How many calls of functions, Python's own ones among them, one row takes."""
    n = 0

    def count(_frame: Any, event: str, _arg: Any) -> None:
        nonlocal n
        n += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        paths.find(cell, "set")
    finally:
        sys.setprofile(None)
    return n


@pytest.mark.parametrize("cell", ["class 7/1.jpg", "class 7/1", "1.jpg", "gs://bucket/class 7/1.jpg"])
def test_a_row_costs_the_same_however_many_classes_number_their_files(cell: str) -> None:
    few, many = (paths_of(*(f"class {i}/1.jpg" for i in range(n))) for n in (200, 4000))
    for paths in (few, many):
        paths.find(cell, "set")  # what is made once is made
    assert calls_of(many, cell) <= calls_of(few, cell) < 300


@pytest.mark.parametrize(
    ("cell", "folder", "expected"),
    [
        ("cat/1.jpg", "", "set/cat/1.jpg"),
        ("cat/1", "", "set/cat/1.jpg"),
        ("CAT/1.JPG", "", "set/cat/1.jpg"),
        ("1.jpg", "set/dog", "set/dog/1.jpg"),
        ("1.jpg", "", "row-ambiguous"),
        ("at/1.jpg", "", "row-missing"),
        ("1.png", "set/cat", "row-missing"),
        ("2", "", "row-ambiguous"),
        ("2.png", "", "set/cat/2.png"),
        ("a.jpg", "", "set/cat/a.jpg"),
        ("A.jpg", "", "set/dog/A.jpg"),
        ("gs://bucket/else/dog/1.jpg", "", "set/dog/1.jpg"),
        ("else/dog/1.jpg", "", "set/dog/1.jpg"),
        ("else/1.jpg", "", "row-missing"),
        ("deep.jpg", "set/dog", "set/dog/x/deep.jpg"),
    ],
)
def test_what_a_cell_means(cell: str, folder: str, expected: str) -> None:
    paths = paths_of(
        "set/cat/1.jpg", "set/dog/1.jpg", "set/cat/2.jpg", "set/cat/2.png", "set/cat/a.jpg", "set/dog/A.jpg",
        "set/dog/x/deep.jpg", "set/cat/x/deep.jpg",
    )  # fmt: skip
    assert found(paths, cell, folder) == expected


def test_of_several_ends_of_a_path_the_longest_counts() -> None:
    paths = paths_of("1.jpg", "cat/1.jpg", "dog/1.jpg")
    assert found(paths, "gs://bucket/cat/1.jpg") == "cat/1.jpg"
    assert found(paths, "gs://bucket/bird/1.jpg") == "1.jpg"
