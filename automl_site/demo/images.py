"""The demo's image set: the handwritten digits that scikit-learn ships."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

from nas.data.public import sample_images

SOURCE = (
    "the 1,797 handwritten digits of scikit-learn (BSD-3-Clause), a copy of the test part of "
    "'Optical Recognition of Handwritten Digits' by E. Alpaydin and C. Kaynak, UCI (CC BY 4.0)"
)


def digit_images() -> Iterator[tuple[str, int, bytes]]:
    """Yields each digit as a PNG of 32x32 grey pixels.

    Yields:
        Name inside the archive (``"digits/7/0042.png"``), class (0-9) and the file's bytes.
    """
    for index, (picture, label) in enumerate(sample_images()):
        buffer = io.BytesIO()
        picture.save(buffer, format="PNG")
        yield f"digits/{label}/{index:04d}.png", label, buffer.getvalue()


def write_digits_zip(path: Path) -> int:
    """Writes the image set as a zip of class folders.

    Args:
        path: The archive to write; its folder exists.

    Returns:
        The number of images.
    """
    count = 0
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, _, data in digit_images():
            # A fixed date makes the archive the same on every run.
            archive.writestr(zipfile.ZipInfo(name, (2000, 1, 1, 0, 0, 0)), data)
            count += 1
    return count


def write_samples(directory: Path) -> list[tuple[int, Path]]:
    """Writes one image of each class as a file of its own.

    Args:
        directory: An existing folder.

    Returns:
        Class and file, ordered by class.
    """
    samples: dict[int, Path] = {}
    for _, label, data in digit_images():
        if label not in samples:
            samples[label] = directory / f"sample-{label}.png"
            samples[label].write_bytes(data)
    return sorted(samples.items())
