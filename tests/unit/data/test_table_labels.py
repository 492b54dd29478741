"""Classes and parts from tables: whose columns, which image, what is said about the rest."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from nas.data.interpretation import Interpretation
from nas.data.onehot import ONE_HOT
from nas.errors import DataError
from tests.unit.data.uploads import Upload, found, kinds, labels

FLAT = [f"images/{i}.jpg" for i in range(1, 9)]
ANIMALS = ["cat", "dog"] * 4


def csv(rows: list[list[str]], delimiter: str = ",") -> str:
    return "\n".join(delimiter.join(row) for row in rows) + "\n"


def test_header_with_path_and_label() -> None:
    rows = [["image", "label"], *([f"images/{i + 1}.jpg", ANIMALS[i]] for i in range(8))]
    upload = Upload(*FLAT).table("labels.csv", csv(rows))
    chosen = upload.propose()
    assert (chosen.kind, chosen.table, chosen.path_column, chosen.label_column) == (
        "table", "labels.csv", "image", "label",
    )  # fmt: skip
    layout = upload.interpret()
    assert found(layout) == {path: (ANIMALS[i], None) for i, path in enumerate(FLAT)}
    assert kinds(layout) == []


@pytest.mark.parametrize("words", [("TRAIN", "VALIDATION", "TEST"), ("training", "validation", "test")])
def test_vertex_csv_without_header(words: tuple[str, str, str]) -> None:
    uses = [words[0]] * 5 + [words[1], words[2], "UNASSIGNED"]
    rows = [[uses[i], f"gs://bucket/some/{i + 1}.jpg", ANIMALS[i]] for i in range(8)]
    upload = Upload(*FLAT).table("import.csv", csv(rows))
    parts = [part for _, part in upload.found().values()]
    assert parts == ["train"] * 5 + ["val", "test", "train"] and labels(upload.found()) == {"cat", "dog"}
    without = Upload(*FLAT).table("import.csv", csv([row[1:] for row in rows]))
    assert set(without.found().values()) == {("cat", None), ("dog", None)}


def test_vertex_json_lines() -> None:
    lines = [
        json.dumps({
            "imageGcsUri": f"gs://b/x/{i + 1}.jpg",
            "classificationAnnotation": {"displayName": ANIMALS[i]},
            "dataItemResourceLabels": {"aiplatform.googleapis.com/ml_use": "test" if i > 5 else "training"},
        })
        for i in range(8)
    ]  # fmt: skip
    found_ = Upload(*FLAT).table("data.jsonl", "\n".join(lines)).found()
    assert (found_[FLAT[0]], found_[FLAT[-1]]) == (("cat", "train"), ("dog", "test"))


def test_several_tables_are_parts() -> None:
    header = ["image", "label"]
    upload = Upload(*FLAT)
    upload.table("train.csv", csv([header, *([FLAT[i], ANIMALS[i]] for i in range(6))]))
    upload.table("test.csv", csv([header, *([FLAT[i], ANIMALS[i]] for i in (6, 7))]))
    assert upload.propose().tables == {"test.csv": "test", "train.csv": "train"}
    assert [part for _, part in upload.found().values()] == ["train"] * 6 + ["test"] * 2


@pytest.mark.parametrize("name", ["metadata.csv", "metadata.jsonl"])
def test_metadata_in_each_folder_of_a_part(name: str) -> None:
    upload = Upload(*(f"data/{part}/{i}.jpg" for part in ("train", "test") for i in range(4)))
    for part in ("train", "test"):
        if name.endswith("csv"):
            text = csv([["file_name", "label"], *([f"{i}.jpg", ANIMALS[i]] for i in range(4))])
        else:
            text = "\n".join(f'{{"file_name": "{i}.jpg", "label": "{ANIMALS[i]}"}}' for i in range(4))
        upload.table(f"data/{part}/{name}", text)
    layout = upload.interpret()
    assert found(layout)["data/test/1.jpg"] == ("dog", "test") and len(layout.items) == 8
    assert kinds(layout) == []


def test_one_metadata_file_above_folders_of_parts() -> None:
    paths = [f"{part}/{i}.jpg" for part in ("train", "test") for i in range(4)]
    rows = [["file_name", "class"], *([p, ANIMALS[i % 4]] for i, p in enumerate(paths))]
    found_ = Upload(*paths).table("metadata.csv", csv(rows)).found()
    assert found_["train/0.jpg"] == ("cat", "train") and found_["test/1.jpg"] == ("dog", "test")


def test_numbers_without_ending_name_images() -> None:
    rows = [["id", "breed"], *([str(i + 1), ANIMALS[i]] for i in range(8))]
    assert len(Upload(*FLAT).table("labels.csv", csv(rows)).found()) == 8


@pytest.mark.parametrize("delimiter", [",", "\t"])
def test_the_first_row_of_a_table_of_numbers_without_a_header_counts(delimiter: str) -> None:
    images = [f"images/{i:04d}.jpg" for i in range(8)]
    rows = [[f"{i:04d}", ANIMALS[i]] for i in range(8)]
    layout = Upload(*images).table("labels.csv", csv(rows, delimiter)).interpret()
    assert found(layout) == {path: (ANIMALS[i], None) for i, path in enumerate(images)}
    assert kinds(layout) == []


def test_a_header_whose_words_are_unknown_stays_a_header() -> None:
    rows = [["Bild", "Tier"], *([str(i + 1), ANIMALS[i]] for i in range(8))]
    for images in (FLAT, [*FLAT, "images/bild-2.jpg"]):
        assert Upload(*images).table("labels.csv", csv(rows)).propose().label_column == "Tier"


def test_columns_that_a_program_numbered_are_a_header() -> None:
    images = [f"images/{i}.jpg" for i in range(8)]
    rows = [["0", "1"], *([str(i), ANIMALS[i]] for i in range(8))]
    upload = Upload(*images).table("labels.csv", csv(rows))
    assert upload.propose().path_column == "0" and len(upload.found()) == 8
    assert labels(upload.found()) == {"cat", "dog"}


def test_a_header_that_is_called_like_an_image_stays_one_when_the_rows_below_are_not() -> None:
    rows = [["tier", "nr"], *([ANIMALS[i], str(i + 1)] for i in range(8))]
    upload = Upload(*FLAT, "images/tier.jpg").table("labels.csv", csv(rows))
    assert (upload.propose().path_column, upload.propose().label_column) == ("nr", "tier")


def test_windows_paths_and_other_case() -> None:
    rows = [["Path", "Label"], *([f"images\\{i + 1}.JPG", ANIMALS[i]] for i in range(8))]
    assert len(Upload(*FLAT).table("labels.csv", csv(rows, ";")).found()) == 8


def test_yes_or_no_column_for_the_validation_part() -> None:
    rows = [["name", "label", "is_valid"]]
    rows += [[FLAT[i], ANIMALS[i], "True" if i == 3 else "False"] for i in range(8)]
    parts = [part for _, part in Upload(*FLAT).table("labels.csv", csv(rows)).found().values()]
    assert parts == ["train"] * 3 + ["val"] + ["train"] * 4


def test_rows_that_name_other_places_are_listed_and_never_opened() -> None:
    rows = [["file", "label"], *([FLAT[i], ANIMALS[i]] for i in range(7))]
    rows += [
        ["/etc/passwd", "cat"], ["C:\\x.jpg", "cat"], ["../images/x.jpg", "dog"],
        ["file:///etc/passwd", "cat"], ["https://example.org/1.jpg", "cat"], ["images/99.jpg", "cat"],
        ["images/7.jpg", ""], ["images/7.jpg", "x" * 501], ["", "cat"],
    ]  # fmt: skip
    layout = Upload(*FLAT).table("labels.csv", csv(rows)).interpret()
    assert len(layout.items) == 7
    assert kinds(layout) == sorted(
        ["row-outside"] * 4 + ["row-foreign", "row-missing", "row-no-label", "row-odd-label", "row-missing",
         "not-in-table"]
    )  # fmt: skip
    outside = next(p for p in layout.problems if p.path == "/etc/passwd")
    assert outside.reason.startswith("Row 9 of the table names a place outside the upload")


@pytest.mark.parametrize(
    "front", ["/kaggle/input/pets/", "/home/me/x/", "C:\\pets\\", "../", "file:///data/"]
)
def test_a_path_from_another_machine_means_the_file_of_the_upload_that_it_ends_with(front: str) -> None:
    images = [f"set/{part}/{i}.jpg" for part in "ab" for i in range(4)]
    rows = [["path", "label"], *([f"{front}{p[4:]}", ANIMALS[i]] for i, p in enumerate(images))]
    rows += [[f"{front}c/1.jpg", "cat"], ["/etc/passwd", "cat"]]
    layout = Upload(*images).table("labels.csv", csv(rows)).interpret()
    assert found(layout) == {p: (ANIMALS[i], None) for i, p in enumerate(images)}
    assert kinds(layout) == ["row-outside"] * 2


def test_the_part_of_a_row_decides_between_files_of_one_name() -> None:
    images = [f"{part}/{i}.jpg" for part in ("train", "test") for i in range(4)]
    rows = [["file", "label", "split"]]
    rows += [[p.split("/")[1], ANIMALS[i // 2], p.split("/")[0]] for i, p in enumerate(images)]
    found_ = Upload(*images).table("labels.csv", csv(rows)).found()
    assert found_ == {p: (ANIMALS[i // 2], p.split("/")[0]) for i, p in enumerate(images)}


def test_a_table_that_is_not_used_says_so() -> None:
    upload = Upload("cat/1.jpg", "dog/2.jpg").table("notes.csv", "file,label\nelsewhere/9.jpg,cat\n")
    (finding,) = upload.interpret().problems
    assert (finding.path, finding.kind) == ("notes.csv", "not-an-image")
    assert finding.reason == "The table was not used to read the classes."
    assert "JPEG" not in finding.remedy


def test_image_with_two_labels_is_left_out_and_twice_the_same_is_fine() -> None:
    rows = [["file", "label"], *([FLAT[i], ANIMALS[i]] for i in range(8)), [FLAT[0], "cat"], [FLAT[1], "cat"]]
    layout = Upload(*FLAT).table("labels.csv", csv(rows)).interpret()
    assert len(layout.items) == 7 and kinds(layout) == ["row-two-labels"]
    assert "'dog', 'cat'" in layout.problems[0].reason


def test_same_file_name_in_two_folders_needs_its_folder() -> None:
    images = [f"{folder}/{i}.jpg" for folder in ("left", "right") for i in range(4)]
    rows = [["file", "label"], *([p, ANIMALS[i]] for i, p in enumerate(images[:7])), ["3.jpg", "cat"]]
    layout = Upload(*images).table("labels.csv", csv(rows)).interpret()
    assert kinds(layout) == ["not-in-table", "row-ambiguous"] and len(layout.items) == 7


def test_a_table_stands_above_folders_only_when_it_says_something_else() -> None:
    images = [f"{label}/{i}.jpg" for i, label in enumerate(ANIMALS)]
    same = [["file", "label"], *([p, p[:3]] for p in images)]
    assert Upload(*images).table("list.csv", csv(same)).propose().kind == "folders"
    other = [["file", "label"], *([p, "old" if i > 3 else "young"] for i, p in enumerate(images))]
    assert Upload(*images).table("list.csv", csv(other)).propose().kind == "table"
    unrelated = [["file", "lens"], *([p, "wide" if i > 3 else "tele"] for i, p in enumerate(images))]
    assert Upload(*images).table("list.csv", csv(unrelated)).propose().kind == "folders"


def test_column_and_table_can_be_corrected_and_must_exist() -> None:
    rows = [["file", "species", "colour"]]
    rows += [[FLAT[i], ANIMALS[i], "red" if i < 3 else "blue"] for i in range(8)]
    upload = Upload(*FLAT).table("labels.csv", csv(rows))
    chosen = Interpretation.from_json({**upload.propose().to_json(), "label_column": "colour"})
    assert labels(upload.found(chosen)) == {"red", "blue"}
    for wrong, words in (
        ({"label_column": "size"}, "no column 'size'"),
        ({"table": "x.csv"}, "no table 'x.csv'"),
    ):
        with pytest.raises(DataError, match=words):
            upload.interpret(Interpretation.from_json({**chosen.to_json(), **wrong}))


def test_kaggle_sample_submission_labels_nothing() -> None:
    upload = Upload(*FLAT, "test/20.jpg")
    upload.table("train.csv", csv([["id", "label"], *([str(i + 1), ANIMALS[i]] for i in range(8))]))
    upload.table("sample_submission.csv", csv([["id", "label"], ["20", "cat"]]))
    assert upload.propose().tables == {"train.csv": ""} or upload.propose().tables == {"train.csv": "train"}
    assert len(upload.found()) == 8


def test_of_many_useless_rows_the_first_are_listed_and_the_others_counted() -> None:
    rows = [["file", "label"], *([FLAT[i], ANIMALS[i]] for i in range(8))]
    rows += [*([f"lost/x{i}.jpg", "cat"] for i in range(2500)), *([FLAT[0], ""] for _ in range(3))]
    upload = Upload(*FLAT).table("labels.csv", csv(rows))
    layout = upload.interpret(
        Interpretation(kind="table", table="labels.csv", path_column="file", label_column="label")
    )
    assert len(layout.items) == 8
    assert Counter(kinds(layout)) == {"row-missing": 1000, "row-no-label": 3, "more-findings": 1}
    (more,) = (p for p in layout.problems if p.kind == "more-findings")
    assert (more.path, more.reason.split(";")[0]) == ("labels.csv", "1500 more files or rows have findings")


@pytest.mark.parametrize(("no", "yes"), [("0", "1"), ("0.0", "1.0")])
def test_one_column_a_class_is_read_by_the_name_of_the_column(no: str, yes: str) -> None:
    names = ["healthy", "rust", "scab"]
    rows = [["image_id", *names]]
    rows += [[str(i), *(yes if i % 3 == k else no for k in range(3))] for i in range(1, 9)]
    upload = Upload(*FLAT).table("labels.csv", csv(rows))
    assert upload.propose().label_column == ONE_HOT
    assert upload.found() == {f"images/{i}.jpg": (names[i % 3], None) for i in range(1, 9)}


def test_a_named_class_column_stands_above_one_column_a_class() -> None:
    rows = [["file", "male", "female", "species"]]
    rows += [[FLAT[i], "01"[i % 2], "10"[i % 2], ANIMALS[i // 2]] for i in range(8)]
    assert Upload(*FLAT).table("list.csv", csv(rows)).propose().label_column == "species"


def test_an_image_of_several_columns_has_no_class() -> None:
    images = [f"images/{i}.jpg" for i in range(60)]
    rows = [["file", "cat", "dog"], *([p, str(i % 2), str(1 - i % 2)] for i, p in enumerate(images))]
    rows[5][1:] = ["1", "1"]
    layout = Upload(*images).table("list.csv", csv(rows)).interpret()
    assert len(layout.items) == 59 and kinds(layout) == ["not-in-table", "row-no-label"]


def test_marks_that_exclude_nothing_are_no_classes_unless_there_is_just_one() -> None:
    rows = [["file", "smiling", "hat"], *([FLAT[i], "01"[i % 2], "01"[i > 5]] for i in range(8))]
    assert Upload(*FLAT).table("list.csv", csv(rows)).propose().kind != "table"
    single = [["file", "has_cactus"], *([FLAT[i], "01"[i % 2]] for i in range(8))]
    assert labels(Upload(*FLAT).table("list.csv", csv(single)).found()) == {"0", "1"}
