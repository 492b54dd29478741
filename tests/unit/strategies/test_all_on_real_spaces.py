"""Every strategy on the spaces of real searches, with the few candidates that minutes allow."""

from __future__ import annotations

import pytest

from nas.cost import macs
from nas.spaces import SPACES, make_space
from nas.strategies import STRATEGIES, make_strategy
from nas.strategies.base import Observation, Strategy


def play(strategy: Strategy, n: int) -> list[Observation]:
    history = []
    for _ in range(n):
        proposal = strategy.ask()
        cost = macs(strategy.space.decode(proposal.choices)) / 1e6  # type: ignore[arg-type]
        values = {"accuracy": 0.5 + sum(proposal.choices) / 200, "latency_ms": cost / 20}
        told = Observation(proposal.number, proposal.choices, values, values["accuracy"] - cost / 1e3)
        strategy.tell(told)
        history.append(told)
    return history


@pytest.mark.parametrize("space_name", SPACES)
@pytest.mark.parametrize("name", STRATEGIES)
def test_ledger_rebuilds_the_strategy_candidate_by_candidate(name: str, space_name: str) -> None:
    space = make_space(space_name, max_resolution=128)
    original = play(make_strategy(name, space, 3, evaluations=10), 14)
    assert len({one.choices for one in original}) == 14
    for cut in (1, 7):
        rebuilt = make_strategy(name, space, 3, evaluations=10)
        rebuilt.replay(original[:cut])
        assert [one.choices for one in play(rebuilt, 4)] == [one.choices for one in original[cut : cut + 4]]
