"""All checks with the real pretrained network, on drawn photos into which known faults were planted."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageEnhance

from nas.checks.run import CheckReport
from tests.images import encode, write_zip
from tests.planted import MARKS, Planted, check, plant
from tests.unit.checks.made import scene

CLASSES = ("apples", "boxes", "leaves", "spoons")
N = 110


def picture(label: str, seed: int) -> Image.Image:
    """A thing of its class, of any colour, size and place, before a ground that resembles no other one."""
    draw = random.Random(f"{label} {seed}")
    image = Image.fromarray(scene(draw.randrange(2**31), 128, 40))
    thing = Image.fromarray(scene(draw.randrange(2**31), 128, 25))
    hue = Image.new("RGB", thing.size, tuple(draw.randrange(40, 220) for _ in range(3)))
    thing = Image.blend(thing, hue, 0.6)
    mask = Image.new("L", image.size, 0)
    pen = ImageDraw.Draw(mask)
    width, left, top = draw.uniform(55, 85), draw.uniform(8, 36), draw.uniform(8, 36)
    right, bottom, middle = left + width, top + width, left + width / 2
    if label == "apples":
        pen.ellipse((left, top, right, bottom), fill=255)
    elif label == "boxes":
        pen.rectangle((left, top, right, bottom), fill=255)
    elif label == "leaves":
        pen.polygon([(middle, top), (right, bottom), (middle, bottom - width / 4), (left, bottom)], fill=255)
    else:
        pen.ellipse((left, top, left + width / 2, top + width / 2), fill=255)
        pen.line((left + width / 3, top + width / 3, right, bottom), fill=255, width=9)
    image.paste(thing, (0, 0), mask)
    return ImageEnhance.Brightness(image).enhance(draw.uniform(0.8, 1.15))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = [
        (f"{label}/{i:03d}.jpg", encode(picture(label, i), quality=90)) for label in CLASSES for i in range(N)
    ]
    return write_zip(tmp_path_factory.mktemp("drawn") / "plain.zip", files)


@pytest.fixture(scope="module")
def planted(plain: Path) -> tuple[Planted, CheckReport]:
    archive = plain.with_name("planted.zip")
    what = plant(plain, archive, seed=MARKS.index("text"))
    report, _ = check(archive, plain.with_name("planted"))
    assert report.facts["failed"] == []
    assert report.facts["features"]["network"] == "EfficientNet-Lite0 (ImageNet)"
    return what, report


@pytest.mark.parametrize(
    ("kind", "least"),
    [("exact-copy", 1.0), ("near-copy", 0.9), ("wrong-label", 0.66), ("dark", 0.83), ("blurred", 0.83)],
)
def test_planted_faults_are_found(planted: tuple[Planted, CheckReport], kind: str, least: float) -> None:
    names = planted[0].names[kind]
    named = {finding.path for finding in planted[1].findings if finding.kind == kind}
    assert len(names) >= 20
    assert len(named & names) >= least * len(names)
    assert len(named & names) >= 0.5 * len(named)


def test_alarm_rings_for_the_marked_class_only(planted: tuple[Planted, CheckReport]) -> None:
    assert {f.label for f in planted[1].findings if f.kind == "shortcut"} == {planted[0].marked}


def test_nothing_is_found_where_nothing_was_planted(plain: Path) -> None:
    report, _ = check(plain, plain.with_name("unplanted"))
    kinds = [finding.kind for finding in report.findings]
    assert "shortcut" not in kinds
    assert {"exact-copy", "near-copy", "dark", "blurred"}.isdisjoint(kinds)
    assert kinds.count("wrong-label") <= 0.05 * len(CLASSES) * N
