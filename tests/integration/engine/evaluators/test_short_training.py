import json
import random
from dataclasses import replace

import pytest
import torch

from nas.architecture import MBConvArchitecture, Stage, TimmArchitecture
from nas.cost import macs
from nas.data.cache import ImageCache
from nas.errors import EvaluationError
from nas.evaluators.base import ParentWeights, Recipe
from nas.evaluators.short_training import ShortTraining
from nas.hardware.latency import LatencyMeter
from nas.networks import count_macs, count_params
from nas.spaces import make_space
from nas.spaces.lite import lite0_architecture
from tests.unit.networks.architectures import lite0, tiny


@pytest.fixture(scope="module")
def evaluator(photo_cache: ImageCache) -> ShortTraining:
    return ShortTraining(photo_cache, LatencyMeter())


def test_the_tests_use_the_lite0_of_the_search_space() -> None:
    assert lite0(128) == lite0_architecture(128)


def test_a_candidate_is_trained_measured_and_counted(evaluator: ShortTraining) -> None:
    result = evaluator.evaluate(tiny(), seconds=2.0, seed=0)
    assert result is not None
    metrics = result.metrics
    assert metrics.accuracy_low <= metrics.accuracy <= metrics.accuracy_high
    assert metrics.n_params == count_params(result.module) and metrics.macs == count_macs(result.module, 32)
    assert metrics.latency_p95_ms >= metrics.latency_ms > 0 and metrics.size_bytes > metrics.n_params
    assert result.details["initialisation"] == "from scratch" and result.details["steps"] > 0
    assert result.seconds > result.details["training_seconds"] >= 1.8
    json.dumps(result.details)


def test_inherited_weights_survive_a_short_training(evaluator: ShortTraining) -> None:
    parent = evaluator.evaluate(tiny(), seconds=8.0, seed=0)
    assert parent is not None
    weights = ParentWeights(tiny(), parent.module.state_dict())
    same = evaluator.evaluate(tiny(), seconds=1.0, seed=1, parent=weights, recipe=Recipe(learning_rate=1e-4))
    assert same is not None and same.details["initialisation"] == "inherited"
    assert same.metrics.accuracy >= parent.metrics.accuracy - 0.1
    stages = list(tiny().stages)
    stages[1] = replace(stages[1], expansion=2, depth=1)
    smaller = replace(tiny(), stages=tuple(stages))
    pruned = evaluator.evaluate(smaller, seconds=1.0, seed=1, parent=weights)
    assert pruned is not None and "cropped" in pruned.details["inheritance"]
    assert pruned.metrics.macs < same.metrics.macs


@pytest.mark.parametrize("name", ["nasbench201", "cell"])
def test_a_network_of_cells_is_trained_measured_and_trained_further(
    evaluator: ShortTraining, name: str
) -> None:
    space = make_space(name, max_resolution=28)
    architecture = space.decode(space.sample(random.Random(4)))
    first = evaluator.evaluate(architecture, seconds=1.5, seed=0)
    assert first is not None and first.details["initialisation"] == "from scratch"
    assert first.metrics.macs == macs(architecture, evaluator.cache.n_classes)
    assert first.metrics.latency_ms > 0
    weights = ParentWeights(architecture, first.module.state_dict())
    start = evaluator._initialise(architecture, 1, weights, False)
    assert start[1] == "inherited"
    for key, value in weights.state.items():
        assert torch.equal(start[0].state_dict()[key], value)
    other = space.decode(space.sample(random.Random(5)))
    assert evaluator._initialise(other, 1, weights, False)[1] == "from scratch"


def test_the_same_seed_starts_from_the_same_weights(evaluator: ShortTraining) -> None:
    def start(seed: int) -> torch.Tensor:
        module = evaluator._initialise(tiny(), seed, None, False)[0]
        return module.state_dict()["conv_stem.weight"].clone()

    assert torch.equal(start(1), start(1)) and not torch.equal(start(1), start(2))


def test_imagenet_weights_are_taken_when_asked_for(evaluator: ShortTraining) -> None:
    result = evaluator.evaluate(lite0(64), seconds=1.0, seed=0, pretrained=True)
    assert result is not None and result.details["initialisation"] == "ImageNet"


def test_an_interrupted_evaluation_goes_on_or_is_kept(evaluator: ShortTraining, tmp_path) -> None:
    path = tmp_path / "c.safetensors"
    left = iter([False, False])
    stop = lambda: next(left, True)  # noqa: E731
    options = {"seconds": 2.0, "seed": 3, "checkpoint": path}
    assert evaluator.evaluate(tiny(), should_stop=stop, keep_interrupted=lambda: False, **options) is None
    assert path.exists()
    result = evaluator.evaluate(tiny(), should_stop=lambda: True, keep_interrupted=lambda: True, **options)
    assert result is not None and result.details["steps"] == 2 and result.details["interrupted"]
    result = evaluator.evaluate(tiny(), **options)
    assert result is not None and result.details["steps"] > 2 and not result.details["interrupted"]


def test_a_baseline_by_name_trains_from_scratch(evaluator: ShortTraining) -> None:
    result = evaluator.evaluate(
        TimmArchitecture(32, "mobilenetv3_small_100"), seconds=1.0, seed=0, pretrained=True
    )
    assert result is not None and result.details["initialisation"] == "from scratch"


def test_what_cannot_be_built_is_an_evaluation_error(evaluator: ShortTraining) -> None:
    wrong = MBConvArchitecture(32, 8, 8, (Stage("ir", 4, 3, 0.0, 1, 8, 1),))
    with pytest.raises(EvaluationError, match="odd kernel"):
        evaluator.evaluate(wrong, seconds=1.0, seed=0)
