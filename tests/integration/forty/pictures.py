"""Rows 20 to 32: archives that are fine, with pictures in them that are not, or not quite."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image

from tests.images import encode, photo, write_zip
from tests.integration.forty.hall import GOOD, PHOTOS, Case, Outcome

JPEG = encode(photo("temple", 900, 32))
RED, GREEN, BLUE, WHITE, GREY = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (156, 156, 156)
PLACE = "2001:02:03"
"""Stands in the GPS part of a photo and must not come out again."""

SCRIPT = b"<script>alert(document.domain)</script>"
SIDE = 32


def blank(mode: str, colour: object) -> Image.Image:
    return Image.new(mode, (SIDE, SIDE), colour)  # type: ignore[arg-type]


def empty_png(side: int) -> bytes:
    """A black picture of one bit a pixel: 20,000 x 20,000 take about 48 kB."""
    row = bytes(1 + -(-side // 8))
    packer = zlib.compressobj(9)
    body = b"".join(packer.compress(row * 100) for _ in range(side // 100)) + packer.flush()
    head = struct.pack(">2L5B", side, side, 1, 0, 0, 0, 0)
    parts = [(b"IHDR", head), (b"IDAT", body), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))
        for kind, data in parts
    )


def sixteen_bits() -> bytes:
    """Grey of 40,000 out of 65,535, which clipping would make white."""
    return encode(Image.fromarray(np.full((SIDE, SIDE), 40_000, np.uint16)), "PNG")


def palette() -> bytes:
    return encode(blank("RGB", GREEN).quantize(4), "PNG")


def two_halves(mode: str) -> bytes:
    """The left half black, or solid, the right half white, or clear."""
    image = blank(mode, {"1": 0, "RGBA": (*BLUE, 255), "LA": (0, 255)}[mode])
    image.paste({"1": 1, "RGBA": (0, 0, 0, 0), "LA": (0, 0)}[mode], (SIDE // 2, 0, SIDE, SIDE))
    return encode(image, "PNG")


def animation(format: str) -> bytes:
    """Red first, then blue."""
    more = {"lossless": True} if format == "WEBP" else {}
    return encode(
        blank("RGB", RED), format, save_all=True, append_images=[blank("RGB", BLUE)], duration=100, **more
    )


def lying_photo() -> bytes:
    """Left red, right blue, to be turned right by a quarter; with the place where it was taken."""
    image = Image.new("RGB", (64, 32), RED)
    image.paste(BLUE, (32, 0, 64, 32))
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[29] = PLACE
    return encode(image, "JPEG", exif=exif.tobytes(), quality=95)


def heic() -> bytes:
    pillow_heif.register_heif_opener()
    return encode(Image.new("RGB", (64, 64), RED), "HEIF")


def cmyk() -> bytes:
    return encode(blank("CMYK", (0, 255, 255, 0)), "JPEG", quality=95)


FINE: dict[str, bytes] = {
    "polyglot.gif": encode(blank("RGB", RED), "GIF") + SCRIPT,
    "polyglot.jpg": encode(blank("RGB", RED), "JPEG", comment=SCRIPT) + SCRIPT,
    "cmyk.jpg": cmyk(),
    "sixteen.png": sixteen_bits(),
    "palette.png": palette(),
    "bilevel.png": two_halves("1"),
    "alpha.png": two_halves("RGBA"),
    "grey-alpha.png": two_halves("LA"),
    "animated.gif": animation("GIF"),
    "animated.webp": animation("WEBP"),
    "animated.png": animation("PNG"),
    "turned.jpg": lying_photo(),
    "odd-profile.jpg": encode(blank("RGB", RED), "JPEG", icc_profile=b"no profile " * 40, quality=95),
    "cut-profile.png": encode(blank("RGB", RED), "PNG", icc_profile=bytes(128) + b"\xff" * 9),
    "phone.heic": heic(),
    "modern.avif": encode(Image.new("RGB", (64, 64), RED), "AVIF"),
}
BAD: dict[str, tuple[bytes, str]] = {
    "page.jpg": (b"<!DOCTYPE html><html><body>" + SCRIPT + b"</body></html>", "not-an-image"),
    "drawing.jpg": (b'<svg xmlns="http://www.w3.org/2000/svg">' + SCRIPT + b"</svg>", "not-an-image"),
    "truncated.jpg": (JPEG[: len(JPEG) * 2 // 3], "truncated"),
    "none.jpg": (b"", "empty"),
    "dot.png": (encode(Image.new("RGB", (1, 1)), "PNG"), "too-small"),
}
ANIMATED = ("animated.gif", "animated.webp", "animated.png")


def is_near(found: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    return max(abs(a - b) for a, b in zip(found, wanted, strict=True)) <= 12  # thumbnails are lossy


def is_colour(outcome: Outcome, name: str, wanted: tuple[int, ...], x: float = 0.5, y: float = 0.5) -> None:
    found = outcome.colour(f"temple/{name}", x, y)
    assert is_near(found, wanted), f"{name}: {found} instead of {wanted}"


def web_pages_are_refused_by_what_they_are(outcome: Outcome) -> None:
    assert "a web page (HTML)" in outcome.finding("temple/page.jpg")["reason"]
    assert "an SVG drawing" in outcome.finding("temple/drawing.jpg")["reason"]
    (upload,) = (outcome.upload.parents[1] / "var/storage/uploads" / outcome.dataset["id"]).iterdir()
    for place in ("storage", "media", "static", "uploads"):
        for name in (upload.name, f"uploads/{outcome.dataset['id']}/{upload.name}"):
            assert outcome.person.get(f"/{place}/{name}").status_code >= 400


def only_new_pixels_come_out(outcome: Outcome) -> None:
    for name in ("polyglot.gif", "polyglot.jpg"):
        headers, content = outcome.thumbnail(f"temple/{name}")
        assert headers["content-type"] == "image/webp"
        assert headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in headers["content-security-policy"]
        assert b"script" not in content
        is_colour(outcome, name, RED)


def cmyk_is_converted(outcome: Outcome) -> None:
    red, green, blue = outcome.colour("temple/cmyk.jpg")
    assert red > 200
    assert max(green, blue) < 60


def sixteen_bits_are_scaled(outcome: Outcome) -> None:
    is_colour(outcome, "sixteen.png", GREY)


def modes_become_rgb_on_white(outcome: Outcome) -> None:
    is_colour(outcome, "palette.png", GREEN)
    for name, left in (("bilevel.png", (0, 0, 0)), ("alpha.png", BLUE), ("grey-alpha.png", (0, 0, 0))):
        is_colour(outcome, name, left, x=0.2)
        is_colour(outcome, name, WHITE, x=0.8)


def first_frame_with_a_notice(outcome: Outcome) -> None:
    for name in ANIMATED:
        is_colour(outcome, name, RED)
        notice = outcome.finding(f"temple/{name}")
        assert "its first frame is used" in notice["reason"]
        assert not notice["refused"]


def turned_once_and_nothing_of_the_place(outcome: Outcome) -> None:
    image = outcome.image("temple/turned.jpg")
    assert (image["width"], image["height"]) == (32, 64)
    is_colour(outcome, "turned.jpg", RED, y=0.2)
    is_colour(outcome, "turned.jpg", BLUE, y=0.8)
    assert PLACE.encode() in FINE["turned.jpg"]
    with Image.open(io.BytesIO(outcome.thumbnail("temple/turned.jpg")[1])) as thumbnail:
        assert not thumbnail.getexif()
    kept = [path for path in (outcome.upload.parents[1] / "var/storage/caches").rglob("*") if path.is_file()]
    assert kept
    assert not any(PLACE.encode() in path.read_bytes() for path in kept)


def odd_profiles_are_ignored(outcome: Outcome) -> None:
    is_colour(outcome, "odd-profile.jpg", RED)
    is_colour(outcome, "cut-profile.png", RED)


def says_too_small(outcome: Outcome) -> None:
    assert "too small" in outcome.finding("temple/dot.png")["reason"]


def phone_formats_are_read(outcome: Outcome) -> None:
    is_colour(outcome, "phone.heic", RED)
    is_colour(outcome, "modern.avif", RED)


def huge(name: str, side: int) -> Case:
    return Case(
        name,
        lambda folder: write_zip(
            folder / "photos.zip", [*PHOTOS.items(), ("temple/huge.png", empty_png(side))]
        ),
        named=(("temple/huge.png", "too-many-pixels"),),
    )


def all_pictures(folder: Path) -> Path:
    odd = {**FINE, **{name: content for name, (content, _) in BAD.items()}}
    return write_zip(
        folder / "photos.zip", [*PHOTOS.items(), *((f"temple/{name}", data) for name, data in odd.items())]
    )


ALL = Case(
    "20-32-pictures",
    all_pictures,
    named=(
        *((f"temple/{name}", kind) for name, (_, kind) in BAD.items()),
        *((f"temple/{name}", "animated") for name in ANIMATED),
    ),
    images={**GOOD, **{f"temple/{name}": "temple" for name in FINE}},
)
"""One upload for the rows below: each is about a file of its own, and the files do not touch each other."""

ROWS = {
    "20-html-and-svg-named-jpg": web_pages_are_refused_by_what_they_are,
    "21-gif-and-html-polyglot": only_new_pixels_come_out,
    "24-truncated-jpeg": lambda outcome: outcome.finding("temple/truncated.jpg"),
    "25-cmyk": cmyk_is_converted,
    "26-sixteen-bit": sixteen_bits_are_scaled,
    "27-palette-alpha-bilevel-grey-alpha": modes_become_rgb_on_white,
    "28-animated-gif-webp-png": first_frame_with_a_notice,
    "29-exif-rotation-and-gps": turned_once_and_nothing_of_the_place,
    "30-odd-colour-profile": odd_profiles_are_ignored,
    "31-empty-file": lambda outcome: outcome.finding("temple/none.jpg"),
    "32-one-by-one": says_too_small,
    "41-heic-and-avif": phone_formats_are_read,
}
CASES = (huge("22-20000-squared-png-of-48-kb", 20_000), huge("23-12000-squared", 12_000))
