"""What is known of judged photos beside their pixels' content: light, sharpness, colour, size, origin.

Kept as `<work directory>/evaluation/photos-<part>.npz`, once for all models of a run. Module without torch.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from nas.checks.quality import measure
from nas.checks.subject import Subject
from nas.data.cache import ImageCache, iterate_index
from nas.errors import EvaluationError
from nas.evaluation.predictions import DIRECTORY, Ints, Part
from nas.files import write_atomically

Floats = npt.NDArray[np.float32]
Texts = npt.NDArray[np.str_]

SECONDS_A_PHOTO: Final = 0.004
"""More than a photo of 224 pixels takes: 0.0017 were measured on one core, without reading it."""
_PIXELS_OF_A_BLOCK: Final = 4_000_000
_LONGEST_TEXT: Final = 80  # of a folder or camera; an array of text is as wide as its longest


@dataclass(frozen=True)
class PhotoFacts:
    """One value a photo, N photos.

    Attributes:
        rows: (N,) rows in the image cache, ascending.
        light: (N,) mean luminance, 0 (black) to 1.
        sharpness: (N,) see `nas.checks.quality.edge_sharpness`; NaN where it cannot be told.
        colour: (N,) mean over pixels of largest minus smallest channel, 0 (grey) to 1.
        widths: (N,) of the originals in pixels.
        heights: (N,) of the originals in pixels.
        formats: (N,) file format such as `JPEG`; empty where unknown.
        folders: (N,) first folder of the path where a class folder follows it; else empty.
        cameras: (N,) camera by the photo's EXIF data; empty where unknown.
    """

    rows: Ints
    light: Floats
    sharpness: Floats
    colour: Floats
    widths: Ints
    heights: Ints
    formats: Texts
    folders: Texts
    cameras: Texts

    def __len__(self) -> int:
        """Number of photos."""
        return len(self.rows)


def photos_file(workdir: Path, part: Part) -> Path:
    """Returns where the facts of the judged photos of a run are kept."""
    return workdir / DIRECTORY / f"photos-{part}.npz"


def measure_photos(
    cache: ImageCache, rows: Ints, tell: Callable[[str, int, int], None] | None = None
) -> PhotoFacts:
    """Measures photos.

    Args:
        cache: Where they are.
        rows: (N,) their rows, ascending.
        tell: Called with (stage, done, total).
    """
    wanted = set(rows.tolist())
    index = [line for row, line in enumerate(iterate_index(cache.directory)) if row in wanted]
    subject = Subject(
        cache=cache,
        rows=rows,
        labels=cache.labels[rows],
        groups=np.full(len(rows), -1, dtype=np.int64),
        index=index,
        tell=tell or (lambda _stage, _done, _total: None),
        should_stop=lambda: False,
    )
    measures = measure(subject)
    return PhotoFacts(
        rows=rows,
        light=measures.mean,
        sharpness=measures.sharpness,
        colour=_colour(subject),
        widths=cache.sizes[rows, 0].astype(np.int64),
        heights=cache.sizes[rows, 1].astype(np.int64),
        formats=_texts(line.get("format") or "" for line in index),
        folders=_texts(_folder(str(line.get("path") or "")) for line in index),
        cameras=_texts(line.get("camera") or "" for line in index),
    )


def _colour(subject: Subject) -> Floats:
    colour = np.zeros(len(subject), dtype=np.float32)
    size = max(1, _PIXELS_OF_A_BLOCK // subject.cache.cache_size**2)
    for part, pixels in subject.blocks(np.arange(len(subject)), size, "Looking at colours"):
        red, green, blue = pixels[..., 0], pixels[..., 1], pixels[..., 2]
        spread = np.maximum(np.maximum(red, green), blue) - np.minimum(np.minimum(red, green), blue)
        colour[part] = spread.mean(axis=(1, 2)) / 255
    return colour


def _folder(path: str) -> str:
    parts = path.split("/")
    return parts[0] if len(parts) > 2 else ""


def _texts(values: Any) -> Texts:
    return np.array([str(value)[:_LONGEST_TEXT] for value in values], dtype=np.str_)


def save_photos(path: Path, facts: PhotoFacts) -> None:
    """Writes facts in one piece; the directory is made."""
    buffer = io.BytesIO()
    np.savez(buffer, **{one.name: getattr(facts, one.name) for one in fields(facts)})
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, buffer.getvalue())


def load_photos(path: Path) -> PhotoFacts:
    """Reads facts.

    Raises:
        FileNotFoundError: If there are none.
        EvaluationError: If the file is damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            facts = PhotoFacts(**{one.name: archive[one.name] for one in fields(PhotoFacts)})
        if any(getattr(facts, one.name).shape != facts.rows.shape for one in fields(facts)):
            raise ValueError(path)
    except FileNotFoundError:
        raise
    except (OSError, KeyError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise EvaluationError("What was measured of the photos is damaged. Measure them again.") from error
    return facts
