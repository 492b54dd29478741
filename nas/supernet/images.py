"""Images without labels, as an image cache whose one part is for training."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

from nas.data.archive import ArchiveLimits
from nas.data.cache import IMAGES_FILE, ImageCache
from nas.data.decode import DecodeError, decode_image
from nas.data.sources import Source, list_sources, open_reader
from nas.data.writing import write_index
from nas.errors import DataError

_NO_LABEL = "images"


def unlabelled_cache(data: Path, directory: Path, *, side: int) -> ImageCache:
    """Decodes every image of a folder or archive, whatever folders they lie in, and opens the cache.

    Files that are no images are passed over.

    Args:
        data: Folder, zip, tar or tar.gz.
        directory: Of the cache; opened as it is if it is there.
        side: Side of the stored squares in pixels.

    Raises:
        DataError: If there is no image in it.
    """
    if not directory.exists():
        directory.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
        try:
            _decode_all(data, work, side)
            work.rename(directory)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return ImageCache.open(directory)


def _decode_all(data: Path, work: Path, side: int) -> None:
    limits, sources = ArchiveLimits(), [Source(data, data.name)]
    listing = list_sources(sources, limits, scratch=work / "unpacked")
    index: list[dict[str, Any]] = []
    with open_reader(sources, listing) as read, (work / IMAGES_FILE).open("wb") as pixels:
        for entry in listing.entries:
            try:
                content = read(entry, limits.max_entry_bytes)
                image = decode_image(content, side, limits.max_pixels)
            except (DecodeError, DataError, OSError):
                continue
            pixels.write(image.pixels)
            digest = hashlib.sha256(content).hexdigest()
            facts = {"label": _NO_LABEL, "split": "train", "group": -1, "sha256": digest}
            size = {"width": image.width, "height": image.height}
            index.append({"row": len(index), "path": entry.path, **facts, **size})
    shutil.rmtree(work / "unpacked", ignore_errors=True)
    if not index:
        raise DataError(f"{data} holds no image that can be read. Name a folder or archive of images.")
    write_index(work, index, cache_size=side, seed=0)
