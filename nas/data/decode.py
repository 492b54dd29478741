"""Bytes of one file -> a small RGB square. Runs only in the import's child processes.

The same rules stand in the exported ``predict.py``: EXIF rotation applied, alpha on white, 16 bits scaled,
first frame, colour profiles ignored, squashed (never cropped) to the square.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import Any, Final

from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError

# Only formats whose decoders are in Pillow itself: no EPS (starts Ghostscript), no PDF, no SVG.
Image.init()  # registers all formats; AVIF is missing in some builds
FORMATS: Final = tuple(
    name for name in ("JPEG", "MPO", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "AVIF") if name in Image.OPEN
)
MIN_SIDE: Final = 4
Image.MAX_IMAGE_PIXELS = None  # judged by `_open` from the header, with our own limit
ImageFile.LOAD_TRUNCATED_IMAGES = False

_ROTATIONS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SWAPS: Final = frozenset({_ROTATIONS[5], _ROTATIONS[6], _ROTATIONS[7], _ROTATIONS[8]})


class DecodeError(Exception):
    """The image is refused; `kind` and `details` name the finding."""

    def __init__(self, kind: str, **details: Any) -> None:
        """Names the finding and the values for its sentence."""
        super().__init__(kind)
        self.kind = kind
        self.details = details


@dataclass(frozen=True)
class Decoded:
    """One image that can be used.

    Attributes:
        pixels: cache_size * cache_size * 3 bytes, RGB, row by row.
        width: Width in pixels as seen (after EXIF rotation).
        height: Height in pixels as seen.
        animated: True when there are more frames than the one used.
    """

    pixels: bytes
    width: int
    height: int
    animated: bool


def image_size(data: bytes, max_pixels: int) -> tuple[int, int]:
    """(width, height) from the header alone; the same refusals as `decode_image` up to there."""
    with _open(data, max_pixels) as image:
        return image.size


def decode_image(data: bytes, cache_size: int, max_pixels: int) -> Decoded:
    """Verifies and decodes one file.

    Args:
        data: Its bytes.
        cache_size: Side of the square in pixels.
        max_pixels: Limit of width x height.

    Raises:
        DecodeError: Not an image, damaged, too large or too small.
    """
    with _open(data, max_pixels) as image:
        animated = image.format != "MPO" and bool(getattr(image, "is_animated", False))
        size = image.size
        try:
            if image.format in ("JPEG", "MPO"):
                # The JPEG decoder itself scales by 1/2, 1/4 or 1/8, never below the square: much faster.
                image.draft("RGB", (cache_size, cache_size))
            image.load()
            rotation = _rotation(image)
            square = _to_rgb(image).resize(
                (cache_size, cache_size), Image.Resampling.BICUBIC, reducing_gap=3.0
            )
            if rotation is not None:
                square = square.transpose(rotation)
        except MemoryError as error:
            raise DecodeError("memory") from error
        except Exception as error:  # Pillow's decoders raise nearly every type on hostile bytes
            raise DecodeError("truncated") from error
    if rotation in _SWAPS:
        size = (size[1], size[0])
    return Decoded(square.tobytes(), size[0], size[1], animated)


def _open(data: bytes, max_pixels: int) -> Image.Image:
    """Opens by content, whatever the name says, and judges the size in the header."""
    if not data:
        raise DecodeError("empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as error:
        kind = "truncated" if data.startswith((b"\xff\xd8\xff", b"\x89PNG", b"GIF8")) else "not-an-image"
        raise DecodeError(kind, looks=_looks_like(data)) from error
    except MemoryError as error:
        raise DecodeError("memory") from error
    except Exception as error:
        raise DecodeError("truncated") from error
    width, height = image.size
    if width * height > max_pixels:
        raise DecodeError("too-many-pixels", width=width, height=height, limit=max_pixels // 1_000_000)
    if min(width, height) < MIN_SIDE:
        raise DecodeError("too-small", width=width, height=height)
    return image


def _rotation(image: Image.Image) -> Image.Transpose | None:
    """How the EXIF orientation asks to turn the picture; a damaged block asks nothing."""
    try:
        return _ROTATIONS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:
        return None


def _to_rgb(image: Image.Image) -> Image.Image:
    """Any mode to RGB: high bit depths scaled (not clipped), transparency on white."""
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _scale_deep(image).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGB", image.size, (255, 255, 255))
        white.paste(rgba, mask=rgba.getchannel("A"))
        return white
    return image.convert("RGB")


def _scale_deep(image: Image.Image) -> Image.Image:
    """16-bit by 255/65535; 32-bit and float images, whose range is not fixed, by what they hold."""
    deep = image.convert("F")
    low, high = 0.0, 65535.0
    if not image.mode.startswith("I;16"):
        extrema = deep.getextrema()
        lowest, highest = float(extrema[0]), float(extrema[1])  # type: ignore[arg-type]
        if image.mode == "F" or lowest < 0 or highest > high:
            low, high = lowest, highest
    scale = 255.0 / (high - low) if high > low else 0.0
    return deep.point(lambda value: value * scale + (0.5 - low * scale)).convert("L")


def _looks_like(data: bytes) -> str:
    """What the first bytes resemble, in words for the user."""
    head = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    known: tuple[tuple[tuple[bytes, ...], str], ...] = (
        ((b"<svg",), "an SVG drawing"),
        ((b"<!doctype html", b"<html", b"<script"), "a web page (HTML)"),
        ((b"%pdf",), "a PDF document"),
        ((b"pk\x03\x04", b"rar!", b"7z\xbc\xaf", b"\x1f\x8b"), "an archive"),
    )
    for starts, words in known:
        if head.startswith(starts):
            return words
    if b"<svg" in head:
        return "an SVG drawing"
    if data[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftyphevc"):
        return "a HEIC photo"
    if data[4:8] == b"ftyp":
        return "a video"
    if head and all(byte >= 32 or byte in b"\t\r\n" for byte in head):
        return "a text file"
    return "a file of an unknown kind"
