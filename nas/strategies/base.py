"""The contract of a strategy: `ask` for a proposal, `tell` what came of it, rebuild by replay."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nas.spaces.base import Choices, SearchSpace


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
    def tell(self, observation: Observation) -> None:
        """Takes the result of the proposal that `ask` returned last.

        Raises:
            ValueError: If the observation is not of the pending proposal.
        """

    def replay(self, observations: Iterable[Observation]) -> None:
        """Rebuilds the state from finished observations, in the order of their numbers."""
        for observation in observations:
            proposal = self.ask()
            if proposal.choices != observation.choices:
                raise ValueError(f"proposal {proposal.number} of the ledger does not come from this strategy")
            self.tell(observation)
