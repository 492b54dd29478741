"""Image sets of many kinds without any shortcut, drawn or cut from photos: what alarms must stay silent on.

Each function yields (``<class>/<number>.jpg``, picture); all are seeded.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from sklearn.datasets import load_digits

from tests.images import PHOTO_CLASSES, photo

Pictures = Iterator[tuple[str, Image.Image]]
_SHAPES = ("circle", "square", "triangle", "cross")


def photo_crops(n: int = 80) -> Pictures:
    """Crops of two photos of any size and proportions."""
    for label in PHOTO_CLASSES:
        for i in range(n):
            draw = random.Random(f"{label} {i}")
            size = draw.choice((120, 160, 200))
            crop = photo(label, i, size)
            yield f"{label}/{i:03d}.jpg", crop.resize((size, round(size * draw.choice((0.75, 1, 1.25)))))


def few_photos() -> Pictures:
    """The same, 15 of a class."""
    return photo_crops(15)


def _shape(pen: ImageDraw.ImageDraw, kind: str, box: tuple[float, float, float, float], fill: object) -> None:
    left, top, right, bottom = box
    if kind == "circle":
        pen.ellipse(box, fill=fill)
    elif kind == "square":
        pen.rectangle(box, fill=fill)
    elif kind == "triangle":
        pen.polygon([(left, bottom), (right, bottom), ((left + right) / 2, top)], fill=fill)
    else:
        third = (right - left) / 3
        pen.rectangle((left + third, top, right - third, bottom), fill=fill)
        pen.rectangle((left, top + third, right, bottom - third), fill=fill)


def drawings(n: int = 80) -> Pictures:
    """One filled shape a class on white, anywhere and of any size."""
    for kind in _SHAPES:
        for i in range(n):
            draw = random.Random(f"{kind} {i}")
            image = Image.new("RGB", (128, 128), "white")
            side, left, top = draw.uniform(25, 80), draw.uniform(2, 40), draw.uniform(2, 40)
            colour = tuple(draw.randrange(180) for _ in range(3))
            _shape(ImageDraw.Draw(image), kind, (left, top, left + side, top + side), colour)
            yield f"{kind}/{i:03d}.jpg", image


def icons(n: int = 80) -> Pictures:
    """The same shapes, always in the middle and nearly of one size: pictures that lie alike."""
    for kind in _SHAPES:
        for i in range(n):
            draw = random.Random(f"{kind} {i}")
            image = Image.new("RGB", (96, 96), (30, 60, 90))
            side, dx, dy = draw.uniform(48, 56), draw.uniform(-2, 2), draw.uniform(-2, 2)
            box = (48 + dx - side / 2, 48 + dy - side / 2, 48 + dx + side / 2, 48 + dy + side / 2)
            _shape(ImageDraw.Draw(image), kind, box, tuple(draw.randrange(150, 250) for _ in range(3)))
            yield f"{kind}/{i:03d}.jpg", image


def letters(n: int = 60) -> Pictures:
    """Printed letters in one font, moved by a few pixels: the same to the pixel, for a good reason."""
    font = ImageFont.load_default(64)
    for label in "AEHKMRSX":
        for i in range(n):
            draw = random.Random(f"{label} {i}")
            image = Image.new("RGB", (96, 96), "white")
            place = (24 + draw.randint(-3, 3), 8 + draw.randint(-3, 3))
            ImageDraw.Draw(image).text(place, label, font=font, fill=(draw.randrange(90),) * 3)
            yield f"{label}/{i:03d}.jpg", image.rotate(draw.uniform(-4, 4), fillcolor="white")


def digits(n: int = 80) -> Pictures:
    """Handwritten digits of scikit-learn."""
    data = load_digits()
    for digit in range(10):
        for row in np.flatnonzero(data.target == digit)[:n]:
            grey = (255 - data.images[row] * 255 / 16).clip(0, 255).astype(np.uint8)
            yield f"{digit}/{row:04d}.jpg", Image.fromarray(grey).resize((64, 64)).convert("RGB")


def _noise(
    draw: random.Random, size: int, cells: int, colour: tuple[int, int, int], spread: int
) -> Image.Image:
    random_ = np.random.default_rng(draw.randrange(2**31))
    values = random_.normal(size=(cells, cells, 1)) * spread + np.array(colour)
    small = Image.fromarray(values.clip(0, 255).astype(np.uint8))
    return small.resize((size, size), Image.Resampling.BICUBIC)


def textures(n: int = 80) -> Pictures:
    """Grass, sky, sand and bricks that fill the frame: borders of their own, for a good reason."""
    for label, colour, cells, spread in (
        ("grass", (60, 120, 40), 90, 40),
        ("sky", (120, 170, 230), 3, 12),
        ("sand", (200, 180, 130), 120, 15),
        ("bricks", (150, 70, 50), 60, 14),
    ):
        for i in range(n):
            draw = random.Random(f"{label} {i}")
            tint = tuple(c + draw.randint(-20, 20) for c in colour)
            image = _noise(draw, 128, cells, (tint[0], tint[1], tint[2]), spread)
            if label == "bricks":
                pen, step, offset = ImageDraw.Draw(image), draw.randint(14, 22), draw.randint(0, 14)
                for y in range(offset, 128, step):
                    pen.line((0, y, 128, y), fill=(190, 180, 170), width=2)
            yield f"{label}/{i:03d}.jpg", image


def products(n: int = 80) -> Pictures:
    """Patterned things in the middle, all classes on the same light ground with a soft shadow."""
    for kind in _SHAPES:
        for i in range(n):
            draw = random.Random(f"{kind} {i}")
            image = Image.new("RGB", (160, 160), (242, 242, 240))
            mask = Image.new("L", image.size, 0)
            side, left, top = draw.uniform(70, 110), draw.uniform(20, 30), draw.uniform(20, 30)
            _shape(ImageDraw.Draw(mask), kind, (left, top, left + side, top + side), 255)
            shadow = mask.filter(ImageFilter.GaussianBlur(8)).point(lambda v: v // 3)
            image.paste((180, 180, 180), (4, 6), shadow)
            colour = (draw.randrange(40, 220), draw.randrange(40, 220), draw.randrange(40, 220))
            image.paste(_noise(draw, 160, 24, colour, 35), (0, 0), mask)
            yield f"{kind}/{i:03d}.jpg", image


def microscope(n: int = 80) -> Pictures:
    """Cells in a round field of view, black outside; the classes differ in number and size."""
    for label, count, radius in (("sparse", 8, 7), ("dense", 40, 5), ("large", 6, 16)):
        for i in range(n):
            draw = random.Random(f"{label} {i}")
            image = _noise(draw, 160, 40, (215, 190, 205), 8)
            pen = ImageDraw.Draw(image)
            for _ in range(draw.randint(count // 2, count)):
                x, y, r = draw.uniform(10, 150), draw.uniform(10, 150), radius * draw.uniform(0.7, 1.3)
                pen.ellipse((x - r, y - r, x + r, y + r), fill=(130, 60, 140), outline=(90, 30, 100))
            field = Image.new("L", image.size, 0)
            ImageDraw.Draw(field).ellipse((4, 4, 156, 156), fill=255)
            yield f"{label}/{i:03d}.jpg", Image.composite(image, Image.new("RGB", image.size), field)


def faces(n: int = 80) -> Pictures:
    """Drawn faces that lie alike and differ by the mouth alone."""
    for label in ("smile", "frown", "open"):
        for i in range(n):
            draw = random.Random(f"{label} {i}")
            image = _noise(draw, 128, 12, (draw.randrange(60, 200), 120, 130), 25)
            pen = ImageDraw.Draw(image)
            dx, dy = draw.uniform(-3, 3), draw.uniform(-3, 3)
            skin = tuple(draw.randint(low, 240) for low in (170, 130, 100))
            pen.ellipse((24 + dx, 14 + dy, 104 + dx, 118 + dy), fill=skin)
            for x in (48, 80):
                pen.ellipse((x - 6 + dx, 46 + dy, x + 6 + dx, 56 + dy), fill="white")
                pen.ellipse((x - 3 + dx, 48 + dy, x + 3 + dx, 54 + dy), fill=(40, 30, 20))
            mouth = (46 + dx, 76 + dy, 82 + dx, 100 + dy)
            if label == "open":
                pen.ellipse(mouth, fill=(120, 30, 40))
            else:
                start = 20 if label == "smile" else 200
                pen.arc(mouth, start, start + 140, fill=(120, 30, 40), width=4)
            yield f"{label}/{i:03d}.jpg", image


CLEAN_SETS: dict[str, Callable[[], Pictures]] = {
    make.__name__.replace("_", " "): make
    for make in (
        photo_crops, few_photos, drawings, icons, letters, digits, textures, products, microscope, faces,
    )
}  # fmt: skip
