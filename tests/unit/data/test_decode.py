"""Every kind of image file that people really have, and what must become of it."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from nas.data.decode import DecodeError, decode_image
from tests.images import encode, photo

PIXELS = 50_000_000


def decoded(data: bytes, side: int = 32) -> np.ndarray:
    return np.frombuffer(decode_image(data, side, PIXELS).pixels, np.uint8).reshape(side, side, 3)


def refusal(data: bytes) -> str:
    with pytest.raises(DecodeError) as caught:
        decode_image(data, 32, PIXELS)
    return caught.value.kind


def near(a: np.ndarray, b: np.ndarray, tolerance: float) -> bool:
    return float(np.abs(a.astype(float) - b.astype(float)).mean()) < tolerance


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM"])
def test_formats_give_the_same_picture(format: str) -> None:
    image = photo("flower", 1, 64)
    wanted = np.asarray(image.resize((32, 32), Image.Resampling.BICUBIC))
    source = image.quantize(256) if format == "GIF" else image
    assert near(decoded(encode(source, format)), wanted, 8)


def test_whole_image_is_squashed_not_cropped() -> None:
    image = Image.new("RGB", (90, 30), "red")
    image.paste("blue", (45, 0, 90, 30))
    pixels = decoded(encode(image, "PNG"))
    assert tuple(pixels[16, 0]) == (255, 0, 0) and tuple(pixels[16, 31]) == (0, 0, 255)


def test_large_jpeg_is_scaled_while_decoding_with_the_same_result() -> None:
    image = photo("temple", 3, 900)
    assert near(decoded(encode(image, quality=95)), decoded(encode(image, "PNG")), 3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied(orientation: int) -> None:
    upright = photo("flower", 2, 60).resize((60, 40))
    inverse = {
        1: None, 2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE",
        6: "ROTATE_90", 7: "TRANSVERSE", 8: "ROTATE_270",
    }[orientation]  # fmt: skip
    stored = upright.transpose(Image.Transpose[inverse]) if inverse else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    result = decode_image(encode(stored, quality=98, exif=exif), 32, PIXELS)
    assert (result.width, result.height) == (60, 40)
    pixels = np.frombuffer(result.pixels, np.uint8).reshape(32, 32, 3)
    assert near(pixels, np.asarray(upright.resize((32, 32), Image.Resampling.BICUBIC)), 6)


def test_cmyk_is_converted() -> None:
    assert near(decoded(encode(photo("temple", 1).convert("CMYK"))), decoded(encode(photo("temple", 1))), 12)


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    ramp = np.linspace(0, 65535, 64, dtype=np.uint16)
    image = Image.fromarray(np.tile(ramp, (64, 1)))
    pixels = decoded(encode(image, "PNG"))[16, :, 0]
    assert pixels[0] < 8 and pixels[-1] > 247 and abs(int(pixels[16]) - 130) < 8


@pytest.mark.parametrize(
    ("mode", "format"), [("RGBA", "PNG"), ("LA", "PNG"), ("RGBA", "WEBP"), ("P", "PNG"), ("P", "GIF")]
)
def test_transparency_lies_on_white(mode: str, format: str) -> None:
    if mode == "P":
        image = Image.new("P", (40, 40), 0)
        image.putpalette([0, 0, 0, 255, 0, 0])
        data = encode(image, format, transparency=0)
    else:
        data = encode(Image.new(mode, (40, 40), 0), format)
    assert decoded(data).min() >= 250


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_grey_and_palette_become_rgb(mode: str) -> None:
    image = photo("flower", 4).convert("L")
    assert near(decoded(encode(image.convert(mode), "PNG")), decoded(encode(image, "PNG")), 40)


def test_first_frame_of_an_animation_is_used() -> None:
    frames = [Image.new("RGB", (20, 20), c) for c in ("red", "blue")]
    result = decode_image(encode(frames[0], "GIF", save_all=True, append_images=frames[1:]), 32, PIXELS)
    assert result.animated and tuple(result.pixels[:3]) == (255, 0, 0)


def test_nonsense_colour_profile_is_ignored() -> None:
    image = photo("flower", 5)
    assert near(decoded(encode(image, icc_profile=b"nonsense" * 50)), decoded(encode(image)), 1)


def test_truncated_and_damaged_are_refused() -> None:
    for format in ("JPEG", "PNG", "WEBP"):
        data = encode(photo("temple", 6), format)
        assert refusal(data[: len(data) // 2]) == "truncated"
        assert refusal(data[:20]) in {"truncated", "not-an-image"}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'></svg>", "SVG"),
        (b"<?xml version='1.0'?>\n<svg></svg>", "SVG"),
        (b"\n<!DOCTYPE html><html></html>", "HTML"),
        (b"hello world", "text"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00", "HEIC"),
        (b"PK\x03\x04....", "archive"),
        (b"\x00\x01\x02\x03" * 20, "unknown"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "text"),
    ],
)
def test_other_content_is_named(data: bytes, words: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_image(data, 32, PIXELS)
    assert caught.value.kind == "not-an-image" and words in caught.value.details["looks"]


def test_empty_and_tiny_are_refused() -> None:
    assert refusal(b"") == "empty"
    assert refusal(encode(Image.new("RGB", (1, 1)), "PNG")) == "too-small"


def test_huge_image_is_refused_from_its_header() -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">L", len(body)) + kind + body + struct.pack(">L", zlib.crc32(kind + body))

    header = struct.pack(">LLBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")
    assert refusal(data) == "too-many-pixels"


def test_photo_with_a_web_page_behind_it_gives_only_pixels() -> None:
    data = encode(photo("flower", 7).quantize(64), "GIF") + b"<script>alert(1)</script>"
    result = decode_image(data, 32, PIXELS)
    assert b"script" not in result.pixels and len(result.pixels) == 32 * 32 * 3
    assert Image.open(io.BytesIO(data)).format == "GIF"
