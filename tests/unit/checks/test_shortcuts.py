"""The shortcut alarm rings for what gives a class away, and for nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from nas.checks.marks import Mark
from nas.checks.shortcuts import find_shortcuts
from nas.checks.spots import Spot
from nas.checks.subject import CheckSkippedError
from tests.unit.checks.made import Bytes, open_subject, scene

N = 24
SIDE = 64
LABELS = [label for label in "abc" for _ in range(N)]
FIRST = [label == "a" for label in LABELS]


@lru_cache(maxsize=1)
def plain() -> tuple[Bytes, ...]:
    """Photos of three classes that nothing but their content can tell apart."""
    return tuple(scene(seed, SIDE, 45) for seed in range(3 * N))


def rung(
    directory: Path, images: Sequence[Bytes], labels: Sequence[str] = LABELS, **facts: Sequence[Any]
) -> dict[str, list[str]]:
    """{class: what is said of it}."""
    findings, _ = find_shortcuts(open_subject(directory, images, labels, **facts))
    said: dict[str, list[str]] = {}
    for finding in findings:
        assert finding.kind == "shortcut"
        said.setdefault(finding.label, []).append(finding.reason)
    return said


def either(ours: Any, others: Any) -> list[Any]:
    """A fact that class a has of its own."""
    return [ours if first else others for first in FIRST]


def painted(paint: Callable[[ImageDraw.ImageDraw, np.random.Generator], None]) -> list[Bytes]:
    """Class a with something drawn onto it."""
    random = np.random.default_rng(0)
    images = []
    for image, first in zip(plain(), FIRST, strict=True):
        picture = Image.fromarray(image)
        if first:
            paint(ImageDraw.Draw(picture), random)
        images.append(np.asarray(picture))
    return images


def varied(low: int, high: int) -> list[int]:
    return [int(n) for n in np.random.default_rng(1).integers(low, high, 3 * N)]


def test_plain_photos_are_silent_and_every_clue_stands_in_the_table(tmp_path: Path) -> None:
    subject = open_subject(
        tmp_path, plain(), LABELS,
        width=varied(200, 900), height=varied(200, 900)[::-1], n_bytes=varied(20_000, 90_000),
        format=["JPEG", "PNG"] * (3 * N // 2), camera=["", "Canon", "Nikon"] * N,
    )  # fmt: skip
    findings, table = find_shortcuts(subject)
    assert findings == []
    assert [row["name"] for row in table] == [
        "Image size", "Proportions", "File format", "Camera", "File size",
        "Colour of the background", "Frame", "A mark at the same spot", "Something at one spot of the edge",
    ]  # fmt: skip
    assert not any(row["alarm"] for row in table)
    assert all(row["chance"] in {"33%", "50%"} for row in table)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"width": either(640, 500), "height": either(480, 375)}, "a size of their own"),
        ({"width": either(500, 400), "height": [300] * 3 * N}, "proportions of their own"),
        ({"format": either("PNG", "JPEG")}, "a file format or colour mode"),
        ({"mode": either("L", "RGB")}, "a file format or colour mode"),
        ({"camera": either("Canon EOS", "Nikon")}, "a camera of their own"),
        ({"has_exif": either(True, False)}, "a camera of their own"),
        ({"n_bytes": either(50_000, 20_000)}, "files larger or smaller"),
    ],
    ids=["size", "proportions", "format", "mode", "camera", "exif", "bytes"],
)
def test_fact_of_the_files_rings_for_its_class(
    tmp_path: Path, facts: dict[str, list[Any]], words: str
) -> None:
    said = rung(tmp_path, plain(), **facts)
    assert any(words in reason for reason in said["a"])
    assert "alone tells them apart in 100 of 100 cases" in said["a"][0]
    assert set(said) == {"a"}


def test_file_size_that_follows_the_content_is_no_shortcut(tmp_path: Path) -> None:
    images = [scene(i, SIDE, 60 if first else 15) for i, first in enumerate(FIRST)]
    n_bytes = [int(300 * np.abs(np.diff(image.astype(int), axis=0)).mean()) for image in images]
    assert rung(tmp_path, images, n_bytes=n_bytes) == {}


MARKS: dict[str, Callable[[ImageDraw.ImageDraw, np.random.Generator], None]] = {
    "text": lambda pen, _random: pen.text((26, 52), "photo", fill="white"),
    "logo": lambda pen, _random: pen.ellipse((4, 4, 13, 13), fill=(200, 30, 40), outline="white"),
    "date": lambda pen, random: pen.text((26, 52), f"{random.integers(10, 99)}.{random.integers(1, 9)}"),
    "jitter": lambda pen, random: pen.text((4 + random.integers(3), 2 + random.integers(3)), "logo"),
}


@pytest.mark.parametrize("mark", MARKS)
def test_mark_rings_for_its_class(tmp_path: Path, mark: str) -> None:
    said = rung(tmp_path, painted(MARKS[mark]))
    assert set(said) == {"a"}
    where = "upper left" if mark in {"logo", "jitter"} else "lower"
    assert where in said["a"][0]


@pytest.mark.parametrize("colour", ["white", "black", (200, 40, 40)])
def test_frame_rings_for_its_class(tmp_path: Path, colour: Any) -> None:
    said = rung(tmp_path, painted(lambda pen, _: pen.rectangle((0, 0, 63, 63), outline=colour, width=3)))
    assert set(said) == {"a"}
    assert any("frame of their own" in reason for reason in said["a"])


def test_frame_that_all_classes_have_is_silent(tmp_path: Path) -> None:
    images = [image.copy() for image in plain()]
    for image in images:
        image[:3] = image[-3:] = image[:, :3] = image[:, -3:] = 255
    assert rung(tmp_path, images) == {}


def on_ground(colour: Sequence[int], seed: int) -> Bytes:
    """A thing in the middle of a plain ground."""
    image = np.empty((SIDE, SIDE, 3), dtype=np.uint8)
    image[:] = colour
    image[16:48, 16:48] = scene(seed, 32)
    return image


def test_ground_of_its_own_rings_and_a_common_one_does_not(tmp_path: Path) -> None:
    grey = [on_ground((180, 180, 180), i) for i in range(3 * N)]
    assert rung(tmp_path / "common", grey) == {}
    own = [on_ground((150, 190, 240), i) if first else grey[i] for i, first in enumerate(FIRST)]
    said = rung(tmp_path / "own", own)
    assert set(said) == {"a"}
    assert "stand before a ground of their own" in said["a"][0]


def test_class_that_fills_the_frame_may_have_a_border_of_its_own(tmp_path: Path) -> None:
    tint = np.array([-30, 40, -30])
    grass = [
        np.clip(i + tint, 0, 255).astype(np.uint8) if f else i for i, f in zip(plain(), FIRST, strict=True)
    ]
    assert rung(tmp_path, grass) == {}


def test_class_of_one_plain_colour_may_have_it_up_to_the_border(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    sky = np.array([150, 190, 240])
    images = [
        np.clip(sky + random.normal(0, 4, (SIDE, SIDE, 3)), 0, 255).astype(np.uint8) if first else image
        for image, first in zip(plain(), FIRST, strict=True)
    ]
    assert rung(tmp_path, images) == {}


def test_pictures_that_lie_alike_are_silent(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    images = []
    for label in LABELS:
        image = Image.new("RGB", (SIDE, SIDE), "white")
        dx, dy = random.integers(-2, 3, 2)
        box = (16 + dx, 16 + dy, 48 + dx, 48 + dy)
        pen = ImageDraw.Draw(image)
        {"a": pen.ellipse, "b": pen.rectangle, "c": pen.line}[label](box, fill=(30, 30, 90), width=6)
        noisy = np.asarray(image) + random.normal(0, 4, (SIDE, SIDE, 3))
        images.append(np.clip(noisy, 0, 255).astype(np.uint8))
    assert rung(tmp_path, images) == {}


def test_classes_of_few_photos_are_not_judged(tmp_path: Path) -> None:
    few = [*range(6), *range(N, 3 * N)]
    facts = either("PNG", "JPEG")
    said = rung(tmp_path, [plain()[i] for i in few], [LABELS[i] for i in few], format=[facts[i] for i in few])
    assert said == {}


def test_one_class_is_skipped_silently_and_too_many_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CheckSkippedError, match=r"^$"):
        find_shortcuts(open_subject(tmp_path, plain()[:8], ["a"] * 8))
    shutil.rmtree(tmp_path / "cache")
    monkeypatch.setattr("nas.checks.shortcuts.MOST_CLASSES", 2)
    with pytest.raises(CheckSkippedError, match="Shortcuts were not looked for: there are over 2 classes"):
        find_shortcuts(open_subject(tmp_path, plain()[:6], list("abcabc")))


def test_many_classes_are_judged_by_marks_but_not_by_spots(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nas.checks.shortcuts.MOST_CLASSES_FOR_SPOTS", 2)
    _, table = find_shortcuts(open_subject(tmp_path, plain(), LABELS))
    assert [row["name"] for row in table][-1] == "A mark at the same spot"


def test_same_set_same_answer(tmp_path: Path) -> None:
    subject = open_subject(tmp_path, painted(MARKS["text"]), LABELS, width=varied(200, 900))
    assert find_shortcuts(subject) == find_shortcuts(subject)


def test_spot_must_be_far_better_than_any_other_place() -> None:
    assert Spot(0, 0.99, 0.97, 0.7, 0.8, 0, 0).rings()
    assert not Spot(0, 0.96, 0.97, 0.6, 0.6, 0, 0).rings()  # not sure enough
    assert not Spot(0, 0.99, 0.97, 0.95, 0.8, 0, 0).rings()  # so does every other place
    assert not Spot(0, 0.99, 0.97, 0.7, 0.98, 0, 0).rings()  # so does the subject


def mark(**changes: Any) -> Mark:
    values = {
        "label": 0, "n_images": 100, "auc": 0.99, "cases": 0.97, "coherence": 0.5, "middle": 0.0,
        "usual": 0.0, "middle_auc": 0.5, "top": 0.9, "left": 0.9, "height": 0.1, "width": 0.1,
    }  # fmt: skip
    return Mark(**{**values, **changes})


def test_mark_must_be_clearer_where_photos_are_few_or_lie_alike() -> None:
    assert mark().rings()
    assert not mark(n_images=20).rings()
    assert mark(n_images=20, coherence=0.7).rings()
    assert not mark(usual=0.5).rings()
    assert mark(usual=0.5, coherence=0.7).rings()
    assert not mark(usual=0.5, coherence=0.7, middle_auc=0.99).rings()
    assert not mark(middle=0.4).rings()
