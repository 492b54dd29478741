from __future__ import annotations

import pytest
import torch
from torch import nn

from nas.architecture import MBConvArchitecture
from nas.data.cache import ImageCache
from nas.errors import DeviceError
from nas.hardware.analytic import estimate
from nas.hardware.profile import load_profile
from nas.objectives import Objective
from nas.pareto import non_dominated
from nas.quantise.calibrate import Histograms, quantise
from nas.quantise.costs import CostModel
from nas.quantise.mixed import mixed_precision
from nas.quantise.mixtures import WIDTHS, MixedConfig
from nas.quantise.network import QuantNetwork, edge_groups, fold_network
from tests.unit.export.test_graph import settled
from tests.unit.networks.architectures import every_feature

Trained = tuple[nn.Module, MBConvArchitecture]
BOTH = (Objective("cost", maximize=False), Objective("divergence", maximize=False))


@pytest.fixture(scope="module")
def quantised(in_float: QuantNetwork, histograms: Histograms) -> QuantNetwork:
    return quantise(in_float, histograms, "mse")


def test_size_and_bit_operations_are_those_counted_by_hand(
    trained: Trained, in_float: QuantNetwork, histograms: Histograms
) -> None:
    model = CostModel(in_float, trained[1], 10)
    costs = model.price(quantise(in_float, histograms, "mse", weight_bits=4, activation_bits=8))
    layers = in_float.layers
    weights = [layer.weight.numel() * (8 if layer in (layers[0], layers[-1]) else 4) for layer in layers]
    outputs = sum(len(layer.bias) for layer in layers)
    assert costs.size_bytes == -(-(sum(weights) + 64 * outputs) // 8)
    edges = model.macs[0] + model.macs[-1]
    assert costs.bit_ops == (sum(model.macs) - edges) * 4 * 8 + edges * 8 * 8
    assert costs.energy_mj is None


def test_energy_at_a_profiles_own_widths_is_that_of_the_profile_without_idle_power(
    trained: Trained, in_float: QuantNetwork, histograms: Histograms
) -> None:
    profile = load_profile("npu")
    assert (profile.weight_bits, profile.activation_bits) == (8, 8)
    network = quantise(in_float, histograms, "mse")
    found = CostModel(in_float, trained[1], 10, profile).price(network).energy_mj
    known = estimate(profile, trained[1], 10)
    assert found == pytest.approx(known.energy_mj - profile["idle_w"] * known.latency_ms, rel=0.02)


def test_gates_are_counted_like_the_architecture_counts_them() -> None:
    architecture = every_feature(33)
    network = fold_network(settled(architecture), architecture)
    assert len(CostModel(network, architecture, 5, load_profile("npu")).macs) == len(network.layers)


def test_the_front_mixes_widths_and_nothing_on_it_is_dominated(
    trained: Trained, quantised: QuantNetwork, digit_cache: ImageCache
) -> None:
    before = [layer.scale.clone() for layer in quantised.layers]
    steps: list[str] = []
    found = mixed_precision(
        quantised,
        trained[1],
        digit_cache,
        MixedConfig(evaluations=20, n_images=64),
        on_progress=lambda step, _evaluated: steps.append(step),
    )
    assert list(dict.fromkeys(steps)) == ["sense", "descend", "evolve"]
    points = [(point.costs.of("size_bytes"), point.divergence) for point in found.points]
    assert len(non_dominated(points, BOTH)) == len(points) > 2
    assert points == sorted(points)
    assert found.evaluated >= 20
    assert not found.interrupted
    for point in found.points:
        widths = list(point.widths.values())
        assert (widths[0], widths[-1]) == (8, 8)
        assert set(widths) <= set(WIDTHS)
        assert point.simulated == (set(widths) != {8})
        assert point.accuracy is not None
    assert any(len(set(list(point.widths.values())[1:-1])) > 1 for point in found.points)
    assert all(set(each) == set(WIDTHS) - {16} for each in found.sensitivity.values())
    assert all(torch.equal(a, b.scale) for a, b in zip(before, quantised.layers, strict=True))


def test_the_front_is_nowhere_worse_than_equal_widths(
    trained: Trained, quantised: QuantNetwork, digit_cache: ImageCache
) -> None:
    config = MixedConfig(evaluations=0, n_images=64)
    found = mixed_precision(quantised, trained[1], digit_cache, config)
    assert set(found.uniform) == set(WIDTHS)
    model = CostModel(quantised, trained[1], 10)
    for width, divergence in found.uniform.items():
        equal = quantised.twin(simulated=True)
        edges = edge_groups(equal)
        for step, layer in equal.layer_steps():
            layer.bits = 8 if step.group in edges else width
        size = model.price(equal).size_bytes
        small = [point for point in found.points if point.costs.size_bytes <= size]
        assert any(point.divergence <= divergence for point in small), width


def test_a_stop_leaves_what_was_found(
    trained: Trained, quantised: QuantNetwork, digit_cache: ImageCache
) -> None:
    asked: list[int] = []

    def stop() -> bool:
        asked.append(1)
        return len(asked) > 4

    found = mixed_precision(quantised, trained[1], digit_cache, MixedConfig(n_images=32), should_stop=stop)
    assert found.interrupted
    assert 1 <= len(found.points) <= found.evaluated <= 6


def test_energy_needs_a_device(trained: Trained, quantised: QuantNetwork, digit_cache: ImageCache) -> None:
    with pytest.raises(DeviceError, match="choose a profile"):
        mixed_precision(quantised, trained[1], digit_cache, MixedConfig(cost="energy_mj", n_images=32))
