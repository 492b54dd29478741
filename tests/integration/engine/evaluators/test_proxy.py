"""The evaluator that does not train, on real photos."""

from __future__ import annotations

import json

import pytest

from nas.data.cache import ImageCache
from nas.errors import EvaluationError
from nas.evaluators.base import ParentWeights
from nas.evaluators.proxy import ProxyEvaluator
from nas.evaluators.short_training import ShortTraining
from nas.hardware.latency import LatencyMeter
from nas.networks import count_macs, count_params
from nas.proxies import PROXIES
from tests.unit.networks.architectures import every_feature, tiny


@pytest.fixture(scope="module")
def training(photo_cache: ImageCache) -> ShortTraining:
    return ShortTraining(photo_cache, LatencyMeter())


@pytest.mark.parametrize("proxy", PROXIES)
def test_a_score_depends_on_network_and_seed_alone(training: ShortTraining, proxy: str) -> None:
    evaluator = ProxyEvaluator(training, proxy)
    score = evaluator.score(tiny(), seed=1)
    assert score is not None and score == evaluator.score(tiny(), seed=1)
    assert score != evaluator.score(every_feature(), seed=1)
    assert (score == evaluator.score(tiny(), seed=2)) == (proxy in ("params", "macs"))


def test_a_score_is_labelled_and_never_stands_as_the_accuracy(training: ShortTraining) -> None:
    evaluator = ProxyEvaluator(training, "synflow")
    result = evaluator.evaluate(tiny(), seconds=60.0, seed=1)
    assert result.details["initialisation"] == "untrained" and result.seconds < 60.0
    assert result.details["proxy"]["score"] == evaluator.score(tiny(), seed=1)
    assert "not an accuracy" in result.details["proxy"]["meaning"]
    assert (
        0.0 <= result.metrics.accuracy <= 1.0 and result.metrics.accuracy != result.details["proxy"]["score"]
    )
    assert result.metrics.macs == count_macs(result.module, 32)
    assert result.metrics.n_params == count_params(result.module) and result.metrics.latency_ms > 0
    json.dumps(result.details)


def test_inherited_weights_are_refused_in_a_sentence(training: ShortTraining) -> None:
    evaluator = ProxyEvaluator(training, "synflow")
    weights = ParentWeights(tiny(), training.fresh(tiny(), 0).state_dict())
    for inherited in ({"parent": weights}, {"pretrained": True}):
        with pytest.raises(
            EvaluationError, match="says nothing about a network with inherited weights; take"
        ):
            evaluator.evaluate(tiny(), seconds=1.0, seed=0, **inherited)
