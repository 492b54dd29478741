"""Copies as findings: which one is kept, and what is said of the others."""

from pathlib import Path

import numpy as np
import pytest

from nas.checks.copies import find_copies_to_name, similarity
from nas.checks.report import ImageFinding
from nas.checks.subject import Subject
from tests.unit.checks.made import open_subject, resized, scene


def named(subject: Subject) -> dict[int, tuple[str, int]]:
    """{row: (kind, the other row)}."""
    findings, _ = find_copies_to_name(subject)
    return {_row(f.row): (f.kind, _row(f.other_row)) for f in findings}


def _row(row: int | None) -> int:
    assert row is not None
    return row


def only(findings: list[ImageFinding]) -> ImageFinding:
    assert len(findings) == 1
    return findings[0]


def test_of_equal_files_all_but_the_first_are_named(tmp_path: Path) -> None:
    images = [scene(1), scene(2), scene(1), scene(1)]
    assert named(open_subject(tmp_path, images, ["a"] * 4)) == {
        2: ("exact-copy", 0),
        3: ("exact-copy", 0),
    }


def test_resized_picture_is_a_near_copy_with_its_likeness_in_the_sentence(tmp_path: Path) -> None:
    small = resized(resized(scene(1), 48), 64)
    finding = only(find_copies_to_name(open_subject(tmp_path, [scene(1), small, scene(2)], ["a"] * 3))[0])
    assert (finding.kind, finding.row, finding.other_row) == ("near-copy", 1, 0)
    assert 0.9 < finding.score < 1
    assert f"{round(100 * finding.score)}% alike" in finding.reason
    assert "a/0000.jpg" in finding.reason


def test_copy_in_another_class_says_both_classes(tmp_path: Path) -> None:
    finding = only(find_copies_to_name(open_subject(tmp_path, [scene(1), scene(1)], ["a", "b"]))[0])
    assert (finding.kind, finding.row, finding.score) == ("copy-two-labels", 1, 1.0)
    assert "lies in 'a' and this one in 'b'" in finding.reason


def test_copy_in_the_stricter_part_is_kept(tmp_path: Path) -> None:
    images, splits = [scene(1), scene(1), scene(1)], ["train", "test", "val"]
    subject = open_subject(tmp_path, images, ["a"] * 3, splits)
    assert named(subject) == {0: ("split-copy", 1), 2: ("split-copy", 1)}


def test_exact_copy_of_a_photo_that_also_lies_in_another_class_is_named_after_its_twin(
    tmp_path: Path,
) -> None:
    near = resized(resized(scene(1), 48), 64)
    subject = open_subject(tmp_path, [scene(1), near, near], ["a", "b", "b"])
    assert named(subject) == {1: ("copy-two-labels", 0), 2: ("exact-copy", 1)}


def test_exact_copy_of_a_photo_that_also_lies_in_another_part_is_named_after_its_twin(tmp_path: Path) -> None:
    subject = open_subject(tmp_path, [scene(1)] * 3, ["a"] * 3, ["test", "train", "train"])
    assert named(subject) == {1: ("split-copy", 0), 2: ("exact-copy", 1)}


def test_twin_in_another_class_or_part_does_not_make_an_exact_copy(tmp_path: Path) -> None:
    subject = open_subject(tmp_path, [scene(1)] * 3, ["a", "b", "c"], ["test", "train", "test"])
    assert named(subject) == {1: ("copy-two-labels", 0), 2: ("copy-two-labels", 0)}


def test_different_pictures_are_not_named_and_counts_are_given(tmp_path: Path) -> None:
    images = [scene(seed) for seed in range(12)]
    findings, facts = find_copies_to_name(open_subject(tmp_path, [*images, images[3]], ["a"] * 13))
    assert [f.row for f in findings] == [12]
    assert facts == {"groups": 1, "copies": 1, "exact-copy": 1}


@pytest.mark.parametrize("mirrored", [False, True])
def test_likeness_is_high_for_copies_and_low_for_strangers(tmp_path: Path, mirrored: bool) -> None:
    images = [scene(1), scene(1)[:, ::-1] if mirrored else scene(1) // 2, scene(2)]
    subject = open_subject(tmp_path, images, ["a"] * 3)
    assert similarity(subject, 0, 1) > 0.98
    assert similarity(subject, 0, 2) < 0.8


def test_blank_pictures_are_alike(tmp_path: Path) -> None:
    images = [np.full((64, 64, 3), grey, dtype=np.uint8) for grey in (7, 200)]
    assert similarity(open_subject(tmp_path, images, ["a"] * 2), 0, 1) == 1.0
