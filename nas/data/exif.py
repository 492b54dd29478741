"""What EXIF says about a photo: how it is turned, and which camera took it. Never where."""

from __future__ import annotations

from typing import Final

from PIL import ExifTags, Image

from nas.data.names import printable

_ROTATIONS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SOURCES: Final = ("exif", "Raw profile type exif", "XML:com.adobe.xmp", "xmp")
_MOST_CAMERA: Final = 80
_TELLING: Final = (
    ExifTags.Base.Make, ExifTags.Base.Model, ExifTags.Base.Orientation, ExifTags.Base.DateTime,
    ExifTags.Base.ExifOffset, ExifTags.Base.GPSInfo,
)  # fmt: skip


def exif_of(image: Image.Image) -> Image.Exif | None:
    """The EXIF data of a loaded image; None without any, or when they are damaged."""
    if image.format != "TIFF" and not any(key in image.info for key in _SOURCES):
        return None
    try:
        exif = image.getexif()
        return exif if len(exif) else None
    except Exception:  # damaged blocks raise nearly every type; the picture is none the worse for it
        return None


def rotation_of(exif: Image.Exif | None) -> Image.Transpose | None:
    """How the picture must be turned to stand upright."""
    try:
        return _ROTATIONS.get(exif.get(ExifTags.Base.Orientation, 1)) if exif is not None else None
    except Exception:
        return None


def camera_of(exif: Image.Exif | None, format: str | None) -> tuple[str, bool]:
    """(make and model, whether there are EXIF data); every TIFF has tags, which alone count as none."""
    if exif is None:
        return "", False
    try:
        words = [str(exif.get(tag, "")).strip() for tag in (ExifTags.Base.Make, ExifTags.Base.Model)]
        has_exif = format != "TIFF" or any(tag in exif for tag in _TELLING)
    except Exception:
        return "", True
    make, model = (" ".join(word.replace("\0", "").split()) for word in words)
    name = model if model.startswith(make) else f"{make} {model}"
    return printable(name.strip())[:_MOST_CAMERA], has_exif
