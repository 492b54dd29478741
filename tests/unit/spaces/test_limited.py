"""Search inside a device's hard limits: every strategy proposes only what fits."""

from __future__ import annotations

import random

import pytest

from nas.architecture import Architecture
from nas.errors import SpaceError
from nas.hardware.target import load_target
from nas.spaces import make_space
from nas.spaces.limited import LimitedSpace
from nas.strategies import STRATEGIES, make_strategy
from nas.strategies.base import Observation

CLASSES = 6


def _excess(architecture: Architecture) -> float:
    target = load_target("microcontroller")
    assert target is not None
    return target.excess(architecture, CLASSES)


@pytest.mark.parametrize("name", ["lite-elastic", "mbconv"])
def test_what_is_drawn_or_changed_fits_where_hardly_any_network_does(name: str) -> None:
    inner = make_space(name, max_resolution=160)
    space, rng = LimitedSpace(inner, _excess), random.Random(5)
    drawn = [space.canonical(space.sample(rng)) for _ in range(12)]
    assert all(_excess(inner.decode(choices)) == 0 for choices in drawn)
    assert len(set(drawn)) > 6  # not all the same smallest network
    changed = [space.mutate(choices, rng) for choices in drawn]
    assert sum(_excess(inner.decode(choices)) == 0 for choices in changed) >= 10


def test_a_network_that_fits_stands_for_itself_and_others_always_for_the_same() -> None:
    space, rng = LimitedSpace(make_space("mbconv", max_resolution=96), _excess), random.Random(6)
    for _ in range(10):
        choices = space.sample(rng)
        form = space.canonical(choices)
        assert space.canonical(form) == form
        assert LimitedSpace(space.inner, _excess).canonical(choices) == form


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_searches_inside_the_limits(name: str) -> None:
    inner = make_space("lite-elastic", max_resolution=128)
    strategy = make_strategy(name, LimitedSpace(inner, _excess), 1, initial=[inner.full(128)], evaluations=12)
    seen = set()
    for _ in range(12):
        proposal = strategy.ask()
        assert _excess(inner.decode(proposal.choices)) == 0
        seen.add(proposal.choices)
        value = random.Random(f"{proposal.choices}").random()
        values = {"accuracy": value, "latency_ms": 1 + value}
        strategy.tell(Observation(proposal.number, proposal.choices, values, value))
    assert len(seen) == 12


def test_limits_that_no_network_keeps_end_in_a_sentence() -> None:
    with pytest.raises(SpaceError, match="within this device's limits"):
        LimitedSpace(make_space("nasbench201", max_resolution=32), lambda _architecture: 1.0)
