"""What the folders of an upload mean, as it is proposed without any correction."""

from __future__ import annotations

import pytest

from nas.data.archive import ArchiveListing, Entry
from nas.data.folders import propose_folders
from nas.data.interpretation import interpret


def no_reading(entry: Entry, max_bytes: int) -> bytes:
    raise AssertionError(f"{entry.path} was opened")


def read(*paths: str, folders: tuple[str, ...] = ()) -> tuple[dict[str, tuple[str, str | None]], list[str]]:
    """{path: (label, split)} and the kinds of the findings."""
    listing = ArchiveListing([Entry(p) for p in sorted(paths)], [], list(folders))
    layout = interpret(listing, no_reading, propose_folders(listing))
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
    assert set(found) == {"set/a/1.jpg", "set/b/1.jpg"} and kinds == ["not-an-image", "not-an-image"]


def test_spellings_and_empty_folders() -> None:
    found, kinds = read("Cat/1.jpg", "cat/2.jpg", "u\u0308/3.jpg", "ü/4.jpg", folders=("Cat", "nothing"))
    assert {label for label, _ in found.values()} == {"Cat", "cat", "ü"}
    assert sorted(kinds) == ["empty-folder", "label-case", "label-merged"]


@pytest.mark.parametrize(
    ("train", "val", "test"),
    [
        ("trainset", "valset", "testset"),
        ("train_set", "val_set", "test_set"),
        ("tr", "dev", "holdout"),
        ("01_train", "02_valid", "03_test"),
        ("train_images", "validation_images", "test_images"),
        ("TrainSet", "ValSet", "TestSet"),
        ("train-data", "eval", "testing"),
        ("seg_train", "seg_val", "seg_test"),
        ("Train (1)", "Val (1)", "Test (1)"),
    ],
)
def test_usual_spellings_of_parts(train: str, val: str, test: str) -> None:
    paths = [f"{train}/a/1.jpg", f"{train}/b/2.jpg", f"{val}/a/3.jpg", f"{test}/b/4.jpg"]
    found, kinds = read(*paths)
    assert [found[p] for p in paths] == [("a", "train"), ("b", "train"), ("a", "val"), ("b", "test")]
    assert kinds == []


def test_parts_below_the_class_folders() -> None:
    found, kinds = read("cat/train/1.jpg", "cat/test/2.jpg", "dog/Train/3.jpg", "dog/test/4.jpg")
    assert found == {
        "cat/train/1.jpg": ("cat", "train"), "cat/test/2.jpg": ("cat", "test"),
        "dog/Train/3.jpg": ("dog", "train"), "dog/test/4.jpg": ("dog", "test"),
    }  # fmt: skip
    assert kinds == []


def test_folders_that_say_nothing_are_skipped() -> None:
    found, _ = read(
        "seg_train/seg_train/sea/1.jpg", "seg_train/seg_train/ice/2.jpg", "seg_test/seg_test/sea/3.jpg"
    )
    assert set(found.values()) == {("sea", "train"), ("ice", "train"), ("sea", "test")}


def test_a_stray_folder_beside_the_parts_does_not_hide_them() -> None:
    found, kinds = read(
        "seg_train/seg_train/sea/1.jpg", "seg_train/seg_train/ice/2.jpg", "seg_test/seg_test/sea/3.jpg",
        "seg_pred/seg_pred/4.jpg",
    )  # fmt: skip
    assert len(found) == 3 and kinds == ["outside-splits"]


def test_words_like_train_inside_class_names_are_no_parts() -> None:
    found, _ = read("model train/1.jpg", "model car/2.jpg", "test tube/3.jpg", "beaker/4.jpg")
    assert {label for label, _ in found.values()} == {"model train", "model car", "test tube", "beaker"}


def test_numbered_uploads_of_one_set_are_no_classes() -> None:
    entries = [
        Entry(f"photos-00{n}/{label}/{n}.jpg", archive=n) for n in range(3) for label in ("cat", "dog")
    ]
    listing = ArchiveListing(entries, archives=[None, None, None])
    layout = interpret(listing, no_reading, propose_folders(listing))
    assert {i.label for i in layout.items} == {"cat", "dog"}
