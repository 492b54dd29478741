"""Proposals, corrections and the preview that shows them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from nas.data.interpretation import Interpretation, alternatives, preview
from nas.errors import DataError
from tests.unit.data.uploads import Upload, found, kinds, labels

PETS = Upload(*(f"set/{part}/{label}/{i}.jpg" for part in ("train", "test") for label in ("cat", "dog", "Dog")
                for i in range(3)))  # fmt: skip


def changed(upload: Upload, **changes: Any) -> Interpretation:
    return Interpretation.from_json({**upload.propose().to_json(), **changes})


def test_it_survives_json() -> None:
    chosen = changed(PETS, renames={"Dog": "dog"}, dropped=["cat"], splits_used=False)
    assert Interpretation.from_json(json.loads(json.dumps(chosen.to_json()))) == chosen
    assert Interpretation.from_json({}) == Interpretation()


@pytest.mark.parametrize(
    "data",
    [
        None, [], "folders", {"kind": "magic"}, {"root": 3}, {"root": "x" * 10_000}, {"label_level": 1.5},
        {"label_level": -2}, {"label_level": True}, {"split_folders": {"a": "somewhere"}},
        {"split_folders": ["a"]}, {"renames": {"a": ""}}, {"renames": {"a": "x" * 501}},
        {"renames": {"a": 1}},
        {"dropped": "cat"}, {"dropped": [1]}, {"splits_used": "no"}, {"unknown": 1}, {"kind": "table"},
        {"kind": "pattern"}, {"tables": {"a.csv": "nowhere"}},
    ],
)  # fmt: skip
def test_nonsense_is_refused_in_plain_words(data: object) -> None:
    with pytest.raises(DataError, match=r"\. (Load|Choose)"):
        Interpretation.from_json(data)


def test_another_level_is_the_class() -> None:
    upload = Upload(*(f"{day}/{label}/1.jpg" for day in ("monday", "tuesday") for label in ("cat", "dog")))
    assert labels(upload.found()) == {"monday", "tuesday"}
    assert labels(upload.found(changed(upload, label_level=1))) == {"cat", "dog"}
    assert labels(upload.found(changed(upload, label_level=-1))) == {"cat", "dog"}
    assert changed(upload, label_level=1) in alternatives(upload.listing, upload.read)


def test_a_folder_is_made_a_part_or_ignored() -> None:
    upload = Upload("one/cat/1.jpg", "one/dog/2.jpg", "two/cat/3.jpg", "two/dog/4.jpg", "old/cat/5.jpg")
    layout = upload.interpret(changed(upload, split_folders={"one": "train", "two": "test", "old": "ignore"}))
    assert found(layout)["two/dog/4.jpg"] == ("dog", "test") and "old/cat/5.jpg" not in found(layout)
    assert kinds(layout) == ["folder-left-out"] and "1 file" in layout.problems[0].reason
    only_ignored = upload.interpret(changed(upload, split_folders={"old": "ignore"}))
    assert labels(found(only_ignored)) == {"one", "two"}


def test_classes_are_merged_renamed_and_dropped() -> None:
    layout = PETS.interpret(changed(PETS, renames={"Dog": "dog", "dog": "hound"}, dropped=["cat"]))
    assert labels(found(layout)) == {"hound"} and len(layout.items) == 12
    assert kinds(layout) == ["class-left-out"]  # and no more "Dog and dog differ only in case"
    swapped = PETS.found(changed(PETS, renames={"cat": "dog", "dog": "cat"}))
    assert swapped["set/train/cat/0.jpg"][0] == "dog" and swapped["set/train/dog/0.jpg"][0] == "cat"


def test_the_parts_of_the_upload_are_not_used() -> None:
    assert {part for _, part in PETS.found().values()} == {"train", "test"}
    assert {part for _, part in PETS.found(changed(PETS, splits_used=False)).values()} == {None}


def test_preview_says_it_in_plain_words() -> None:
    shown = preview(PETS.listing, PETS.read)
    assert json.loads(json.dumps(shown)) == shown
    assert shown["summary"] == (
        "18 images in 3 classes, read from folders named after the class. "
        "The upload divides them already: 9 to train on, 9 to test."
    )
    assert shown["classes"][0] == {
        "name": "Dog", "n": 6, "train": 3, "val": 0, "test": 3, "unsplit": 0,
        "examples": ["set/test/Dog/0.jpg", "set/test/Dog/1.jpg", "set/test/Dog/2.jpg", "set/train/Dog/0.jpg",
                     "set/train/Dog/1.jpg"],
    }  # fmt: skip
    assert (shown["n_images"], shown["n_files"], shown["n_problems"]) == (18, 18, 1)
    assert shown["splits"] == {"train": 9, "val": 0, "test": 9} and shown["folders"] == ["test", "train"]
    assert [p["kind"] for p in shown["problems"]] == ["label-case"] and not shown["problems"][0]["refused"]
    assert any("divided anew" in other["summary"] for other in shown["alternatives"])
    for other in shown["alternatives"]:
        assert Interpretation.from_json(other["interpretation"]).to_json() == other["interpretation"]


def test_preview_of_a_correction_and_of_tables() -> None:
    upload = Upload(*(f"{i}.jpg" for i in range(6)))
    upload.table(
        "labels.csv", "file,label,colour\n" + "".join(f"{i}.jpg,{'ab'[i % 2]},red\n" for i in range(6))
    )
    shown = preview(upload.listing, upload.read)
    assert shown["summary"].startswith("6 images in 2 classes, read from 'label' in the table labels.csv.")
    assert shown["tables"] == [
        {
            "path": "labels.csv",
            "columns": ["file", "label", "colour"],
            "rows": [[f"{i}.jpg", "ab"[i % 2], "red"] for i in range(5)],
        }
    ]
    renamed = preview(upload.listing, upload.read, changed(upload, renames={"a": "apple"}))
    assert [c["name"] for c in renamed["classes"]] == ["apple", "b"]


def test_preview_of_what_has_no_classes_still_tells() -> None:
    upload = Upload("1.jpg", "2.jpg")
    shown = preview(upload.listing, upload.read)
    assert shown["n_images"] == 0 and shown["summary"].startswith("No image gets a class")
    assert [p["kind"] for p in shown["problems"]] == ["unlabelled"] * 2
