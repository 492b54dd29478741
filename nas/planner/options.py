"""Which spaces, strategies and evaluators go together, with some of them left to the planner."""

from __future__ import annotations

from collections.abc import Sequence

from nas.automatic import AUTO
from nas.errors import EvaluationError, SpaceError
from nas.evaluators import EVALUATORS, evaluator_refusal, precision_refusal
from nas.planner.facts import Wishes
from nas.spaces import SPACES
from nas.strategies import SEARCH_STRATEGIES, check_strategy

Options = tuple[str, str, str]
"""Space, strategy, evaluator."""


def possible_options(
    wishes: Wishes,
    *,
    precision: str = "fp32",
    spaces: Sequence[str] = SPACES,
    device: str = "",
    device_bits: int | None = None,
    preferred: Options | None = None,
) -> Options:
    """Returns options that go together and keep every wish, the preferred ones if they can be had.

    Args:
        wishes: What people chose themselves.
        precision: What networks are judged as.
        spaces: Those that the device knows.
        device: What people call the device.
        device_bits: Width of the weights that its figures are for, None for this machine.
        preferred: Space, strategy and evaluator for what is left to the planner; else the defaults.

    Raises:
        SpaceError: If strategy and space do not go together.
        EvaluationError: If the evaluator or the precision does not go with them.
    """
    space, strategy, evaluator = preferred or (SPACES[0], SEARCH_STRATEGIES[0], next(iter(EVALUATORS)))
    first: SpaceError | EvaluationError | None = None
    for a_space in _order(wishes.space, space if space in spaces else spaces[0], spaces) if spaces else []:
        for a_strategy in _order(wishes.strategy, strategy, (SEARCH_STRATEGIES[0],)):
            for an_evaluator in _order(wishes.evaluator, evaluator, (next(iter(EVALUATORS)),)):
                try:
                    check_strategy(a_strategy, a_space)
                    refusal = evaluator_refusal(an_evaluator, a_space, a_strategy, wishes.proxy)
                    if refusal := refusal or precision_refusal(precision, a_space, device, device_bits):
                        raise EvaluationError(refusal)
                except (SpaceError, EvaluationError) as error:
                    telling = isinstance(error, EvaluationError) and not isinstance(first, EvaluationError)
                    first = error if first is None or telling else first
                else:
                    return a_space, a_strategy, an_evaluator
    raise first or SpaceError("The device knows no search space. Measure it again, or choose another one.")


def _order(wish: str, preferred: str, others: Sequence[str]) -> list[str]:
    """Returns the wish alone; where it is left to the planner, what to try in turn."""
    if wish != AUTO:
        return [wish]
    return list(dict.fromkeys((preferred, *others)))
