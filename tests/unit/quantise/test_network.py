from __future__ import annotations

import pytest
import torch

from nas.architecture import Architecture, TimmArchitecture
from nas.data.cache import ImageCache
from nas.errors import EvaluationError, ExportError
from nas.networks import build_network
from nas.quantise.calibrate import Histograms, quantise
from nas.quantise.images import CalibrationImages
from nas.quantise.network import QuantNetwork, fold_network
from tests.unit.export.test_graph import settled
from tests.unit.networks.architectures import every_feature, lite0, tiny
from tests.unit.quantise.networks import divergence


@pytest.mark.parametrize(
    "architecture", [tiny(32), tiny(33), every_feature(45), every_feature(64), lite0(65)], ids=str
)
def test_folding_changes_nothing(architecture: Architecture) -> None:
    module = settled(architecture)
    x = torch.randn(3, 3, architecture.resolution, architecture.resolution)
    with torch.inference_mode():
        torch.testing.assert_close(fold_network(module, architecture).eval()(x), module(x), rtol=0, atol=1e-4)


def test_a_network_that_is_not_made_of_blocks_is_refused_with_a_way_out() -> None:
    architecture = TimmArchitecture(64, "resnet18")
    with pytest.raises(ExportError, match="lite-elastic"):
        fold_network(build_network(architecture, 3), architecture)


def test_quantising_leaves_the_network_it_was_made_of(
    in_float: QuantNetwork, histograms: Histograms, images: CalibrationImages
) -> None:
    before = in_float(images.first(4))
    quantise(in_float, histograms, "mse", weight_bits=4)
    assert torch.equal(in_float(images.first(4)), before)


def test_all_tensors_but_the_logits_hold_at_most_256_values(
    in_float: QuantNetwork, histograms: Histograms, images: CalibrationImages
) -> None:
    network = quantise(in_float, histograms, "mse")
    for step, _inputs, made in network.walk(images.first(16)):
        if step is not network.steps[-1]:
            assert len(made.unique()) <= 256 < made.numel()
    wide = quantise(in_float, histograms, "mse", activation_bits=16)
    assert any(len(made.unique()) > 256 for _step, _inputs, made in wide.walk(images.first(16)))


def test_fewer_bits_say_less(
    in_float: QuantNetwork, histograms: Histograms, images: CalibrationImages
) -> None:
    lost = [
        divergence(quantise(in_float, histograms, "mse", weight_bits=w, activation_bits=a), in_float, images)
        for w, a in ((16, 16), (8, 8), (4, 8), (2, 8))
    ]
    assert lost == sorted(lost)
    assert lost[0] < 1e-6
    assert lost[1] < 0.01 < lost[3]


def test_first_and_last_layer_keep_eight_bits(in_float: QuantNetwork, histograms: Histograms) -> None:
    bits = [layer.bits for layer in quantise(in_float, histograms, "mse", weight_bits=3).layers]
    assert (bits[0], bits[-1], set(bits[1:-1])) == (8, 8, {3})


def test_calibration_needs_training_images(digit_cache: ImageCache) -> None:
    with pytest.raises(EvaluationError, match="at least two"):
        CalibrationImages(digit_cache, 16, n_images=1)
