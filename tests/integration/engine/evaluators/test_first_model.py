import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from nas.data.cache import ImageCache
from nas.data.importer import import_archive
from nas.errors import EvaluationError
from nas.evaluators.first_model import train_first_model
from nas.training import evaluate
from tests.images import digits_zip, encode, write_zip


def sided_digits(directory: Path) -> ImageCache:
    """Digits and other digits in a mirror, as classes of their own: here a mirror changes the class."""
    files = []
    with zipfile.ZipFile(digits_zip(directory / "digits.zip", n_per_class=80, digits=(4, 7))) as archive:
        for i, name in enumerate(archive.namelist()):
            image = Image.open(io.BytesIO(archive.read(name)))
            label, file = name.split("/")
            if i % 2:
                label, image = f"{label} mirrored", ImageOps.mirror(image)
            files.append((f"{label}/{file}", encode(image, "PNG")))
    import_archive(write_zip(directory / "sided.zip", files), directory / "cache", seed=0)
    return ImageCache.open(directory / "cache")


def test_the_first_model_is_one_network_that_recognises_photos(photo_cache: ImageCache) -> None:
    model = train_first_model(photo_cache, 64)
    assert model.evaluation.accuracy > 0.7
    assert model.details["images_per_second"] > 0
    again = evaluate(model.module, photo_cache, photo_cache.indices("val"), 64)
    np.testing.assert_allclose(again.probabilities, model.evaluation.probabilities, atol=1e-4)


def test_photos_may_be_mirrored_and_classes_with_a_side_may_not(
    photo_cache: ImageCache, tmp_path: Path
) -> None:
    assert train_first_model(photo_cache, 64).details["flip_ok"] is True
    sided = train_first_model(sided_digits(tmp_path), 64)
    assert sided.evaluation.accuracy > 0.6
    assert sided.details["flip_ok"] is False


def test_no_images_are_an_error_in_a_sentence(photo_cache: ImageCache) -> None:
    class Empty(ImageCache):
        def indices(self, split):
            return super().indices(split)[:0]

    with pytest.raises(EvaluationError, match="Too few images"):
        train_first_model(Empty.open(photo_cache.directory), 64)
