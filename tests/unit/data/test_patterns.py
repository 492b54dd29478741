"""Classes from file names."""

from __future__ import annotations

import time

import pytest

from nas.data.patterns import PATTERNS, label_in_name, propose_patterns
from tests.unit.data.uploads import Upload, kinds, labels


@pytest.mark.parametrize(
    ("pattern", "name", "label"),
    [
        ("prefix", "cat_001.jpg", "cat"),
        ("prefix", "cat.1.jpg", "cat"),
        ("prefix", "x/great dane (12).jpg", "great dane"),
        ("prefix", "cat-7_2.png", "cat"),
        ("prefix", "cat001.jpg", "cat"),
        ("prefix", "class1_001.jpg", "class1"),
        ("prefix", "3_0001.png", "3"),
        ("prefix", "0001.png", None),
        ("prefix", "cat.jpg", None),
        ("suffix", "001_cat.jpg", "cat"),
        ("suffix", "1-great dane.jpg", "great dane"),
        ("suffix", "cat.jpg", None),
        ("suffix", "12.jpg", None),
        ("first-part", "cat-black-a.jpg", "cat"),
        ("first-part", "cat.jpg", None),
        ("last-part", "img7a_cat.jpg", "cat"),
    ],
)
def test_known_patterns(pattern: str, name: str, label: str | None) -> None:
    assert label_in_name(pattern, name) == label


@pytest.mark.parametrize(
    ("names", "pattern", "classes"),
    [
        ([f"{label}_{i:03}.jpg" for label in ("cat", "dog") for i in range(5)], "prefix", {"cat", "dog"}),
        ([f"pets/{i}-{label}.jpg" for label in ("cat", "dog") for i in range(5)], "suffix", {"cat", "dog"}),
        ([f"{i % 3}_{i:04}.png" for i in range(12)], "prefix", {"0", "1", "2"}),
        ([f"{i:04}_{i % 3}.png" for i in range(12)], "suffix", {"0", "1", "2"}),
        ([f"{a}-{c}.png" for a in ("cat", "dog") for c in "abcdef"], "first-part", {"cat", "dog"}),
        ([f"{c}x-{a}.png" for a in ("cat", "dog") for c in "abcdef"], "last-part", {"cat", "dog"}),
    ],
)
def test_flat_images_with_telling_names(names: list[str], pattern: str, classes: set[str]) -> None:
    upload = Upload(*names)
    assert (upload.propose().kind, upload.propose().pattern) == ("pattern", pattern)
    assert labels(upload.found()) == classes


@pytest.mark.parametrize(
    "names",
    [
        [f"IMG_{i:04}.jpg" for i in range(20)],
        [f"{i:04}.jpg" for i in range(20)],
        [f"IMG_2023010{i % 3}_12000{i}.jpg" for i in range(9)],
        [f"202{i % 3}-01-0{i}.jpg" for i in range(9)],
        [f"{a}{b}.jpg" for a in "abcdef" for b in "uvwxyz"],
    ],
)
def test_names_that_tell_nothing_propose_nothing(names: list[str]) -> None:
    assert propose_patterns(Upload(*names).listing) == []


def test_class_folders_come_first() -> None:
    names = [f"{label}/{label}_{i}.jpg" for label in ("cat", "dog") for i in range(5)]
    assert Upload(*names).propose().kind == "folders"


def test_flat_parts_with_a_test_part_that_hides_its_classes() -> None:
    train = [f"set/train/{label}.{i}.jpg" for label in ("cat", "dog") for i in range(5)]
    upload = Upload(*train, "set/test/1.jpg", "set/test/2.jpg")
    assert set(upload.found().values()) == {("cat", "train"), ("dog", "train")}
    assert kinds(upload.interpret()) == ["no-class-in-name"] * 2


def test_hostile_names_take_no_time() -> None:
    begin = time.monotonic()
    for name in ("1_" * 20_000, "(1)" * 20_000, "_" * 20_000 + "1", "a" * 20_000):
        for pattern in PATTERNS:
            label_in_name(pattern, f"{name}.jpg")
    assert time.monotonic() - begin < 5
