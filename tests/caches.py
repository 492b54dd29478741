"""Image caches of real photos and digits, imported once for all tests."""

import pytest

from nas.data.cache import ImageCache
from nas.data.importer import import_archive
from tests.images import digits_zip, photo_zip


@pytest.fixture(scope="session")
def photo_cache(tmp_path_factory: pytest.TempPathFactory) -> ImageCache:
    """Crops of two photos, four classes."""
    directory = tmp_path_factory.mktemp("photos")
    import_archive(photo_zip(directory / "photos.zip"), directory / "cache", seed=0, cache_size=64)
    return ImageCache.open(directory / "cache")


@pytest.fixture(scope="session")
def digit_cache(tmp_path_factory: pytest.TempPathFactory) -> ImageCache:
    """Handwritten digits, ten classes."""
    directory = tmp_path_factory.mktemp("digits")
    import_archive(digits_zip(directory / "digits.zip"), directory / "cache", seed=0)
    return ImageCache.open(directory / "cache")
