"""Groups counted from an ONNX file against those counted from the architecture, and known networks."""

from __future__ import annotations

import random

import pytest
import timm
from onnx import ModelProto, helper

from nas.architecture import Architecture, TimmArchitecture
from nas.errors import DeviceError
from nas.export.graph import onnx_core
from nas.hardware.groups import group_network
from nas.hardware.onnx_groups import group_onnx
from nas.networks import build_network, count_macs, count_params
from nas.spaces import make_space

CLASSES = 6


def _core(architecture: Architecture) -> ModelProto:
    return onnx_core(build_network(architecture, CLASSES).eval(), architecture)


@pytest.mark.parametrize("name", ["lite-elastic", "mbconv"])
def test_a_file_and_its_architecture_have_the_same_groups(name: str) -> None:
    space = make_space(name, max_resolution=96)
    rng = random.Random(3)
    for _ in range(6):
        architecture = space.decode(space.sample(rng))
        ours, theirs = group_network(architecture, CLASSES), group_onnx(_core(architecture))
        assert (theirs.macs, theirs.weights) == (ours.macs, ours.weights)
        assert max(theirs.live()) == max(ours.live())
        assert [group.kind for group in theirs.groups] == [group.kind for group in ours.groups]


@pytest.mark.parametrize("name", ["resnet18", "mobilenetv3_small_100"])
def test_hand_made_networks_keep_their_work_and_weights(name: str) -> None:
    architecture = TimmArchitecture(resolution=64, name=name)
    module = timm.create_model(name, num_classes=CLASSES).eval()
    found = group_onnx(onnx_core(module, architecture))
    assert found.macs == pytest.approx(count_macs(module, 64), rel=0.01)
    assert found.weights == pytest.approx(count_params(module), rel=0.01)


def test_resnet18_needs_its_three_largest_maps_at_once() -> None:
    """The first block reads and adds 64 x 16 x 16 maps; the stem's 64 x 32 x 32 under the pooling is more."""
    module = timm.create_model("resnet18", num_classes=CLASSES).eval()
    found = group_onnx(onnx_core(module, TimmArchitecture(resolution=64, name="resnet18")))
    assert max(found.live()) == 64 * 32 * 32 + 64 * 16 * 16


def test_a_graph_without_an_image_is_refused() -> None:
    empty = helper.make_model(helper.make_graph([], "none", [], []))
    with pytest.raises(DeviceError, match="one input"):
        group_onnx(empty)
