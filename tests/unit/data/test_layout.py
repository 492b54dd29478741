"""What the folders of an upload mean."""

from __future__ import annotations

import pytest

from nas.data.archive import ArchiveListing, Entry
from nas.data.layout import detect_layout


def read(*paths: str, folders: tuple[str, ...] = ()) -> tuple[dict[str, tuple[str, str | None]], list[str]]:
    """{path: (label, split)} and the kinds of the findings."""
    layout = detect_layout(ArchiveListing([Entry(p) for p in sorted(paths)], [], list(folders)))
    return {i.entry.path: (i.label, i.split) for i in layout.items}, [p.kind for p in layout.problems]


def test_class_folders() -> None:
    assert read("a/1.jpg", "b/2.jpg") == ({"a/1.jpg": ("a", None), "b/2.jpg": ("b", None)}, [])


@pytest.mark.parametrize("root", ["set/", "set/images/"])
def test_common_root_folders_are_not_classes(root: str) -> None:
    found, kinds = read(f"{root}a/1.jpg", f"{root}b/2.jpg", f"{root}b/deeper/3.jpg")
    assert {label for label, _ in found.values()} == {"a", "b"} and kinds == []


@pytest.mark.parametrize(
    ("train", "val", "test"),
    [("train", "val", "test"), ("Training", "Validation", "Testing"), ("TRAIN", "valid", "test")],
)
def test_split_folders(train: str, val: str, test: str) -> None:
    found, kinds = read(f"{train}/a/1.jpg", f"{val}/a/2.jpg", f"{test}/b/3.jpg", f"{train}/b/4.jpg")
    assert [found[p][1] for p in (f"{train}/a/1.jpg", f"{val}/a/2.jpg", f"{test}/b/3.jpg")] == [
        "train",
        "val",
        "test",
    ]
    assert kinds == []


def test_only_a_train_folder_is_still_a_split() -> None:
    found, _ = read("set/train/a/1.jpg", "set/train/b/2.jpg")
    assert set(found.values()) == {("a", "train"), ("b", "train")}


def test_a_class_may_be_called_train() -> None:
    found, kinds = read("train/1.jpg", "bus/2.jpg", "tram/3.jpg")
    assert {label for label, _ in found.values()} == {"train", "bus", "tram"} and kinds == []


def test_files_beside_the_splits_and_the_classes_are_named() -> None:
    _, kinds = read("train/a/1.jpg", "train/b/2.jpg", "train/3.jpg", "samples/4.jpg", "5.jpg")
    assert sorted(kinds) == ["outside-splits", "unlabelled", "unlabelled"]


def test_without_a_train_folder_everything_is_divided_anew() -> None:
    found, kinds = read("test/a/1.jpg", "val/b/2.jpg")
    assert set(found.values()) == {("a", None), ("b", None)} and kinds == ["no-train-folder"]


def test_text_files_do_not_hide_the_common_root() -> None:
    found, kinds = read("README.md", "set/labels.csv", "set/a/1.jpg", "set/b/1.jpg")
    assert set(found) == {"set/a/1.jpg", "set/b/1.jpg"} and kinds == ["unlabelled", "unlabelled"]


def test_spellings_and_empty_folders() -> None:
    found, kinds = read("Cat/1.jpg", "cat/2.jpg", "u\u0308/3.jpg", "ü/4.jpg", folders=("Cat", "nothing"))
    assert {label for label, _ in found.values()} == {"Cat", "cat", "ü"}
    assert sorted(kinds) == ["empty-folder", "label-case", "label-merged"]
