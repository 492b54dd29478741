from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from nas.data.cache import ImageCache
from nas.data.importer import import_archive
from nas.evaluators.base import ParentWeights
from nas.evaluators.cross_validation import CrossValidation, load_out_of_fold, save_out_of_fold
from nas.evaluators.first_model import Probe, train_first_model
from nas.evaluators.short_training import ShortTraining
from nas.hardware.latency import LatencyMeter
from nas.spaces.lite import lite0_architecture
from tests.images import photo_zip

SIDE = 64


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> ImageCache:
    root = tmp_path_factory.mktemp("tiny")
    photo_zip(root / "photos.zip", n_per_class=8)
    import_archive(root / "photos.zip", root / "cache", seed=0)
    return ImageCache.open(root / "cache")


def test_the_first_model_is_judged_by_heads_that_never_saw_a_photo(cache: ImageCache, tmp_path: Path):
    n = len(cache.indices("train")) + len(cache.indices("val"))
    model = train_first_model(cache, SIDE, n_folds=3)
    assert len(model.judged) == 3
    assert len(model.evaluation.labels) == n
    plain = train_first_model(cache, SIDE)
    width = model.evaluation.accuracy_high - model.evaluation.accuracy_low
    assert width < plain.evaluation.accuracy_high - plain.evaluation.accuracy_low
    save_out_of_fold(tmp_path / "a.safetensors", model.evaluation)
    kept = load_out_of_fold(tmp_path / "a.safetensors")
    assert kept is not None
    assert np.array_equal(kept.labels, model.evaluation.labels)
    assert load_out_of_fold(tmp_path / "b.safetensors") is None


def test_a_fold_begins_without_what_the_held_out_photos_would_teach(cache: ImageCache):
    evaluator = CrossValidation(ShortTraining(cache, LatencyMeter()), 2)
    probe = Probe(cache, SIDE)
    train, held = evaluator.parts[0]
    seen_all = probe.parent(probe.rows)  # a parent that has learnt from every photo
    start = evaluator._start(lite0_architecture(SIDE), seen_all, train, pretrained=False)
    assert start is not None
    assert not torch.equal(start.state["classifier.weight"], seen_all.state["classifier.weight"])
    assert torch.equal(start.state["classifier.weight"], probe.parent(train).state["classifier.weight"])
    assert not set(train) & set(held)


def test_folds_are_trained_once_and_the_kept_network_after_them(cache: ImageCache, tmp_path: Path):
    evaluator = CrossValidation(ShortTraining(cache, LatencyMeter()), 2)
    first = train_first_model(cache, SIDE)
    parent = ParentWeights(first.architecture, first.module.state_dict())
    polls = 0

    def late() -> bool:
        nonlocal polls
        polls += 1
        return polls == 4  # the slice ends once, somewhere in the folds

    def evaluate() -> object:
        return evaluator.evaluate(
            lite0_architecture(SIDE),
            seconds=1.0,
            seed=0,
            parent=parent,
            checkpoint=tmp_path / "one.safetensors",
            should_stop=late,
            keep_interrupted=lambda: False,
        )

    result = evaluate() or evaluate()
    assert result is not None
    found = result  # type: ignore[assignment] # an Evaluated
    assert found.details["folds"] == 2
    assert found.details["judged_on"] == len(np.concatenate([held for _, held in evaluator.parts]))
    assert found.metrics.accuracy == pytest.approx(found.out_of_fold.accuracy)
    assert found.metrics.latency_ms > 0.0
    assert found.seconds > 0.0
    assert not list(tmp_path.glob("*.npz"))
