import math

import pytest
import timm
import torch
from sklearn.datasets import load_sample_image

from nas.architecture import MBConvArchitecture, Stage, TimmArchitecture
from nas.data.preprocess import preprocess
from nas.errors import SpaceError
from nas.networks import build_network, count_macs, count_params, lite0_state_dict
from tests.unit.networks.architectures import every_feature, lite0, tiny


def test_lite0_has_the_keys_and_logits_of_timm() -> None:
    weights = lite0_state_dict()
    ours = build_network(lite0(), 1000)
    theirs = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    assert list(ours.state_dict()) == list(theirs.state_dict()) == list(weights)
    ours.load_state_dict(weights)
    theirs.load_state_dict(weights)
    x = torch.rand(2, 3, 96, 96) * 2 - 1
    with torch.inference_mode():
        torch.testing.assert_close(ours.eval()(x), theirs.eval()(x), rtol=0, atol=0)


@pytest.mark.parametrize(("photo", "classes"), [("flower.jpg", {985}), ("china.jpg", {698, 832, 975})])
def test_imagenet_weights_recognise_real_photos(photo: str, classes: set[int]) -> None:
    network = build_network(lite0(), 1000)
    network.load_state_dict(lite0_state_dict())
    pixels = torch.from_numpy(load_sample_image(photo).copy())[None]
    with torch.inference_mode():
        logits = network.eval()(preprocess(pixels, 224))
    assert classes & set(logits.topk(3).indices[0].tolist())


def test_counts_of_lite0_are_the_published_ones() -> None:
    network = build_network(lite0(), 1000)
    assert count_params(network) == 4_652_008
    assert count_macs(network, 224) == pytest.approx(385e6, rel=0.01)
    assert network.training


def test_every_block_type_builds_and_runs() -> None:
    network = build_network(every_feature(), 5)
    assert network(torch.zeros(2, 3, 45, 45)).shape == (2, 5)


def test_strides_never_turn_into_dilation() -> None:
    stages = tuple(Stage("ir", 3, 3, 0.0, 1, 8, 2) for _ in range(6))
    network = build_network(MBConvArchitecture(256, 8, 16, stages), 3)
    assert {layer.dilation for layer in network.modules() if isinstance(layer, torch.nn.Conv2d)} == {(1, 1)}


def test_timm_baselines_build_by_name() -> None:
    network = build_network(TimmArchitecture(64, "mobilenetv3_small_100"), 4)
    assert network.eval()(torch.zeros(1, 3, 64, 64)).shape == (1, 4)


def test_what_cannot_be_built_is_refused_in_a_sentence() -> None:
    with pytest.raises(SpaceError, match="no network named"):
        build_network(TimmArchitecture(64, "no-such-net"), 4)
    with pytest.raises(SpaceError, match="at least one class"):
        build_network(tiny(), 0)
    with pytest.raises(SpaceError, match="odd kernel"):
        build_network(MBConvArchitecture(32, 8, 8, (Stage("ir", 4, 3, 0.0, 1, 8, 1),)), 2)


@pytest.mark.parametrize("architecture", [lite0(64), TimmArchitecture(64, "mobilenetv3_small_100")], ids=str)
def test_a_fresh_network_guesses_instead_of_being_surely_wrong(
    architecture: MBConvArchitecture | TimmArchitecture,
) -> None:
    torch.manual_seed(0)
    network = build_network(architecture, 6)
    logits = network(torch.rand(8, 3, 64, 64) * 2 - 1)
    loss = torch.nn.functional.cross_entropy(logits, torch.arange(8) % 6)
    assert loss.item() == pytest.approx(math.log(6), abs=0.3)
