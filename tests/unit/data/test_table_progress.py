"""Reading a large table tells how far it is, can be stopped anywhere in it, and indexes the images once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nas.data.importer import ImportStopped, import_sources
from nas.data.interpretation import interpret, preview
from nas.data.reading import Interpretation
from nas.data.rowpaths import RowPaths
from nas.data.shelf import READING_TABLES
from nas.data.sources import Source
from tests.unit.data.uploads import Upload

N_ROWS = 12_000
BY_TABLE = Interpretation(kind="table", table="labels.csv", path_column="file", label_column="label")


class EnoughError(Exception):
    """Stands for whatever ends a reading: a lost claim, a worker that hands over."""


def table(n_rows: int = N_ROWS) -> str:
    rows = (f"{i % 10}.jpg,{'ab'[i % 2]},{'n' * 60}" for i in range(n_rows))
    return "\n".join(["file,label,note", *rows]) + "\n"


@pytest.fixture(scope="module")
def upload() -> Upload:
    return Upload(*(f"{i}.jpg" for i in range(10))).table("labels.csv", table())


def guess(upload: Upload, tell: Any) -> object:
    return interpret(upload.listing, upload.read, None, tell)


def chosen(upload: Upload, tell: Any) -> object:
    return interpret(upload.listing, upload.read, BY_TABLE, tell)


def shown(upload: Upload, tell: Any) -> object:
    return preview(upload.listing, upload.read, None, tell)


WAYS = pytest.mark.parametrize("read", [guess, chosen, shown])


@WAYS
def test_a_large_table_tells_how_far_it_is(upload: Upload, read: Callable[[Upload, Any], object]) -> None:
    told: list[tuple[str, int, int]] = []
    read(upload, lambda *one: told.append(one))
    size = len(table())
    assert {stage for stage, _, _ in told} == {READING_TABLES}
    assert told[0] == (READING_TABLES, 0, 0)
    done = [one for _, one, _ in told[1:]]
    assert {total for _, _, total in told[1:]} == {size} and max(done) > 0.8 * size and max(done) <= size


@WAYS
def test_a_large_table_can_be_left_in_the_middle(
    upload: Upload, read: Callable[[Upload, Any], object]
) -> None:
    last: list[float] = []

    def stop(_stage: str, done: int, total: int) -> None:
        last.append(done / total if total else 0)
        if last[-1] > 0.5:
            raise EnoughError

    with pytest.raises(EnoughError):
        read(upload, stop)
    assert 0.5 < last[-1] < 0.9


@WAYS
def test_the_images_are_indexed_once_a_reading(
    upload: Upload, read: Callable[[Upload, Any], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    real = RowPaths.__init__

    def count(self: RowPaths, pictures: Any) -> None:
        made.append(len(pictures))
        real(self, pictures)

    monkeypatch.setattr(RowPaths, "__init__", count)
    read(upload, None)
    assert made == [10]


def test_an_import_stops_while_it_reads_the_table(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "labels.csv").write_text(table())
    for i in range(10):
        (folder / f"{i}.jpg").write_bytes(b"x")
    seen: list[tuple[str, int]] = []
    with pytest.raises(ImportStopped):
        import_sources(
            [Source(folder, "set")],
            tmp_path / "work" / "cache",
            seed=0,
            on_progress=lambda stage, done, _: seen.append((stage, done)),
            should_stop=lambda: seen[-1][0] == READING_TABLES and seen[-1][1] > 500_000,
        )
    assert seen[-1][0] == READING_TABLES and list((tmp_path / "work").iterdir()) == []
