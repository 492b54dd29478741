"""Bytes of one file -> a small RGB square. Runs only in the import's child processes.

The same rules stand in the exported ``predict.py``: EXIF rotation applied, alpha on white, 16 bits scaled,
first frame, colour profiles converted to sRGB, squashed (never cropped) to the square.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, Final

from PIL import Image, ImageFile, UnidentifiedImageError

from nas.data.colours import to_srgb
from nas.data.exif import camera_of, exif_of, rotation_of

# Only formats whose decoders are in Pillow itself: no EPS (starts Ghostscript), no PDF, no SVG.
Image.init()  # registers all formats; AVIF is missing in some builds
FORMATS: Final = tuple(
    name for name in ("JPEG", "MPO", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "AVIF") if name in Image.OPEN
)
_BY_START: Final = (
    (b"\x89PNG", ("PNG",)), (b"\xff\xd8\xff", ("JPEG", "MPO")), (b"GIF8", ("GIF",)), (b"RIFF", ("WEBP",)),
    (b"BM", ("BMP",)),
)  # fmt: skip
_HEIC_BRANDS: Final = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1", b"mif2")
_SWAPS: Final = frozenset(
    {Image.Transpose.TRANSPOSE, Image.Transpose.TRANSVERSE, Image.Transpose.ROTATE_90,
     Image.Transpose.ROTATE_270}
)  # fmt: skip
MIN_SIDE: Final = 4
Image.MAX_IMAGE_PIXELS = None  # judged by `_open` from the header, with our own limit
ImageFile.LOAD_TRUNCATED_IMAGES = False


class DecodeError(Exception):
    """The image is refused; `kind` and `details` name the finding."""

    def __init__(self, kind: str, **details: Any) -> None:
        """Names the finding and the values for its sentence."""
        super().__init__(kind)
        self.kind = kind
        self.details = details


@dataclass(frozen=True, slots=True)
class Decoded:
    """One image that can be used.

    Attributes:
        pixels: cache_size * cache_size * 3 bytes, RGB, row by row.
        width: Width in pixels as seen (after EXIF rotation).
        height: Height in pixels as seen.
        animated: True when there are more frames than the one used.
        format: What its content is, e.g. ``"JPEG"``.
        mode: Pillow's mode before the conversion, e.g. ``"RGB"``.
        camera: Make and model by EXIF, or "".
        has_exif: Whether it holds EXIF data.
    """

    pixels: bytes
    width: int
    height: int
    animated: bool
    format: str
    mode: str
    camera: str
    has_exif: bool


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
        width, height = image.size
        mode = image.mode
        try:
            if image.format in ("JPEG", "MPO"):
                # The JPEG decoder itself scales by 1/2, 1/4 or 1/8, never below the square: much faster.
                image.draft("RGB", (cache_size, cache_size))
            image.load()
            exif = exif_of(image)
            rotation = rotation_of(exif)
            square = to_srgb(image, cache_size)
            if rotation is not None:
                square = square.transpose(rotation)
        except MemoryError as error:
            raise DecodeError("memory") from error
        except Exception as error:  # Pillow's decoders raise nearly every type on hostile bytes
            raise DecodeError("truncated") from error
        camera, has_exif = camera_of(exif, image.format)
    if rotation in _SWAPS:
        width, height = height, width
    name = image.format or ""
    return Decoded(square.tobytes(), width, height, animated, name, mode, camera, has_exif)


def _open(data: bytes, max_pixels: int) -> Image.Image:
    """Opens by content, whatever the name says, and judges the size in the header."""
    if not data:
        raise DecodeError("empty")
    try:
        image = Image.open(io.BytesIO(data), formats=_formats_of(data))
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


def _formats_of(data: bytes) -> tuple[str, ...]:
    """The decoders to try: the one for the first bytes, which saves trying all others first."""
    if data[4:8] == b"ftyp" and data[8:12] in _HEIC_BRANDS:
        return (*FORMATS, *_heic())
    return next((names for start, names in _BY_START if data.startswith(start)), FORMATS)


def _heic() -> tuple[str, ...]:
    """The decoder of phone photos, loaded with the first of them: it would slow down every start."""
    if "HEIF" not in Image.OPEN:
        import pillow_heif

        pillow_heif.options.DECODE_THREADS = 1  # each would take address space of its own
        pillow_heif.register_heif_opener()
    return ("HEIF",)


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
    if data[4:8] == b"ftyp":
        return "a damaged HEIC photo" if data[8:12] in _HEIC_BRANDS else "a video"
    if head and all(byte >= 32 or byte in b"\t\r\n" for byte in head):
        return "a text file"
    return "a file of an unknown kind"
