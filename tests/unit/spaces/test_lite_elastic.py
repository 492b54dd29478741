from __future__ import annotations

import random
from dataclasses import replace

import pytest

from nas.errors import SpaceError
from nas.spaces import SPACES, make_space
from nas.spaces.lite import lite0_architecture
from nas.spaces.lite_elastic import LiteElastic
from nas.spaces.resolutions import useful_resolutions
from tests.unit.spaces.contract import SpaceContract


class TestLiteElastic(SpaceContract):
    def make(self) -> LiteElastic:
        return LiteElastic()


class TestLiteElasticAtOneResolution(SpaceContract):
    def make(self) -> LiteElastic:
        return LiteElastic(max_resolution=32)


@pytest.mark.parametrize("resolution", [64, 96, 128, 160, 192, 224])
def test_full_choices_are_lite0_itself(resolution: int) -> None:
    space = LiteElastic()
    assert space.decode(space.full(resolution)) == lite0_architecture(resolution)


def test_encode_inverts_decode() -> None:
    space, rng = LiteElastic(max_resolution=96), random.Random(0)
    for _ in range(200):
        choices = space.sample(rng)
        assert space.encode(space.decode(choices)) == choices


def test_encode_refuses_what_the_space_cannot_express() -> None:
    space = LiteElastic(max_resolution=96)
    full = lite0_architecture(96)
    wider = replace(full, stages=(*full.stages[:-1], replace(full.stages[-1], channels=640)))
    for foreign in (lite0_architecture(224), wider, replace(full, stages=full.stages[:3])):
        with pytest.raises(SpaceError, match="not part of the space"):
            space.encode(foreign)


def test_every_network_is_a_sub_network_of_lite0() -> None:
    space, rng = LiteElastic(), random.Random(0)
    for _ in range(300):
        for stage, full in zip(
            space.decode(space.sample(rng)).stages, lite0_architecture().stages, strict=True
        ):
            assert 1 <= stage.depth <= full.depth
            assert stage.kernel in (3, full.kernel)
            assert stage.expansion in ((3, 4, 6) if full.op == "ir" else (1,))
            assert (stage.op, stage.channels, stage.stride) == (full.op, full.channels, full.stride)


def test_no_decision_where_there_is_nothing_to_decide() -> None:
    names = {decision.name for decision in LiteElastic().decisions}
    assert not {"stage1.depth", "stage1.expansion", "stage2.kernel", "stage7.depth"} & names
    assert {"stage2.depth", "stage3.kernel", "stage7.expansion", "resolution"} <= names
    assert "resolution" not in {decision.name for decision in LiteElastic(max_resolution=28).decisions}


@pytest.mark.parametrize(
    ("cache_size", "expected"),
    [(32, (64,)), (64, (64, 96)), (100, (64, 96, 128)), (256, (64, 96, 128, 160, 192, 224))],
)
def test_resolutions_stop_one_step_above_the_images(cache_size: int, expected: tuple[int, ...]) -> None:
    assert useful_resolutions(cache_size) == expected


def test_resolutions_can_be_given_and_are_checked() -> None:
    assert LiteElastic(resolutions=(128, 96)).resolutions == (96, 128)
    with pytest.raises(SpaceError, match="32 pixels"):
        LiteElastic(resolutions=())
    with pytest.raises(SpaceError, match="Resolution 224 is not offered"):
        LiteElastic(max_resolution=64).full(224)


def test_registry_knows_its_spaces_and_refuses_others() -> None:
    assert [make_space(name).name for name in SPACES] == list(SPACES)
    with pytest.raises(SpaceError, match="no search space called"):
        make_space("<script>")
