"""Every kind of image file that people really have, and what must become of it."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import ExifTags, Image, ImageCms

from nas.data.archive import ArchiveLimits, inspect_archive
from nas.data.decode import DecodeError, decode_image
from nas.data.pool import PoolConfig, ReaderPool
from nas.data.protocol import Facts, Refused
from nas.export.templates.predict import read_photo
from tests.images import encode, photo, write_zip
from tests.profiles import wide_gamut_profile

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


def test_wide_gamut_colours_become_srgb() -> None:
    image = Image.new("RGB", (40, 40), (120, 200, 80))
    plain, tagged = (decoded(encode(image, "PNG", **o)) for o in ({}, {"icc_profile": wide_gamut_profile()}))
    # In the wider space the same numbers mean a stronger green: less red and blue in sRGB.
    assert tuple(plain[0, 0]) == (120, 200, 80)
    red, green, blue = (int(v) for v in tagged[0, 0])
    assert red < 100 and 195 <= green <= 210 and blue < 80


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_profiles_count_in_every_format(format: str) -> None:
    image = photo("flower", 8)
    with_profile = encode(image, format, icc_profile=wide_gamut_profile())
    assert not near(decoded(with_profile), decoded(encode(image, format)), 2)
    alpha = image.convert("RGBA")
    if format != "JPEG":
        tagged = decoded(encode(alpha, format, icc_profile=wide_gamut_profile()))
        assert near(tagged, decoded(with_profile), 2)


def test_srgb_profile_changes_nothing() -> None:
    image = photo("flower", 9)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert (decoded(encode(image, "PNG", icc_profile=srgb)) == decoded(encode(image, "PNG"))).all()


@pytest.mark.parametrize(
    "profile",
    [
        wide_gamut_profile()[:200],
        wide_gamut_profile()[:132] + b"\xff" * 300,
        wide_gamut_profile().replace(b"RGB ", b"CMYK"),
        wide_gamut_profile().replace(b"RGB ", b"GRAY"),
        wide_gamut_profile()[:128] + b"\xff\xff\xff\xff",
        b"\0" * 5000,
    ],
)
def test_odd_profiles_are_ignored(profile: bytes) -> None:
    for image in (photo("flower", 5), photo("flower", 5).convert("CMYK"), photo("flower", 5).convert("L")):
        tagged = encode(image, "TIFF", icc_profile=profile)
        assert near(decoded(tagged), decoded(encode(image, "TIFF")), 30)


def test_phone_photo_is_decoded_under_a_memory_limit(tmp_path: Path) -> None:
    pillow_heif.register_heif_opener()
    image = photo("temple", 9, 256)
    data = encode(image, "HEIF", quality=95)
    assert data[4:12] == b"ftypheic"
    archive = write_zip(tmp_path / "a.zip", [("a/1.heic", data), ("a/2.jpg", data), ("a/3.heic", data[:900])])
    output = tmp_path / "out"
    output.touch()
    entries = inspect_archive(archive).entries
    with ReaderPool(PoolConfig([archive], output, ArchiveLimits(), n_workers=1)) as pool:
        answers = dict(answer for batch in pool.run(entries, 32) for answer in batch)
    first, second, damaged = (answers[i] for i in range(3))
    assert isinstance(first, Facts) and (first.width, first.format) == (256, "HEIF") and second == first
    assert isinstance(damaged, Refused) and damaged.kind in {"truncated", "not-an-image"}
    pixels = np.frombuffer(output.read_bytes()[: 32 * 32 * 3], np.uint8).reshape(32, 32, 3)
    assert near(pixels, np.asarray(image.resize((32, 32), Image.Resampling.BICUBIC)), 8)


def test_too_large_phone_photo_is_refused_from_its_header() -> None:
    pillow_heif.register_heif_opener()
    with pytest.raises(DecodeError) as caught:
        decode_image(encode(Image.new("RGB", (300, 200)), "HEIF"), 32, 50_000)
    assert caught.value.kind == "too-many-pixels"


def test_camera_and_format_are_told_and_nothing_of_the_place() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Model] = "Acme\0 ", "Acme  X1\x1b[2J" + "z" * 200
    exif[ExifTags.Base.GPSInfo] = {1: "N"}
    result = decode_image(encode(photo("flower", 1), exif=exif), 32, PIXELS)
    assert result.camera.startswith("Acme X1\\x1b[2Jzzz") and len(result.camera) == 80
    assert (result.format, result.mode, result.has_exif) == ("JPEG", "RGB", True)
    plain = decode_image(encode(photo("flower", 1).convert("L"), "PNG"), 32, PIXELS)
    assert (plain.format, plain.mode, plain.camera, plain.has_exif) == ("PNG", "L", "", False)
    damaged = encode(photo("flower", 1), exif=b"Exif\0\0MM\0*\0\0\xff\xff" + b"\xff" * 30)
    with warnings.catch_warnings(action="ignore"):
        assert decode_image(damaged, 32, PIXELS).camera == ""


def test_twelve_thousand_pixels_squared_are_refused_quickly() -> None:
    assert refusal(encode(Image.new("1", (12_000, 12_000)), "PNG")) == "too-many-pixels"


@pytest.mark.parametrize(
    "make",
    [
        lambda: encode(photo("flower", 3, 200), icc_profile=wide_gamut_profile()),
        lambda: encode(photo("flower", 3, 200), "PNG", icc_profile=wide_gamut_profile()),
        lambda: encode(photo("flower", 3, 200).convert("CMYK"), quality=95),
        lambda: encode(photo("flower", 3, 200).convert("L"), "PNG"),
        lambda: encode(photo("flower", 3, 200).convert("1"), "PNG"),
        lambda: encode(photo("flower", 3, 200).convert("P"), "PNG"),
        lambda: encode(
            Image.new("RGBA", (90, 50), (200, 10, 60, 90)), "PNG", icc_profile=wide_gamut_profile()
        ),
        lambda: encode(Image.fromarray(np.arange(4096, dtype=np.uint16).reshape(64, 64) * 16), "PNG"),
        lambda: encode(photo("flower", 3, 200), "TIFF", icc_profile=b"nonsense" * 50),
    ],
)
def test_the_exported_script_sees_the_same_pixels(tmp_path: Path, make: Callable[[], bytes]) -> None:
    path = tmp_path / "photo"
    path.write_bytes(make())
    assert (read_photo(path, 32) == decoded(path.read_bytes())).all()
