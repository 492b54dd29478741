"""Versions share their pixels, change their hash with labels and parts, and can be compared."""

from __future__ import annotations

import shutil
import tracemalloc
from pathlib import Path

import pytest

from nas.data.cache import EXCLUDED, IMAGES_FILE, ImageCache, read_manifest
from nas.data.versions import compare_versions, copies_across, write_version
from nas.errors import DataError
from tests.unit.checks.made import make_cache, scene

Rows = list[tuple[str, str]]

LABELS = ["glass", "metal"] * 6
SPLITS = ["train"] * 8 + ["val"] * 2 + ["test"] * 2


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return make_cache(tmp_path / "versions" / "1", [scene(i, 32) for i in range(12)], LABELS, SPLITS)


@pytest.fixture
def rows() -> Rows:
    return list(zip(LABELS, SPLITS, strict=True))


def changed(rows: Rows, row: int, label: str, split: str) -> Rows:
    return [*rows[:row], (label, split), *rows[row + 1 :]]


def test_new_labels_and_parts_take_effect_and_the_base_stays_as_it_was(base: Path, rows: Rows) -> None:
    before = read_manifest(base)
    report = write_version(base, base.with_name("2"), changed(rows, 0, "metal", "val"))
    assert report.counts["train"] == {"glass": 3, "metal": 4}
    assert report.counts["val"] == {"glass": 1, "metal": 2}
    cache = ImageCache.open(base.with_name("2"))
    assert cache.classes[int(cache.labels[0])] == "metal"
    assert 0 in cache.indices("val")
    assert read_manifest(base) == before


def test_pixels_are_shared(base: Path, rows: Rows) -> None:
    write_version(base, base.with_name("2"), rows)
    pixels = [directory / IMAGES_FILE for directory in (base, base.with_name("2"))]
    assert pixels[0].stat().st_ino == pixels[1].stat().st_ino
    shutil.rmtree(base)
    assert ImageCache.open(base.with_name("2")).images[3].tolist() == scene(3, 32).tolist()


def test_excluded_image_keeps_its_row_and_belongs_to_no_class(base: Path, rows: Rows) -> None:
    report = write_version(base, base.with_name("2"), changed(rows, 0, "glass", EXCLUDED))
    cache = ImageCache.open(base.with_name("2"))
    assert (report.n_images, cache.n_used, len(cache)) == (11, 11, 12)
    assert cache.labels[0] == -1
    assert 0 not in {*cache.indices("train"), *cache.indices("val")}


@pytest.mark.parametrize(
    "change",
    [(0, "metal", "train"), (0, "glass", "val"), (0, "glass", EXCLUDED)],
    ids=["label", "part", "out"],
)
def test_any_change_changes_the_hash(base: Path, rows: Rows, change: tuple[int, str, str]) -> None:
    same = write_version(base, base.with_name("2"), rows)
    other = write_version(base, base.with_name("3"), changed(rows, *change))
    assert same.content_hash == read_manifest(base)["content_hash"] != other.content_hash


def test_class_without_images_disappears_and_too_few_block_the_training(base: Path, rows: Rows) -> None:
    report = write_version(base, base.with_name("2"), [("glass", split) for _, split in rows])
    assert report.classes == ["glass"]
    assert report.blocking is not None
    assert "one class" in report.blocking


def test_everything_left_out_is_a_version_too(base: Path, rows: Rows) -> None:
    report = write_version(base, base.with_name("2"), [(label, EXCLUDED) for label, _ in rows])
    assert (report.n_images, report.classes) == (0, [])
    assert report.blocking == "Every image is left out. Take some back in."


def test_writing_it_again_after_a_crash_leaves_it_as_it_is(base: Path, rows: Rows) -> None:
    made = base.with_name("2")
    first = write_version(base, made, rows)
    stamp = (made / "manifest.json").stat().st_ino
    assert write_version(base, made, rows) == first
    assert (made / "manifest.json").stat().st_ino == stamp


def test_half_written_or_other_version_is_replaced_and_leftovers_go_away(base: Path, rows: Rows) -> None:
    made = base.with_name("2")
    made.mkdir()
    (made / "index.jsonl").write_text("half")
    leftover = base.with_name(".2.partial-abc")
    leftover.mkdir()
    report = write_version(base, made, rows)
    assert read_manifest(made)["content_hash"] == report.content_hash
    other = write_version(base, made, changed(rows, 0, "metal", "train"))
    assert read_manifest(made)["content_hash"] == other.content_hash
    assert sorted(path.name for path in base.parent.iterdir()) == ["1", "2"]


def test_rows_that_do_not_fit_are_refused_and_nothing_is_left(base: Path, rows: Rows) -> None:
    with pytest.raises(DataError, match="11 rows and the data set 12"):
        write_version(base, base.with_name("2"), rows[1:])
    with pytest.raises(DataError, match="no part 'dev'"):
        write_version(base, base.with_name("2"), changed(rows, 0, "glass", "dev"))
    assert not base.with_name("2").exists()


def test_missing_pixels_are_said_plainly(base: Path, rows: Rows) -> None:
    (base / IMAGES_FILE).unlink()
    with pytest.raises(DataError, match="pixels of the data set are missing"):
        write_version(base, base.with_name("2"), rows)
    assert [path.name for path in base.parent.iterdir()] == ["1"]


def test_copies_on_two_sides_are_warned_of(tmp_path: Path) -> None:
    images = [scene(1, 64), scene(2, 64), scene(1, 64), scene(2, 64)[:, ::-1]]
    base = make_cache(tmp_path / "1", images, ["a"] * 4)
    rows = [("a", "test"), ("a", "val"), ("a", "train"), ("a", EXCLUDED)]
    (warning,) = write_version(base, tmp_path / "2", rows).warnings
    assert (warning.kind, warning.path) == ("split-copy", "a/0002.jpg")
    assert "a/0000.jpg, which lies in the test part" in warning.reason


def test_copies_are_told_by_the_hash_where_an_old_index_knows_no_groups() -> None:
    index = [
        {"path": "1.jpg", "split": "val", "sha256": "x"},
        {"path": "2.jpg", "split": "train", "sha256": "x"},
        {"path": "3.jpg", "split": "train", "sha256": "y"},
    ]
    assert [problem.path for problem in copies_across(index)] == ["2.jpg"]


def test_comparison_counts_and_shows_each_change(base: Path, rows: Rows) -> None:
    first = changed(rows, 5, "metal", EXCLUDED)
    second = changed(changed(rows, 0, "metal", "train"), 1, "metal", "val")
    second = changed(second, 2, "glass", EXCLUDED)
    write_version(base, base.with_name("2"), first)
    write_version(base, base.with_name("3"), second)
    found = compare_versions(base.with_name("2"), base.with_name("3"))
    assert {kind: found[kind] for kind in ("relabelled", "excluded", "restored", "moved")} == {
        "relabelled": 1, "excluded": 1, "restored": 1, "moved": 1,
    }  # fmt: skip
    assert found["examples"]["relabelled"] == [
        {"row": 0, "path": "glass/0000.jpg", "from": "glass", "to": "metal"}
    ]
    assert found["examples"]["moved"][0]["to"] == "val"
    assert found["examples"]["restored"][0]["row"] == 5
    assert found["counts"] == {"glass": [6, 4], "metal": [5, 7]}


def test_examples_are_few_and_numbers_are_whole(tmp_path: Path) -> None:
    images = [scene(i, 32) for i in range(30)]
    base = make_cache(tmp_path / "1", images, ["a"] * 30)
    write_version(base, tmp_path / "2", [("b", "train")] * 30)
    found = compare_versions(base, tmp_path / "2")
    assert (found["relabelled"], len(found["examples"]["relabelled"])) == (30, 20)


def test_versions_of_two_data_sets_cannot_be_compared(base: Path, tmp_path: Path) -> None:
    other = make_cache(tmp_path / "other", [scene(1, 32)], ["a"])
    with pytest.raises(DataError, match="two data sets"):
        compare_versions(base, other)


def test_comparison_holds_neither_index(base: Path) -> None:
    other = base.with_name("2")
    other.mkdir()
    text = (base / "index.jsonl").read_text().splitlines()[0] + "\n"
    for directory in (base, other):
        (directory / "index.jsonl").write_text(text * 20_000)
    tracemalloc.start()
    compare_versions(base, other)
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()
