"""The predictor knows a paper device by some of its blocks."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from nas.architecture import TimmArchitecture
from nas.errors import SpaceError
from nas.hardware.block_regression import BlockRegression
from nas.hardware.blocks import Block
from nas.hardware.features import work
from nas.hardware.predictor import LatencyPredictor
from nas.hardware.timings import table_from_timings
from nas.spaces import make_space
from tests.unit.hardware.tables import block_ms, network_ms, small_manifest, timings


def unseen(space_name: str, count: int = 30):
    space, rng = make_space(space_name), random.Random(77)
    return [space.decode(space.sample(rng)) for _ in range(count)]


@pytest.mark.parametrize(("space", "blocks"), [("lite-elastic", 150), ("mbconv", 300), ("nasbench201", 100)])
def test_unseen_networks_are_predicted_from_part_of_the_blocks(space: str, blocks: int) -> None:
    manifest = small_manifest(space, blocks, 30)
    predictor = LatencyPredictor(table_from_timings(timings(manifest), manifest))
    networks = unseen(space)
    truth = np.array([network_ms(network) for network in networks])
    errors = np.abs(predictor.predict_many(networks) / truth - 1)
    assert np.median(errors) < 0.03 and (errors < 0.1).mean() >= 0.9


def test_without_whole_networks_it_is_the_sum_of_the_blocks() -> None:
    manifest = small_manifest(blocks=400)
    table = replace(table_from_timings(timings(manifest), manifest), networks={})
    (network,) = unseen("lite-elastic", 1)
    expected = 0.01 + (network_ms(network) - 0.01) / 1.1
    assert LatencyPredictor(table).predict(network) == pytest.approx(expected)


def test_one_by_one_or_together_is_the_same() -> None:
    manifest = small_manifest()
    predictor = LatencyPredictor(table_from_timings(timings(manifest), manifest))
    networks = unseen("lite-elastic", 5)
    together = predictor.predict_many(networks)
    assert together.tolist() == pytest.approx([predictor.predict(network) for network in networks])
    assert predictor.predict_many([]).shape == (0,)


def test_a_hand_made_network_is_refused() -> None:
    manifest = small_manifest()
    predictor = LatencyPredictor(table_from_timings(timings(manifest), manifest))
    with pytest.raises(SpaceError, match="not made of blocks"):
        predictor.predict(TimmArchitecture(224, "resnet18"))


def test_a_regression_of_too_few_blocks_says_their_mean() -> None:
    block = Block("ir", 16, 24, 16, 3, 2, 6.0)
    regression = BlockRegression({block: 0.25, replace(block, side=32): 0.75})
    assert regression.predict([replace(block, side=64)]).tolist() == [0.5]


def test_a_regression_stays_within_what_it_has_seen() -> None:
    known = [Block("ir", 8 * n, 8 * n, 7, 3, 1, 6.0, skip=True) for n in range(1, 31)]
    regression = BlockRegression({block: block_ms(block) for block in known})
    (far,) = regression.predict([Block("ir", 8000, 8000, 224, 7, 1, 6.0)])
    assert far <= np.e * block_ms(known[-1]) * 1.001


def test_a_regression_learns_that_channels_which_leave_vectors_unfilled_cost_more() -> None:
    """A device whose kernels take 16 channels at a time; widths of the spaces are multiples of 8."""
    draw = random.Random(0)

    def block() -> Block:
        return Block(
            "ir", 8 * draw.randint(1, 24), 8 * draw.randint(1, 24), draw.choice((7, 14, 28)), 3, 1, 4.0
        )

    def milliseconds(block: Block) -> float:
        return 1e-7 * work(block).macs * (1.0 if block.outputs % 16 == 0 else 2.0)

    regression = BlockRegression({each: milliseconds(each) for each in (block() for _ in range(300))})
    unseen = [block() for _ in range(100)]
    errors = regression.predict(unseen) / np.array([milliseconds(each) for each in unseen]) - 1
    assert np.median(np.abs(errors)) < 0.05
