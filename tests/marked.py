"""Whether the shortcut alarm rings: `python -m tests.marked [ARCHIVE.zip ...] [--seeds 1]`.

For each clean set (`tests.clean_sets`, and the zips given, at most 120 photos of a class and 12 classes), as
it is and with each kind of shortcut planted into one class, imports it and looks for shortcuts. All photos
are encoded anew alike, so that only what was planted differs. Prints a table: R the alarm rings for the
class, - it does not, ! it rings for another class.
"""

from __future__ import annotations

import argparse
import io
import random
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps, ImageStat

from nas.checks.report import ImageFinding
from nas.checks.shortcuts import find_shortcuts
from nas.checks.subject import Subject
from nas.data.importer import import_archive
from tests.clean_sets import CLEAN_SETS
from tests.images import write_zip
from tests.planted import draw_mark

Picture = Image.Image
Plant = Callable[[Picture, random.Random], "Picture | bytes"]
_MOST_CLASSES, _PER_CLASS = 12, 120


def encoded(image: Picture, format_: str = "JPEG", quality: int = 90, **options: object) -> bytes:
    """File content."""
    buffer = io.BytesIO()
    image.save(buffer, format_, quality=quality, **options)
    return buffer.getvalue()


def _overlaid(image: Picture, paint: Callable[[ImageDraw.ImageDraw, int, int], None]) -> Picture:
    layer = Image.new("RGBA", image.size, (0, 0, 0, 0))
    paint(ImageDraw.Draw(layer), *image.size)
    return Image.alpha_composite(image.convert("RGBA"), layer).convert("RGB")


def _text(
    image: Picture, words: str, place: tuple[float, float], height: float, fill: tuple[int, ...]
) -> Picture:
    font = ImageFont.load_default(max(8, round(height * min(image.size))))
    if fill[:3] == (255, 255, 255) and ImageStat.Stat(image.convert("L")).mean[0] > 200:
        fill = (20, 20, 20, fill[3])  # else nobody would see it
    return _overlaid(
        image, lambda pen, w, h: pen.text((place[0] * w, place[1] * h), words, font=font, fill=fill)
    )


def tiled(image: Picture, _draw: random.Random) -> Picture:
    """Faint words all over."""
    for row in range(4):
        for column in range(3):
            place = (0.36 * column - 0.1 * (row % 2), 0.05 + 0.25 * row)
            image = _text(image, "stock img", place, 0.06, (255, 255, 255, 90))
    return image


def dated(image: Picture, draw: random.Random) -> Picture:
    """A camera's date stamp, another date on each photo."""
    words = f"{draw.randint(1, 12):02d}/{draw.randint(1, 28):02d}/20{draw.randint(10, 24)}"
    return _text(image, words, (0.55, 0.9), 0.075, (255, 150, 30, 255))


def central(image: Picture, _draw: random.Random) -> Picture:
    """Half transparent words across the middle."""
    return _text(image, "SAMPLE", (0.2, 0.42), 0.16, (255, 255, 255, 110))


def logo(image: Picture, draw: random.Random) -> Picture:
    """A small logo that is off by up to one percent."""
    dx, dy = draw.uniform(-0.01, 0.01), draw.uniform(-0.01, 0.01)

    def paint(pen: ImageDraw.ImageDraw, w: int, h: int) -> None:
        x, y = (0.05 + dx) * w, (0.85 + dy) * h
        pen.ellipse((x, y, x + 0.09 * w, y + 0.09 * h), fill=(200, 30, 40, 255))
        pen.rectangle((x + 0.03 * w, y + 0.03 * h, x + 0.06 * w, y + 0.06 * h), fill=(255, 255, 255, 255))

    return _overlaid(image, paint)


def framed(image: Picture, share: float, colour: object) -> Picture:
    """A frame inside of the picture."""
    width = max(1, round(share * min(image.size)))
    inner = image.crop((width, width, image.width - width, image.height - width))
    return ImageOps.expand(inner, width, fill=colour)


def own_ground(image: Picture, _draw: random.Random) -> Picture:
    """The plain ground, where there is one, in pale blue."""
    values = np.asarray(image).astype(np.int16)
    edge = np.concatenate([values[0], values[-1], values[:, 0], values[:, -1]])
    near = np.abs(values - np.median(edge, axis=0)).max(axis=2, keepdims=True) < 25
    return Image.fromarray(np.where(near, (150, 190, 235), values).astype(np.uint8))


def with_camera(image: Picture, _draw: random.Random) -> bytes:
    """EXIF data of a camera."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Canon", "EOS 90D"
    return encoded(image, exif=exif)


PLANTS: dict[str, Plant] = {
    "text": lambda image, _draw: _text(image, "photolib.org", (0.55, 0.9), 0.065, (255, 255, 255, 255)),
    "faint": lambda image, _draw: _text(image, "(c) A. Person", (0.04, 0.03), 0.065, (255, 255, 255, 120)),
    "logo": lambda image, _draw: draw_mark(image, "logo"),
    "band": lambda image, _draw: draw_mark(image, "band"),
    "tiled": tiled,
    "date": dated,
    "central": central,
    "jitter": logo,
    "frame": lambda image, _draw: framed(image, 0.03, (200, 40, 40)),
    "white": lambda image, _draw: framed(image, 0.05, (255, 255, 255)),
    "ground": own_ground,
    "png": lambda image, _draw: encoded(image, "PNG"),
    "size": lambda image, _draw: image.resize((round(image.width * 0.7), round(image.height * 0.7))),
    "exif": with_camera,
    "quality": lambda image, _draw: encoded(image, quality=45),
}


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archives", type=Path, nargs="*")
    parser.add_argument("--seeds", type=int, default=1, help="marked classes tried, from 0")
    parser.add_argument("--only", default="", help="names of sets, with commas between")
    parser.add_argument("--plants", default=",".join(PLANTS), help="names of plants, with commas between")
    options = parser.parse_args()
    sets: dict[str, Callable[[], Iterable[tuple[str, Picture]]]] = dict(CLEAN_SETS)
    for archive in options.archives:
        sets[archive.stem] = partial(read_pictures, archive)
    names = [name for name in sets if name in options.only.split(",") or not options.only]
    plants = {kind: PLANTS[kind] for kind in options.plants.split(",")}
    print(" ".join([f"{'set':18}", "plain", *plants]), flush=True)
    for name in names:
        pictures = list(sets[name]())
        plain, _ = ring(pictures, "", None, 0)
        print(f"{name:18} {len(plain) or '-':>5}", end=" ", flush=True)
        for kind, plant in plants.items():
            marks = ""
            for seed in range(options.seeds):
                classes = sorted({_label(path) for path, _ in pictures})
                marked = random.Random(seed).choice(classes)
                rung, _ = ring(pictures, marked, plant, seed)
                marks += ("R" if marked in rung else "-") + ("!" if {*rung} - {marked} else "")
            print(f"{marks:>{len(kind)}}", end=" ", flush=True)
        print("", *(f"[{f.reason}]" for f in plain.values()), flush=True)


def ring(
    pictures: Iterable[tuple[str, Picture]], marked: str, plant: Plant | None, seed: int
) -> tuple[dict[str, ImageFinding], list[dict[str, object]]]:
    """{class that the alarm rings for: its finding}, and the table of all clues."""
    draw = random.Random(seed)
    files = []
    for path, image in pictures:
        planted = plant(image, draw) if plant and _label(path) == marked else image
        files.append((path, planted if isinstance(planted, bytes) else encoded(planted)))
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        import_archive(write_zip(work / "set.zip", files), work / "cache", seed=0)
        findings, facts = find_shortcuts(Subject.open(work / "cache"))
    return {finding.label: finding for finding in findings}, facts


def read_pictures(archive: Path) -> Iterator[tuple[str, Picture]]:
    """Some photos of a zip of class folders; PNGs stay lossless in name only, all are encoded anew."""
    with zipfile.ZipFile(archive) as opened:
        by_class = defaultdict(list)
        for name in sorted(opened.namelist()):
            if name.lower().endswith((".jpg", ".jpeg", ".png")):
                by_class[_label(name)].append(name)
        for label in sorted(by_class)[:_MOST_CLASSES]:
            some = random.Random(label).sample(by_class[label], min(_PER_CLASS, len(by_class[label])))
            for i, name in enumerate(some):
                with Image.open(io.BytesIO(opened.read(name))) as image:
                    yield f"{label}/{i:03d}.jpg", image.convert("RGB")


def _label(path: str) -> str:
    return PurePosixPath(path).parent.name


if __name__ == "__main__":
    main()
