from __future__ import annotations

import random

import pytest

from nas.cost import macs, params
from nas.errors import SpaceError
from nas.spaces import make_space
from nas.spaces.base import SearchSpace
from nas.spaces.mbconv import MBConvSpace
from tests.unit.spaces.contract import SpaceContract


class TestMBConvSpace(SpaceContract):
    def make(self) -> SearchSpace:
        return MBConvSpace()


class TestMBConvSpaceOfSmallImages(SpaceContract):
    def make(self) -> SearchSpace:
        return make_space("mbconv", max_resolution=28)


def test_expansion_of_a_depthwise_separable_stage_does_not_matter() -> None:
    space, rng = MBConvSpace(), random.Random(0)
    choices = list(space.sample(rng))
    names = [decision.name for decision in space.decisions]
    choices[names.index("stage4.op")] = space.decisions[names.index("stage4.op")].choices.index("ds")
    forms = set()
    for expansion in range(4):
        choices[names.index("stage4.expansion")] = expansion
        forms.add(space.canonical(tuple(choices)))
        assert space.decode(tuple(choices)).stages[3].expansion == 1
    assert len(forms) == 1


def test_networks_stay_trainable_on_a_small_machine() -> None:
    space, rng = MBConvSpace(max_resolution=96), random.Random(0)
    networks = [space.decode(space.sample(rng)) for _ in range(300)]
    assert max(params(network, 10) for network in networks) < 20_000_000
    assert min(macs(network) for network in networks) > 1_000_000


def test_small_images_keep_a_map_to_look_at() -> None:
    strides = [stage.stride for stage in MBConvSpace(max_resolution=32).decode(sample_of(32)).stages]
    assert strides == [1, 1, 2, 2, 1, 2, 1]
    strides = [stage.stride for stage in MBConvSpace(max_resolution=128).decode(sample_of(128)).stages]
    assert strides == [1, 2, 2, 2, 1, 2, 1]


def sample_of(max_resolution: int) -> tuple[int, ...]:
    return MBConvSpace(max_resolution=max_resolution).sample(random.Random(0))


def test_no_resolution_is_refused() -> None:
    with pytest.raises(SpaceError, match="32 pixels"):
        MBConvSpace(resolutions=(16, 64))
