import numpy as np
import pytest

from nas.data.cache import ImageCache
from nas.errors import EvaluationError
from nas.evaluators.first_model import train_first_model
from nas.training import evaluate


def test_the_first_model_is_one_network_that_recognises_photos(photo_cache: ImageCache) -> None:
    model = train_first_model(photo_cache, 64)
    assert model.evaluation.accuracy > 0.7
    assert model.details["images_per_second"] > 0
    again = evaluate(model.module, photo_cache, photo_cache.indices("val"), 64)
    np.testing.assert_allclose(again.probabilities, model.evaluation.probabilities, atol=1e-4)


def test_mirrored_photos_are_told_apart_from_mirrored_digits(
    photo_cache: ImageCache, digit_cache: ImageCache
) -> None:
    assert train_first_model(photo_cache, 64).details["flip_ok"] is True
    digits = train_first_model(digit_cache, 64)
    assert digits.evaluation.accuracy > 0.6
    assert digits.details["flip_ok"] is False


def test_no_images_are_an_error_in_a_sentence(photo_cache: ImageCache) -> None:
    class Empty(ImageCache):
        def indices(self, split):
            return super().indices(split)[:0]

    with pytest.raises(EvaluationError, match="Too few images"):
        train_first_model(Empty.open(photo_cache.directory), 64)
