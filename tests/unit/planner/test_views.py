from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.data.cache import ImageCache
from nas.data.importer import import_archive
from nas.data.views import folds, sampled, stratified
from nas.errors import SealedTestError
from nas.phases.planning import facts_of_cache
from tests.images import photo_zip


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> ImageCache:
    root = tmp_path_factory.mktemp("views")
    photo_zip(root / "photos.zip", n_per_class=12)
    import_archive(root / "photos.zip", root / "cache", seed=0)
    return ImageCache.open(root / "cache")


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60))
def test_a_sample_holds_every_class_and_the_smaller_samples(cache: ImageCache, wanted: int):
    rows = cache.indices("train")
    found = stratified(cache, rows, wanted)
    assert set(found) <= set(rows)
    assert min(wanted, len(rows)) <= len(found) <= min(len(rows), wanted + cache.n_classes)
    assert set(cache.labels[found]) == set(cache.labels[rows])
    assert set(stratified(cache, rows, max(1, wanted // 2))) <= set(found)


def test_a_view_is_another_division_with_another_hash_and_the_same_pixels(cache: ImageCache):
    view = sampled(cache, 6, None)
    assert len(view.indices("train")) < len(cache.indices("train"))
    assert np.array_equal(view.indices("val"), cache.indices("val"))
    assert view.content_hash != cache.content_hash
    assert view.content_hash == sampled(cache, 6, None).content_hash
    assert view.images is cache.images
    assert sampled(cache, None, None) is cache
    with pytest.raises(SealedTestError):
        view.indices("test")  # type: ignore[arg-type] # what a caller must not ask


@pytest.mark.parametrize("n", [2, 3, 5])
def test_folds_hold_out_each_row_once_and_spread_the_classes(cache: ImageCache, n: int):
    parts = folds(cache, n)
    everything = np.sort(np.concatenate([cache.indices("train"), cache.indices("val")]))
    assert np.array_equal(np.sort(np.concatenate([held for _, held in parts])), everything)
    for train, held in parts:
        assert not set(train) & set(held)
        assert np.array_equal(np.sort(np.concatenate([train, held])), everything)
        counts = [np.bincount(cache.labels[held], minlength=cache.n_classes)]
        shares = np.bincount(cache.labels[everything]) / n
        assert np.all(np.abs(counts - shares) <= 1.0)


def test_facts_of_photos_never_count_the_sealed_ones_by_opening_them(cache: ImageCache):
    facts = facts_of_cache(cache, 100.0)
    assert facts.n_images == cache.n_used
    assert facts.n_test > 0
    assert not facts.grey
    assert not facts.speed_measured
