"""Any picture to an sRGB square: modes, bit depths, transparency and colour profiles.

Profiles are applied to the reduced square: the full picture would cost ten times the decoding.
"""

from __future__ import annotations

import io
import struct
from functools import lru_cache
from typing import Final

from PIL import Image, ImageCms

_MOST_PROFILE_BYTES: Final = 4_000_000
_SPACES: Final = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK"}


def to_srgb(image: Image.Image, side: int) -> Image.Image:
    """Squashes a loaded picture to side x side pixels of RGB.

    High bit depths are scaled (not clipped), transparency lies on white, a colour profile is converted; one
    that is broken, or made for another kind of picture, is ignored.
    """
    plain = _plain(image)
    profile = image.info.get("icc_profile")
    transform = None
    if isinstance(profile, bytes) and 128 < len(profile) <= _MOST_PROFILE_BYTES:
        transform = _transform_of(profile, plain.mode)
    if transform is None and plain.mode == "CMYK":
        plain = plain.convert("RGB")
    square = plain.resize((side, side), Image.Resampling.BICUBIC, reducing_gap=3.0)
    if transform is not None:
        square = ImageCms.applyTransform(square, transform) or square
    return square if square.mode == "RGB" else square.convert("RGB")


def _plain(image: Image.Image) -> Image.Image:
    """The picture as RGB, or as L or CMYK, whose profiles speak of these."""
    if image.mode in ("RGB", "L", "CMYK") and "transparency" not in image.info:
        return image
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _scale_deep(image)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGB", image.size, (255, 255, 255))
        white.paste(rgba, mask=rgba.getchannel("A"))
        return white
    return image.convert("L") if image.mode == "1" else image.convert("RGB")


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


@lru_cache(maxsize=16)
def _transform_of(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From the profile to sRGB; None when there is nothing to convert, or nothing that makes sense."""
    if _SPACES.get(profile[16:20]) != mode or _is_srgb(profile):
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
    except Exception:  # what is odd in a profile must not cost the picture
        return None


def _is_srgb(profile: bytes) -> bool:
    """Whether the description in the profile (tag ``desc``) says sRGB, in ASCII or UTF-16."""
    (n_tags,) = struct.unpack_from(">L", profile, 128) if len(profile) >= 132 else (0,)
    for i in range(min(n_tags, 100)):
        entry = profile[132 + 12 * i : 144 + 12 * i]
        if len(entry) == 12 and entry.startswith(b"desc"):
            _, at, size = struct.unpack(">4sLL", entry)
            text = profile[at : at + min(size, 500)]
            return b"sRGB" in text or "sRGB".encode("utf-16-be") in text
    return False
