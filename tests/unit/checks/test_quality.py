"""Bad photos are named, and what is the nature of a set is not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageDraw, ImageFilter

from nas.checks.quality import edge_sharpness, find_bad_photos
from tests.unit.checks.made import Bytes, open_subject, resized, scene

N = 40


def photos(n: int = N, side: int = 64) -> list[Bytes]:
    return [resized(scene(seed, 2 * side), side) for seed in range(n)]


def blurred(picture: Bytes, radius: float = 3) -> Bytes:
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(radius)))


def flat(level: int) -> Bytes:
    return np.full((64, 64, 3), level, dtype=np.uint8)


def found(
    directory: Path, images: Sequence[Bytes], **facts: Sequence[Any]
) -> tuple[dict[str, set[int]], dict[str, Any]]:
    """({kind: rows}, facts)."""
    findings, told = find_bad_photos(open_subject(directory, images, ["a"] * len(images), **facts))
    rows: dict[str, set[int]] = {}
    for finding in findings:
        assert finding.row is not None
        assert 0 < finding.score <= 1
        rows.setdefault(finding.kind, set()).add(finding.row)
    return rows, told


def with_bad_ones(*bad: Bytes) -> list[Bytes]:
    return [*photos(), *bad]


def test_ordinary_photos_are_fine(tmp_path: Path) -> None:
    assert found(tmp_path, photos())[0] == {}


@pytest.mark.parametrize(
    ("kind", "bad"),
    [
        ("dark", scene(90) // 5),
        ("bright", (200 + scene(91) // 5).astype(np.uint8)),
        ("blurred", blurred(scene(92), 4)),
        ("near-uniform", flat(128)),
    ],
)
def test_bad_photo_is_named(tmp_path: Path, kind: str, bad: Bytes) -> None:
    rows, facts = found(tmp_path, with_bad_ones(bad))
    assert rows == {kind: {N}}
    assert facts[kind] == 1


def test_black_photo_is_dark_and_nothing_else(tmp_path: Path) -> None:
    assert found(tmp_path, with_bad_ones(flat(0)))[0] == {"dark": {N}}


def test_worst_comes_first(tmp_path: Path) -> None:
    images = with_bad_ones(scene(90) // 4, scene(91) // 9)
    findings, _ = find_bad_photos(open_subject(tmp_path, images, ["a"] * len(images)))
    assert [f.row for f in findings] == [N + 1, N]
    assert findings[0].score > findings[1].score


def test_night_photos_are_not_dark(tmp_path: Path) -> None:
    assert "dark" not in found(tmp_path, [image // 5 for image in photos()])[0]


def test_a_fifth_of_dark_photos_is_the_nature_of_a_set(tmp_path: Path) -> None:
    rows, facts = found(tmp_path, [image // 6 if i % 5 == 0 else image for i, image in enumerate(photos())])
    assert "dark" not in rows
    assert "dark" in facts["common"]


def strokes(ground: int, ink: int) -> list[Bytes]:
    """Drawings of lines."""
    random = np.random.default_rng(0)
    images = []
    for _ in range(N):
        image = Image.new("RGB", (64, 64), (ground,) * 3)
        pen = ImageDraw.Draw(image)
        for _ in range(3):
            pen.line([tuple(point) for point in random.integers(8, 56, (3, 2))], fill=(ink,) * 3, width=3)
        images.append(np.asarray(image))
    return images


@pytest.mark.parametrize(("ground", "ink"), [(0, 255), (255, 0)], ids=["on black", "on white"])
def test_drawings_are_neither_dark_nor_bright_nor_uniform(tmp_path: Path, ground: int, ink: int) -> None:
    assert found(tmp_path, strokes(ground, ink))[0] == {}


def test_soft_photos_are_not_blurred_when_all_are(tmp_path: Path) -> None:
    assert "blurred" not in found(tmp_path, [blurred(image) for image in photos()])[0]


def test_small_pictures_are_not_judged_for_blur(tmp_path: Path) -> None:
    images = [resized(image, 32) for image in photos()]
    assert "blurred" not in found(tmp_path, [*images, blurred(images[0], 3)])[0]


@pytest.mark.parametrize(
    ("kind", "size"),
    [("odd-size", (900, 900)), ("odd-size", (10, 10)), ("odd-aspect", (300, 30)), ("odd-aspect", (30, 300))],
)
def test_odd_size_and_proportions_are_named_with_the_size(
    tmp_path: Path, kind: str, size: tuple[int, int]
) -> None:
    random = np.random.default_rng(0)
    widths, heights = (random.integers(90, 110, N).tolist() for _ in range(2))
    widths[7], heights[7] = size
    subject = open_subject(tmp_path, photos(), ["a"] * N, width=widths, height=heights)
    findings, _ = find_bad_photos(subject)
    assert [(f.kind, f.row) for f in findings] == [(kind, 7)]
    assert f"{size[0]} x {size[1]} pixels" in findings[0].reason


def test_lying_and_standing_photos_are_alike(tmp_path: Path) -> None:
    widths, heights = [400] * 38 + [300] * 2, [300] * 38 + [400] * 2
    assert found(tmp_path, photos(), width=widths, height=heights)[0] == {}


def test_sizes_of_all_kinds_are_the_nature_of_a_set(tmp_path: Path) -> None:
    sizes = np.geomspace(50, 3000, N).astype(int).tolist()
    assert "odd-size" not in found(tmp_path, photos(), width=sizes, height=sizes)[0]


def test_one_photo_is_no_outlier_of_anything(tmp_path: Path) -> None:
    assert found(tmp_path, photos(1))[0] == {}


def ramp(steepness: int) -> npt.NDArray[np.float32]:
    row = np.clip((np.arange(64) - 32) * steepness + 100, 100, 200)
    return np.broadcast_to(row, (1, 64, 64)).astype(np.float32)


def test_sharpness_is_one_for_a_step_and_small_for_a_ramp() -> None:
    assert edge_sharpness(ramp(100), 2)[0] == pytest.approx(1, abs=0.01)
    assert edge_sharpness(ramp(4), 2)[0] == pytest.approx(0.25, abs=0.01)
    assert np.isnan(edge_sharpness(np.full((1, 64, 64), 90, dtype=np.float32), 2)[0])
