"""Statistics, equalisation, AdaRound and tuning: each does what it says, and helps."""

from __future__ import annotations

import copy

import pytest
import torch

from nas.data.cache import ImageCache
from nas.quantise.calibrate import Histograms, quantise
from nas.quantise.equalise import equalise
from nas.quantise.images import CalibrationImages
from nas.quantise.network import QuantNetwork, fold_network
from nas.quantise.norms import reestimate_statistics
from nas.quantise.rounding import RoundingConfig, round_adaptively
from nas.quantise.tuning import TuningConfig, tune
from tests.unit.export.test_graph import settled
from tests.unit.networks.architectures import every_feature
from tests.unit.quantise.conftest import Trained
from tests.unit.quantise.networks import divergence


@pytest.fixture
def coarse(in_float: QuantNetwork, histograms: Histograms) -> QuantNetwork:
    """So few bits that something is lost."""
    return quantise(in_float, histograms, "mse", weight_bits=3)


def channel_means(network: QuantNetwork, images: CalibrationImages) -> torch.Tensor:
    """Means of what each layer with a batch norm gives, before its activation, one long vector."""
    sums: dict[int, torch.Tensor] = {}
    with torch.no_grad():
        for x in images.batches():
            for step, inputs, _made in network.walk(x):
                if step.layer >= 0 and network.layers[step.layer].normed:
                    total = network.begin(step, inputs).mean(dim=(2, 3)).sum(dim=0)
                    sums[step.layer] = sums.get(step.layer, torch.zeros_like(total)) + total
    return torch.cat([sums[number] for number in sorted(sums)]) / len(images)


def integers(network: QuantNetwork) -> list[torch.Tensor]:
    return [(each.rounded_weight() / each.scale.view(-1, 1, 1, 1)).round() for each in network.layers]


def test_statistics_come_back_and_the_integers_stay(
    in_float: QuantNetwork, coarse: QuantNetwork, images: CalibrationImages
) -> None:
    wanted, before = channel_means(in_float, images), channel_means(coarse, images)
    whole, lost = integers(coarse), divergence(coarse, in_float, images)
    reestimate_statistics(coarse, in_float, images)
    after = channel_means(coarse, images)
    assert (after - wanted).abs().mean() < 0.2 * (before - wanted).abs().mean()
    assert all(torch.equal(a, b) for a, b in zip(integers(coarse), whole, strict=True))
    assert divergence(coarse, in_float, images) < lost


def test_equalising_evens_out_ranges_and_keeps_the_function_of_a_relu_network(
    in_float: QuantNetwork, images: CalibrationImages
) -> None:
    network = in_float.twin(simulated=False)
    for layer in network.layers:
        layer.activation = "relu" if layer.activation == "relu6" else layer.activation
    with torch.no_grad():  # one channel far louder than the others, which is what equalisation is for
        first, second, third = network.layers[3:6]
        assert second.is_depthwise
        first.weight[0] *= 50
        first.bias[0] *= 50
        second.weight[0] /= 50
        spread = first.weight.flatten(1).abs().amax(dim=1)
        before = network(images.first(32))
        done = equalise(network)
        after = first.weight.flatten(1).abs().amax(dim=1)
        torch.testing.assert_close(network(images.first(32)), before, rtol=1e-3, atol=1e-3)
    assert done.triples >= 3
    assert done.relu6_replaced == 0
    assert after.max() / after.min() < 0.2 * spread.max() / spread.min()
    r1, r2 = after, second.weight.flatten(1).abs().amax(dim=1)
    r3 = third.weight.abs().amax(dim=(0, 2, 3))
    torch.testing.assert_close(r1, r2, rtol=0.1, atol=0)  # the last layer has another neighbour, too
    assert (r3 / r2).log().abs().max() < 1.5
    head, classifier = network.layers[-2:]  # a pair, and the last one to be evened out
    assert done.pairs >= 1
    given, read = head.weight.flatten(1).abs().amax(dim=1), classifier.weight.abs().amax(dim=(0, 2, 3))
    torch.testing.assert_close(given, read, rtol=1e-3, atol=0)


def test_relu6_becomes_relu_only_where_two_layers_are_equalised_across_it(in_float: QuantNetwork) -> None:
    network = in_float.twin(simulated=False)
    done = equalise(network)
    left = [layer.activation for layer in network.layers]
    assert done.relu6_replaced == left.count("relu") > 0
    assert any("sum" in sentence for sentence in done.skipped)


def test_a_relu6_that_clips_often_stays(trained: Trained, images: CalibrationImages) -> None:
    module, architecture = copy.deepcopy(trained[0]), trained[1]
    with torch.no_grad():
        for norm in (each for each in module.modules() if isinstance(each, torch.nn.BatchNorm2d)):
            norm.bias += 3.0  # whatever this machine's training has come to, some clip now
    in_float = fold_network(module, architecture).eval()
    histograms = Histograms(in_float, images)
    clipping = {
        step.layer
        for step, layer in in_float.layer_steps()
        if layer.activation == "relu6" and histograms.high[step.writes] == 6.0
    }
    assert clipping
    careful, free = in_float.twin(simulated=False), in_float.twin(simulated=False)
    done = equalise(careful, histograms, most_clipped=0.0)
    assert all(careful.layers[number].activation == "relu6" for number in clipping)
    assert any("clips often" in sentence for sentence in done.skipped)
    assert equalise(free, histograms, most_clipped=1.0).relu6_replaced > done.relu6_replaced


def test_nothing_is_equalised_across_a_sigmoid() -> None:
    architecture = every_feature(45)
    network = fold_network(settled(architecture), architecture).eval()
    x = torch.randn(4, 3, 45, 45)
    before = network(x)
    done = equalise(network)
    torch.testing.assert_close(network(x), before, rtol=1e-3, atol=1e-3)
    assert any("not positively homogeneous" in sentence for sentence in done.skipped)
    assert done.relu6_replaced == 0


def test_adaround_rounds_each_weight_up_or_down_and_comes_closer(
    in_float: QuantNetwork, coarse: QuantNetwork, images: CalibrationImages
) -> None:
    exact = [layer.weight / layer.scale.view(-1, 1, 1, 1) for layer in coarse.layers]
    nearest = integers(coarse)
    lost = divergence(coarse, in_float, images)
    seen: list[float] = []
    done = round_adaptively(
        coarse, in_float, images, RoundingConfig(steps=150, learning_rate=0.05), on_progress=seen.append
    )
    learnt = integers(coarse)
    for before, after, limit in zip(exact, learnt, coarse.layers, strict=True):
        clipped = before.clamp(-limit.levels, limit.levels)
        assert ((after - clipped).abs() < 1 + 1e-3).all()
    assert any(not torch.equal(a, b) for a, b in zip(nearest, learnt, strict=True))
    assert divergence(coarse, in_float, images) < 0.7 * lost
    assert (done.layers, done.interrupted, seen[-1]) == (len(coarse.layers), False, 1.0)
    assert seen == sorted(seen)


def test_an_interrupted_adaround_leaves_the_rest_rounded_to_the_nearest(
    in_float: QuantNetwork, coarse: QuantNetwork, images: CalibrationImages
) -> None:
    nearest = integers(coarse)
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 3

    done = round_adaptively(
        coarse, in_float, images, RoundingConfig(steps=20, learning_rate=0.1), should_stop=stop
    )
    assert done.interrupted
    assert 0 < done.layers < len(coarse.layers)
    for before, after in list(zip(nearest, integers(coarse), strict=True))[done.layers :]:
        assert torch.equal(before, after)


def test_adaround_keeps_to_its_seconds(
    in_float: QuantNetwork, coarse: QuantNetwork, images: CalibrationImages
) -> None:
    done = round_adaptively(coarse, in_float, images, RoundingConfig(steps=10**6, seconds=1.0))
    assert done.layers == len(coarse.layers)
    assert 0 < done.steps < 10**5


def test_tuning_repairs_what_two_bits_destroyed(
    in_float: QuantNetwork, histograms: Histograms, images: CalibrationImages, digit_cache: ImageCache
) -> None:
    network = quantise(in_float, histograms, "mse", weight_bits=2)
    lost = divergence(network, in_float, images)
    tune(network, digit_cache, TuningConfig(learning_rate=3e-3, epochs=12.0))
    assert divergence(network, in_float, images) < 0.6 * lost
    assert {layer.bits for layer in network.layers} == {2, 8}
    assert all(len(each.unique()) <= 3 for each in integers(network)[1:-1])
