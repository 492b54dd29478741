"""Which strategies a person may choose, and for which spaces."""

from __future__ import annotations

import pytest

from nas.errors import SpaceError
from nas.spaces import SPACES
from nas.strategies import SEARCH_STRATEGIES, STRATEGIES, check_strategy


def test_darts_is_offered_beside_the_ask_tell_strategies() -> None:
    assert (*STRATEGIES, "one_shot", "darts") == SEARCH_STRATEGIES


@pytest.mark.parametrize("space", SPACES)
def test_every_ask_tell_strategy_serves_every_space(space: str) -> None:
    for strategy in STRATEGIES:
        check_strategy(strategy, space)


def test_darts_serves_cells_and_says_so_elsewhere() -> None:
    for space in ("cell", "nasbench201"):
        check_strategy("darts", space)
    for space in ("lite-elastic", "mbconv"):
        with pytest.raises(SpaceError, match=f"it searches cell and nasbench201, not {space}"):
            check_strategy("darts", space)
