"""Graphs of blocks and candidates: the runtime takes them, and they are the networks they stand for."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import onnx
import pytest

from nas.export.graph import onnx_core
from nas.hardware.block_graph import candidate_graph, carrier_of, probe_graph
from nas.hardware.blocks import JOINS, OPS, Block
from nas.hardware.latency import make_session
from nas.hardware.plan import network_blocks
from nas.networks import build_network
from nas.spaces import SPACES, make_space


def convolutions(model: onnx.ModelProto) -> Counter[tuple[tuple[int, ...], tuple[int, ...], int]]:
    """Counts convolutions by the shape of their weights, strides and groups."""
    shapes = {one.name: tuple(one.dims) for one in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type == "ConstantOfShape":
            constant = next(one for one in model.graph.initializer if one.name == node.input[0])
            shapes[node.output[0]] = tuple(onnx.numpy_helper.to_array(constant).tolist())
    found: Counter[tuple[tuple[int, ...], tuple[int, ...], int]] = Counter()
    for node in model.graph.node:
        if node.op_type == "Conv":
            named = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
            found[shapes[node.input[1]], tuple(named["strides"]), named["group"]] += 1
    return found


@pytest.mark.parametrize("space_name", SPACES)
def test_a_candidate_has_the_convolutions_of_the_exported_network(space_name: str) -> None:
    space, rng = make_space(space_name), random.Random(1)
    for _ in range(2):
        architecture = space.decode(space.sample(rng))
        exported = onnx_core(build_network(architecture, 6), architecture)
        assert convolutions(onnx.load_from_string(candidate_graph(architecture, 6))) == convolutions(exported)


@pytest.mark.parametrize("space_name", SPACES)
def test_the_runtime_runs_candidates_and_probes(space_name: str) -> None:
    space, rng = make_space(space_name), random.Random(2)
    architecture = space.decode(space.sample(rng))
    side = architecture.resolution
    image = {"x": np.ones((1, 3, side, side), np.float32)}
    (logits,) = make_session(candidate_graph(architecture, 7)).run(None, image)
    assert logits.shape == (1, 7) and np.isfinite(logits).all()
    for block in dict.fromkeys(network_blocks(architecture)):
        if block.op not in JOINS:
            feed = {"x": np.ones((1, 3, block.side, block.side), np.float32)}
            (answer,) = make_session(probe_graph(block)).run(None, feed)
            assert answer.shape[1] == (10 if block.op.endswith("head") else block.outputs)


def test_a_probe_is_its_carrier_and_the_block() -> None:
    block = Block("ir", 24, 40, 16, 5, 2, 6.0, activation="relu6")
    carrier = carrier_of(block)
    assert carrier == Block("carrier", 3, 24, 16, activation="relu6")
    alone = convolutions(onnx.load_from_string(probe_graph(carrier)))
    together = convolutions(onnx.load_from_string(probe_graph(block)))
    assert list(alone) == [((24, 3, 1, 1), (1, 1), 1)]
    assert together - alone == Counter(
        {((144, 24, 1, 1), (1, 1), 1): 1, ((144, 1, 5, 5), (2, 2), 144): 1, ((40, 144, 1, 1), (1, 1), 1): 1}
    )


def test_blocks_on_the_image_itself_stand_on_the_floor() -> None:
    assert carrier_of(Block("stem", 3, 32, 64, 3, 2)) == Block("floor", 3, 3, 64)
    assert carrier_of(Block("floor", 3, 3, 64)) is None


def test_graphs_are_small_whatever_the_weights() -> None:
    assert len(probe_graph(Block("head", 320, 1280, 7))) < 4_000  # 1.6 MB of weights
    assert set(JOINS) < set(OPS)
