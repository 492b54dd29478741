from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from nas.cost import macs
from nas.errors import SpaceError
from nas.scaling import EFFICIENTNET, GRID, Coefficients, macs_ratio, scale
from nas.spaces.lite import lite0_architecture

RESOLUTIONS = (64, 96, 128, 160, 192, 224)


def test_grid_doubles_the_macs_and_holds_the_papers_coefficients() -> None:
    assert all(abs(entry.macs_factor - 2) <= 0.15 for entry in GRID)
    assert Coefficients(1.2, 1.1, 1.15) in GRID
    assert any(entry.alpha == entry.beta == 1 for entry in GRID)
    assert any(entry.beta == entry.gamma == 1 for entry in GRID)
    assert 6 <= len(set(GRID)) == len(GRID) <= 9


@pytest.mark.parametrize("resolution", RESOLUTIONS)
@pytest.mark.parametrize("phi", [-1, 0, 1, 2])
def test_compound_scaling_of_lite0_costs_what_it_promises(resolution: int, phi: int) -> None:
    base = lite0_architecture(resolution)
    ratio = macs_ratio(base, scale(base, EFFICIENTNET, phi))
    assert 0.75 <= ratio / 2**phi <= 1.25


@pytest.mark.parametrize("coefficients", GRID)
@pytest.mark.parametrize("resolution", RESOLUTIONS)
def test_every_grid_entry_stays_within_its_documented_bounds(
    coefficients: Coefficients, resolution: int
) -> None:
    base = lite0_architecture(resolution)
    for phi in (1, 2):
        assert 0.75 <= macs_ratio(base, scale(base, coefficients, phi)) / 2**phi <= 1.25
    # Down by resolution alone from 64 px there is only 32 or 48, .25 or .7 of the MACs.
    assert 0.75 <= macs_ratio(base, scale(base, coefficients, -1)) / 2**-1 <= 1.42


def test_phi_zero_is_the_base_itself() -> None:
    assert scale(lite0_architecture(100), EFFICIENTNET, 0) == lite0_architecture(100)


def test_stem_head_and_depth_of_the_ends_stay() -> None:
    base = lite0_architecture(128)
    larger = scale(base, EFFICIENTNET, 2)
    assert (larger.stem_channels, larger.head_channels) == (base.stem_channels, base.head_channels)
    assert [larger.stages[0].depth, larger.stages[-1].depth] == [1, 1]


@pytest.mark.parametrize("coefficients", GRID)
def test_family_members_lie_on_their_side_of_the_base_in_every_dimension(coefficients: Coefficients) -> None:
    base = lite0_architecture(128)
    family = {phi: scale(base, coefficients, phi) for phi in (-2, -1, -0.5, 0, 0.5, 1, 2)}
    for phi, member in family.items():
        smaller, larger = (member, base) if phi < 0 else (base, member)
        assert smaller.resolution <= larger.resolution
        for a, b in zip(smaller.stages, larger.stages, strict=True):
            assert a.depth <= b.depth and a.channels <= b.channels
            assert (a.op, a.kernel, a.expansion, a.stride) == (b.op, b.kernel, b.expansion, b.stride)
    for smaller, larger in itertools.pairwise(family.values()):
        assert macs(smaller) < macs(larger)


def test_one_dimensional_entries_change_only_their_dimension() -> None:
    base = lite0_architecture(128)
    resolution_only = scale(base, Coefficients(1, 1, 1.41), 1)
    assert resolution_only == replace(base, resolution=176)
    deep = scale(base, Coefficients(2, 1, 1), 1)
    assert deep.resolution == 128 and [s.depth for s in deep.stages] == [1, 4, 4, 6, 6, 8, 1]
    assert [s.channels for s in deep.stages] == [s.channels for s in base.stages]


def test_resolution_is_a_bounded_multiple_of_the_step() -> None:
    base = lite0_architecture(128)
    for phi in (-4, -1, 0.3, 1, 3):
        assert scale(base, EFFICIENTNET, phi).resolution % 16 == 0
    assert scale(base, GRID[1], 3, max_resolution=200).resolution == 192
    assert scale(lite0_architecture(64), GRID[1], -6).resolution == 32
    assert scale(base, GRID[1], 1, resolution_step=32).resolution in (160, 192)
    with pytest.raises(SpaceError, match="at least 32"):
        scale(base, EFFICIENTNET, 1, max_resolution=16)
