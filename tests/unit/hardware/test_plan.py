"""Networks as blocks, and blocks as fused groups: against hand counts and against the built networks."""

from __future__ import annotations

import random

import pytest

from nas.architecture import CellArchitecture, MBConvArchitecture, Stage, TimmArchitecture
from nas.cells import Edge
from nas.cost import macs
from nas.errors import SpaceError
from nas.hardware.blocks import Block
from nas.hardware.features import _group_work, work
from nas.hardware.groups import group_block, group_network
from nas.hardware.plan import network_blocks, network_plan
from nas.spaces import SPACES, make_space
from nas.spaces.lite import lite0_architecture


def drawn(space_name: str, count: int = 20):
    space, rng = make_space(space_name), random.Random(3)
    return [space.decode(space.sample(rng)) for _ in range(count)]


@pytest.mark.parametrize("space", SPACES)
def test_groups_do_the_macs_of_the_network(space: str) -> None:
    for architecture in drawn(space):
        assert group_network(architecture, 6).macs == macs(architecture, 6)


def test_blocks_of_a_stage_are_equal_but_for_the_first() -> None:
    stage = Stage("ir", kernel=5, expansion=6, se_ratio=0.25, depth=3, channels=40, stride=2)
    network = MBConvArchitecture(64, stem_channels=32, head_channels=1280, stages=(stage,))
    stem, first, second, third, head = network_blocks(network)
    assert stem == Block("stem", 3, 32, 64, 3, 2, activation="relu6")
    assert first == Block("ir", 32, 40, 32, 5, 2, 6.0, 8, False, "relu6")  # 192 * 0.25 / 6 = 8
    assert second == third == Block("ir", 40, 40, 16, 5, 1, 6.0, 10, True, "relu6")
    assert (head.op, head.inputs, head.side, head.out_side) == ("head", 40, 16, 1)


def test_weights_of_lite0_are_its_parameters_with_norms_folded() -> None:
    # 4,652,008 parameters; folding leaves one bias where a norm had two numbers a channel: 21,008 channels.
    assert group_network(lite0_architecture(224), 1000).weights == 4_652_008 - 21_008


def test_hand_counted_memory_of_a_residual_block() -> None:
    block = Block("ir", 8, 8, 10, 3, 1, 2.0, 0, True, "relu6")
    net = group_block(block)
    expand, depthwise, project = net.groups
    assert [group.kind for group in net.groups] == ["pointwise", "depthwise", "pointwise"]
    assert (expand.macs, depthwise.macs, project.macs) == (8 * 16 * 100, 16 * 9 * 100, 16 * 8 * 100)
    assert (expand.weights, depthwise.weights, project.weights) == (144, 160, 136)  # with biases
    assert project.reads == (depthwise.writes, 0)  # the sum is fused into the last convolution
    # input 800 stays for the sum; expanded maps of 1,600
    assert net.live() == [800 + 1600, 800 + 1600 + 1600, 800 + 1600 + 800]
    assert net.moved(project) == 1600 + 800 + 800


def test_squeeze_excite_is_an_average_two_linear_layers_and_a_product() -> None:
    net = group_block(Block("ds", 4, 6, 2, 3, squeeze=2, activation="swish"))
    kinds = [group.kind for group in net.groups]
    assert kinds == ["depthwise", "elementwise", "linear", "linear", "elementwise", "pointwise"]
    assert [group.macs for group in net.groups] == [4 * 9 * 4, 0, 8, 8, 0, 4 * 6 * 4]


@pytest.mark.parametrize("op", ["ds", "ir", "er"])
@pytest.mark.parametrize("squeeze", [0, 4])
@pytest.mark.parametrize("stride", [1, 2])
def test_closed_form_of_work_is_that_of_the_groups(op: str, squeeze: int, stride: int) -> None:
    expansion = 1.0 if op == "ds" else 4.0
    block = Block(op, 24, 24, 15, 5, stride, expansion, squeeze, stride == 1, "relu6")
    assert work(block) == _group_work(block)


def test_a_cell_reads_what_its_edges_say() -> None:
    edges = (Edge(0, 1, "nor_conv_3x3"), Edge(0, 3, "skip_connect"), Edge(1, 3, "avg_pool_3x3"))
    plan = network_plan(CellArchitecture(32, "nasbench201", 16, 1, edges))
    ops = [step.block.op for step in plan]
    assert ops[:4] == ["cell_stem", "nor_conv", "avg_pool", "sum"]
    assert plan[3].sources == (0, 2)  # the skip is the stem's own output
    assert ops.count("residual") == 2 and ops[-2:] == ["norm", "cell_head"]
    assert [step.block.inputs for step in plan if step.block.op == "nor_conv"] == [16, 32, 64]


def test_an_empty_cell_is_still_a_network() -> None:
    for template in ("nasbench201", "darts"):
        network = CellArchitecture(32, template, 16, 1, ())  # type: ignore[arg-type]
        assert group_network(network, 6).macs == macs(network, 6)


def test_hand_made_networks_are_refused_with_a_sentence() -> None:
    with pytest.raises(SpaceError, match="not made of blocks"):
        network_plan(TimmArchitecture(224, "resnet18"))
