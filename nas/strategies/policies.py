"""Policies over choices with their gradients, in numpy: a strategy must not load torch for 35,000 weights.

`LstmPolicy` is the controller of Zoph & Le 2017: one LSTM step a decision, whose input is the embedding of
the choice made before. `FactorisedPolicy` has one softmax a decision and no memory, as in TuNAS (Bender et
al. 2020). Both sample choices, give the logits of given choices, and turn gradients of logits into
gradients of their parameters. `tests/unit/strategies/test_policies.py` compares these with differences.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Actions = NDArray[np.int64]
"""Choices as an array, shape (batch, decisions)."""

_INITIAL_RANGE = 0.1
"""Weights begin uniform in +-0.1, as the controller of ENAS (Pham et al. 2018)."""


def log_softmax(logits: Array) -> Array:
    """Returns log probabilities along the last axis."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    result: Array = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return result


class Policy(ABC):
    """A distribution over choices.

    Attributes:
        sizes: Number of values of each decision.
        parameters: Arrays that an optimiser changes in place.
    """

    sizes: tuple[int, ...]
    parameters: list[Array]

    @abstractmethod
    def sample(self, rng: np.random.Generator, batch: int, temperature: float = 1.0) -> Actions:
        """Draws choices, shape (batch, decisions); a temperature above 1 spreads them."""

    @abstractmethod
    def logits(self, actions: Actions) -> list[Array]:
        """Returns for each decision its logits given the choices before it, shape (batch, size)."""

    @abstractmethod
    def gradients(self, by_logits: Sequence[Array]) -> list[Array]:
        """Returns the gradients of `parameters` for gradients of what `logits` returned last."""


class FactorisedPolicy(Policy):
    """One softmax a decision; it begins uniform."""

    def __init__(self, sizes: Sequence[int]) -> None:
        """Sets all logits to 0."""
        self.sizes = tuple(sizes)
        self.parameters = [np.zeros(size) for size in self.sizes]

    def sample(self, rng: np.random.Generator, batch: int, temperature: float = 1.0) -> Actions:
        """Draws each decision on its own."""
        columns = [
            _draw(rng, np.broadcast_to(logits, (batch, len(logits))) / temperature)
            for logits in self.parameters
        ]
        return np.stack(columns, axis=1)

    def logits(self, actions: Actions) -> list[Array]:
        """Returns the parameters, once for each member of the batch."""
        return [np.broadcast_to(one, (len(actions), len(one))) for one in self.parameters]

    def gradients(self, by_logits: Sequence[Array]) -> list[Array]:
        """Sums over the batch."""
        return [one.sum(axis=0) for one in by_logits]


class _Step(NamedTuple):
    """What the backward pass needs of one step: input and hidden side by side, cells, gates, output."""

    joined: Array
    cell_before: Array
    cell: Array
    gates: Array
    hidden: Array


class LstmPolicy(Policy):
    """One LSTM step a decision, embeddings and output layers of each decision's own."""

    def __init__(self, sizes: Sequence[int], hidden: int, rng: np.random.Generator) -> None:
        """Draws the weights.

        Args:
            sizes: Number of values of each decision.
            hidden: Units of the LSTM and length of an embedding.
            rng: Source of the weights.
        """
        self.sizes = tuple(sizes)
        self.hidden = hidden

        def weights(*shape: int) -> Array:
            return rng.uniform(-_INITIAL_RANGE, _INITIAL_RANGE, shape)

        self._gates = weights(2 * hidden, 4 * hidden)
        self._bias = np.zeros(4 * hidden)
        self._start = weights(1, hidden)
        self._embeddings = [weights(size, hidden) for size in self.sizes[:-1]]
        self._heads = [weights(hidden, size) for size in self.sizes]
        self._offsets = [np.zeros(size) for size in self.sizes]
        self.parameters = [
            self._gates,
            self._bias,
            self._start,
            *self._embeddings,
            *self._heads,
            *self._offsets,
        ]
        self._actions: Actions = np.zeros((0, len(self.sizes)), dtype=np.int64)
        self._steps: list[_Step] = []

    def sample(self, rng: np.random.Generator, batch: int, temperature: float = 1.0) -> Actions:
        """Draws decision after decision."""
        actions = np.zeros((batch, len(self.sizes)), dtype=np.int64)
        hidden = cell = np.zeros((batch, self.hidden))
        for number in range(len(self.sizes)):
            step = self._step(self._input(number, actions), hidden, cell)
            hidden, cell = step.hidden, step.cell
            actions[:, number] = _draw(rng, self._head(number, hidden) / temperature)
        return actions

    def logits(self, actions: Actions) -> list[Array]:
        """Runs the LSTM over given choices and keeps what `gradients` needs."""
        hidden = cell = np.zeros((len(actions), self.hidden))
        self._actions, self._steps, result = actions, [], []
        for number in range(len(self.sizes)):
            step = self._step(self._input(number, actions), hidden, cell)
            self._steps.append(step)
            hidden, cell = step.hidden, step.cell
            result.append(self._head(number, hidden))
        return result

    def gradients(self, by_logits: Sequence[Array]) -> list[Array]:
        """Goes back through time (Hochreiter & Schmidhuber 1997, without truncation)."""
        found = [np.zeros_like(one) for one in self.parameters]
        gates, bias, start = found[:3]
        embeddings = found[3 : 2 + len(self.sizes)]
        heads = found[2 + len(self.sizes) : 2 + 2 * len(self.sizes)]
        offsets = found[2 + 2 * len(self.sizes) :]
        by_hidden = by_cell = np.zeros((len(self._actions), self.hidden))
        for number in reversed(range(len(self.sizes))):
            step = self._steps[number]
            heads[number] += step.hidden.T @ by_logits[number]
            offsets[number] += by_logits[number].sum(axis=0)
            by_hidden = by_hidden + by_logits[number] @ self._heads[number].T
            by_gates, by_cell = _back(step, by_hidden, by_cell)
            gates += step.joined.T @ by_gates
            bias += by_gates.sum(axis=0)
            by_joined = by_gates @ self._gates.T
            by_hidden = by_joined[:, self.hidden :]
            if number:
                np.add.at(embeddings[number - 1], self._actions[:, number - 1], by_joined[:, : self.hidden])
            else:
                start += by_joined[:, : self.hidden].sum(axis=0)
        return found

    def _input(self, number: int, actions: Actions) -> Array:
        if number == 0:
            return np.broadcast_to(self._start, (len(actions), self.hidden))
        return self._embeddings[number - 1][actions[:, number - 1]]

    def _head(self, number: int, hidden: Array) -> Array:
        return hidden @ self._heads[number] + self._offsets[number]

    def _step(self, given: Array, hidden: Array, cell: Array) -> _Step:
        """Applies input, forget and output gate and the candidate, side by side in this order."""
        joined = np.concatenate([given, hidden], axis=1)
        gates = joined @ self._gates + self._bias
        n = 3 * self.hidden
        gates[:, :n] = 1.0 / (1.0 + np.exp(-gates[:, :n]))
        gates[:, n:] = np.tanh(gates[:, n:])
        let_in, keep, let_out, new = np.split(gates, 4, axis=1)
        after = keep * cell + let_in * new
        return _Step(joined, cell, after, gates, let_out * np.tanh(after))


def _back(step: _Step, by_hidden: Array, by_cell: Array) -> tuple[Array, Array]:
    """Returns the gradients before the gates' nonlinearities and those of the cell before the step."""
    let_in, keep, let_out, new = np.split(step.gates, 4, axis=1)
    squashed = np.tanh(step.cell)
    by_cell = by_cell + by_hidden * let_out * (1.0 - squashed**2)
    by_gates = np.concatenate(
        [
            by_cell * new * let_in * (1.0 - let_in),
            by_cell * step.cell_before * keep * (1.0 - keep),
            by_hidden * squashed * let_out * (1.0 - let_out),
            by_cell * let_in * (1.0 - new**2),
        ],
        axis=1,
    )
    return by_gates, by_cell * keep


def _draw(rng: np.random.Generator, logits: Array) -> Actions:
    """Draws one value a row by inverting the cumulative distribution."""
    cumulative = np.exp(log_softmax(logits)).cumsum(axis=1)
    drawn = (rng.random((len(logits), 1)) * cumulative[:, -1:] > cumulative).sum(axis=1)
    result: Actions = np.minimum(drawn, logits.shape[1] - 1).astype(np.int64)
    return result


class Adam:
    """Kingma & Ba 2015, algorithm 1, in place."""

    def __init__(self, parameters: Sequence[Array], rate: float) -> None:
        """Sets the moments to 0."""
        self._parameters, self._rate, self._steps = list(parameters), rate, 0
        self._first = [np.zeros_like(one) for one in parameters]
        self._second = [np.zeros_like(one) for one in parameters]

    def descend(self, gradients: Sequence[Array]) -> None:
        """Takes one step against the gradients."""
        self._steps += 1
        rate = self._rate * (1 - 0.999**self._steps) ** 0.5 / (1 - 0.9**self._steps)
        for index, gradient in enumerate(gradients):
            first, second = self._first[index], self._second[index]
            first += 0.1 * (gradient - first)
            second += 0.001 * (gradient**2 - second)
            self._parameters[index] -= rate * first / (np.sqrt(second) + 1e-8)
