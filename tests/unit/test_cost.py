from __future__ import annotations

from dataclasses import replace

import pytest

from nas.architecture import MBConvArchitecture, Stage
from nas.cost import convolutions, macs, params
from nas.spaces.lite import lite0_architecture
from nas.spaces.widths import round_channels


def test_lite0_has_its_published_size() -> None:
    assert params(lite0_architecture(224), 1000) == 4_652_008  # Tan & Le's Lite0: 4.7 M
    assert macs(lite0_architecture(224), 1000) == 385_187_552
    assert macs(lite0_architecture(128)) == 125_357_568


def test_hand_counted_network() -> None:
    stage = Stage("ir", kernel=5, expansion=2, se_ratio=0.25, depth=1, channels=16, stride=2)
    network = MBConvArchitecture(resolution=33, stem_channels=8, head_channels=32, stages=(stage,))
    # 'same' padding: 33 -> 17 -> 9
    stem, expand, depthwise = 3 * 8 * 9 * 17**2, 8 * 16 * 17**2, 16 * 25 * 9**2
    project, squeeze, head = 16 * 16 * 9**2, 2 * 16 * 2, 16 * 32 * 9**2
    assert macs(network) == stem + expand + depthwise + project + squeeze + head
    assert macs(network, 3) == macs(network) + 32 * 3
    weights = 3 * 8 * 9 + 8 * 16 + 16 * 25 + 16 * 16 + 2 * 16 * 2 + 16 * 32 + 32 * 3
    batch_norm, biases = 2 * (8 + 16 + 16 + 16 + 32), 2 + 16 + 3
    assert params(network, 3) == weights + batch_norm + biases


@pytest.mark.parametrize(
    ("op", "kernels"), [("ds", [3, 3, 1, 1]), ("ir", [3, 1, 3, 1, 1]), ("er", [3, 3, 1, 1])]
)
def test_operators_have_their_convolutions(op: str, kernels: list[int]) -> None:
    stage = Stage(op, kernel=3, expansion=4, se_ratio=0, depth=1, channels=16, stride=1)  # type: ignore[arg-type]
    network = MBConvArchitecture(64, stem_channels=16, head_channels=64, stages=(stage,))
    assert [conv.kernel for conv in convolutions(network)] == kernels


def test_more_resolution_costs_macs_but_no_params() -> None:
    small, large = lite0_architecture(64), lite0_architecture(128)
    assert params(small, 10) == params(large, 10)
    assert macs(large) == 4 * macs(small)
    assert macs(replace(small, stages=small.stages[:-1])) < macs(small)


@pytest.mark.parametrize(
    ("channels", "rounded"), [(1, 8), (8, 8), (11, 16), (12, 16), (17.6, 16), (18, 24), (123.2, 120)]
)
def test_channels_never_lose_more_than_a_tenth(channels: float, rounded: int) -> None:
    assert round_channels(channels) == rounded
    assert rounded >= 0.9 * channels
