"""The contract of a strategy: `ask` for a proposal, `tell` what came of it, rebuild by replay."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nas.spaces.base import Choices, SearchSpace
from nas.strategies.telemetry import Telemetry


@dataclass(frozen=True)
class Proposal:
    """What to evaluate next.

    Attributes:
        number: Index of the proposal within this strategy, from 0 without gaps.
        choices: Canonical choices in the space, never proposed before in this run.
    """

    number: int
    choices: Choices


@dataclass(frozen=True)
class Observation:
    """What came of a proposal.

    Attributes:
        number: The proposal's number.
        choices: The proposal's choices.
        values: Metric name -> value, e.g. accuracy and latency_ms; empty if failed.
        reward: The scalar that single-objective strategies maximise; None if failed or NaN.
    """

    number: int
    choices: Choices
    values: Mapping[str, float]
    reward: float | None


class Strategy(ABC):
    """An ask/tell search strategy. It never sees data, torch or evaluators.

    Randomness comes from (seed, proposal number) alone, so that `replay` over the told observations
    rebuilds the very state of a strategy that never stopped.
    """

    name: str

    def __init__(self, space: SearchSpace, seed: int) -> None:
        """Takes the space to search and the seed of all draws."""
        self.space = space
        self.seed = seed

    def rng(self, number: int) -> random.Random:
        """Returns the random generator of one proposal."""
        return random.Random(f"{self.seed}:{number}")

    @abstractmethod
    def ask(self) -> Proposal:
        """Proposes the next candidate; calling it again before `tell` returns the same proposal.

        Raises:
            SpaceError: If bounded resampling finds no new candidate.
        """

    @abstractmethod
    def ask_another(self) -> Proposal | None:
        """Proposes one more candidate while others are under way, for evaluations side by side.

        What it proposes depends on the results of earlier batches alone and never on which results of the
        batch at hand have come in, so any number of workers at any speed sees the same candidates.

        Returns:
            A proposal that was not handed out before; None if the results of the batch must come first.

        Raises:
            SpaceError: If bounded resampling finds no new candidate.
        """

    @abstractmethod
    def tell(self, observation: Observation) -> None:
        """Takes the result of a proposal under way; results may come in any order.

        Raises:
            ValueError: If the observation is of no proposal under way.
        """

    @abstractmethod
    def replay(self, observations: Iterable[Observation]) -> None:
        """Rebuilds the state from finished observations.

        Numbers may be missing where evaluations were under way; `ask` and `ask_another` hand these out
        again first.

        Raises:
            ValueError: If an observation does not come from this strategy with this seed.
        """

    def telemetry(self) -> Telemetry:
        """Returns what the method is doing now, for people who watch; nothing unless a method says more.

        It follows from the proposals and results so far alone, takes a few milliseconds at most, and calling
        it changes no proposal.
        """
        return Telemetry()
