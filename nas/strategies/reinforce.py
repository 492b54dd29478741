"""Policy-gradient search: Zoph & Le 2017, "Neural Architecture Search with Reinforcement Learning".

A policy samples networks, and their rewards shift it: by REINFORCE (Williams 1992) with a moving-average
baseline and an entropy bonus, or by PPO's clipped objective (Schulman et al. 2017, equation 7), which
learns several times from each batch, as NASNet's search does (Zoph et al. 2018).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nas.spaces.base import Choices, SearchSpace
from nas.strategies.base import Observation
from nas.strategies.pending import SequentialStrategy
from nas.strategies.policies import Actions, Adam, Array, FactorisedPolicy, LstmPolicy, Policy, log_softmax
from nas.strategies.telemetry import Telemetry, option_shares

_ROUNDS = 5
"""Batches in a row that may hold known networks only before the samples are spread."""

_TEMPERATURES = (2.0, 4.0, 8.0)
"""How far they are spread then, one batch each, before a random network is taken."""


@dataclass(frozen=True)
class ReinforceOptions:
    """Options of the policy-gradient search.

    Attributes:
        policy: ``"lstm"`` for the controller, ``"factorised"`` for one softmax a decision.
        update: ``"reinforce"`` or ``"ppo"``.
        batch: Samples of the policy between two updates, >= 1.
        learning_rate: Adam's, > 0.
        entropy: Weight of the entropy bonus of a decision, >= 0, where rewards have unit spread.
        decay: Weight of the past in the baseline and the spread, in [0, 1).
        hidden: Units of the LSTM, >= 1.
        clip: PPO's bound on the change of a probability ratio, > 0.
        epochs: PPO's steps on a batch, >= 1.
        initial: Choices to propose first.
    """

    policy: Literal["lstm", "factorised"] = "lstm"
    update: Literal["reinforce", "ppo"] = "reinforce"
    batch: int = 5
    learning_rate: float = 0.01
    entropy: float = 0.05
    decay: float = 0.9
    hidden: int = 64
    clip: float = 0.2
    epochs: int = 4
    initial: Sequence[Choices] = ()

    def __post_init__(self) -> None:
        """Checks the numbers.

        Raises:
            ValueError: If a number is out of its range.
        """
        if min(self.batch, self.hidden, self.epochs) < 1 or not 0 <= self.decay < 1:
            raise ValueError("batch, hidden and epochs are 1 or more, decay is in [0, 1)")
        if min(self.learning_rate, self.clip) <= 0 or self.entropy < 0:
            raise ValueError("learning_rate and clip are positive, entropy is not negative")

    @classmethod
    def of(cls, name: str, initial: Sequence[Choices] = ()) -> ReinforceOptions:
        """Returns the standard options of ``"reinforce"``, ``"ppo"`` or ``"reinforce_factorised"``."""
        if name == Ppo.name:
            return cls(update="ppo", batch=10, learning_rate=0.005, initial=initial)
        if name == FactorisedReinforce.name:
            return cls(policy="factorised", learning_rate=0.2, initial=initial)
        return cls(initial=initial)


class Reinforce(SequentialStrategy):
    """Samples batches from a policy and learns from their rewards.

    A sample that repeats a known network teaches the policy its known reward and is not evaluated again:
    the learning stays on-policy and no network is paid twice. A failure, or a combination that the space
    does not hold, counts like the worst reward seen.
    """

    name = "reinforce"

    def __init__(self, space: SearchSpace, seed: int, options: ReinforceOptions | None = None) -> None:
        """Draws the policy's weights from the seed; see `ReinforceOptions`."""
        self.options = options or ReinforceOptions.of(self.name)
        super().__init__(space, seed, self.options.initial)
        sizes = [len(decision.choices) for decision in space.decisions]
        rng = np.random.default_rng(random.Random(f"{seed}:policy").getrandbits(64))
        self.policy: Policy = (
            FactorisedPolicy(sizes)
            if self.options.policy == "factorised"
            else LstmPolicy(sizes, self.options.hidden, rng)
        )
        self._adam = Adam(self.policy.parameters, self.options.learning_rate)
        self._baseline = MovingBaseline(self.options.decay)
        self._rewards: dict[Choices, float | None] = {}
        self._sampled: Actions | None = None
        self._queue: list[Choices] = []
        self._updates = 0
        self._batch_reward: float | None = None

    def begin(self, number: int) -> int:
        """Learns from the batch before and samples until something new is among the samples."""
        rng = np.random.default_rng(self.rng(number).getrandbits(64))
        self._learn()
        for _ in range(_ROUNDS):
            self._sampled = self.policy.sample(rng, self.options.batch)
            self._queue = self._new(self._sampled)
            if self._queue:
                return len(self._queue)
            self._learn()
        for temperature in _TEMPERATURES:  # off-policy: evaluated and remembered, not learnt from
            self._queue = self._new(self.policy.sample(rng, self.options.batch, temperature))
            if self._queue:
                return len(self._queue)
        return 1

    def draw(self, rng: random.Random) -> Choices:
        """Takes the next new sample; a random network where the policy found none."""
        return self._queue.pop(0) if self._queue else self.space.sample(rng)

    def observe(self, observation: Observation) -> None:
        """Remembers the reward."""
        self._rewards[observation.choices] = observation.reward

    def telemetry(self) -> Telemetry:
        """Shows entropy and preferences of the policy, rewards and the number of updates.

        The entropy is the mean over the decisions in nats, given the choices before each; it and the
        preferences are means over the batch at hand, or over as many samples that nobody evaluates.
        """
        sampled = self._sampled
        if sampled is None:
            draws = random.Random(f"{self.seed}:telemetry:{self._updates}")
            sampled = self.policy.sample(np.random.default_rng(draws.getrandbits(64)), self.options.batch)
        logs = [log_softmax(one) for one in self.policy.logits(sampled)]
        entropies = [-(np.exp(one) * one).sum(axis=1).mean() for one in logs]
        values = {"entropy": float(np.mean(entropies)), "updates": float(self._updates)}
        if self._batch_reward is not None and self._baseline.mean is not None:
            values |= {"batch_reward": self._batch_reward, "moving_reward": self._baseline.mean}
        shares = option_shares(self.space, [np.exp(one).mean(axis=0) for one in logs])
        return Telemetry({**values, **self.best_reward()}, shares)

    def _new(self, sampled: Actions) -> list[Choices]:
        forms = dict.fromkeys(self._form(row) for row in sampled)
        return [form for form in forms if form not in self._seen and self.space.holds(form)]

    def _form(self, row: Actions) -> Choices:
        return self.space.canonical(tuple(int(index) for index in row))

    def _learn(self) -> None:
        """Updates the policy by the latest samples, new and repeated ones alike."""
        sampled, self._sampled = self._sampled, None
        known = [reward for reward in self._rewards.values() if reward is not None]
        if sampled is None or not known:
            return
        worst = min(known)
        found = [self._rewards.get(self._form(row)) for row in sampled]
        rewards = np.array([worst if reward is None else reward for reward in found])
        self._updates, self._batch_reward = self._updates + 1, float(rewards.mean())
        advantages = self._baseline.advantages(rewards)
        before = chosen_log_probabilities(self.policy.logits(sampled), sampled)
        for _ in range(self.options.epochs if self.options.update == "ppo" else 1):
            self._step(sampled, advantages, before)

    def _step(self, sampled: Actions, advantages: Array, before: Array) -> None:
        logits = self.policy.logits(sampled)
        weights = np.broadcast_to(advantages[:, None], before.shape)
        if self.options.update == "ppo":
            weights = ppo_weights(
                chosen_log_probabilities(logits, sampled), before, advantages, self.options.clip
            )
        by_logits = loss_gradients(logits, sampled, weights, self.options.entropy)
        self._adam.descend(self.policy.gradients(by_logits))


class Ppo(Reinforce):
    """The same with PPO's clipped objective, several steps a batch."""

    name = "ppo"


class FactorisedReinforce(Reinforce):
    """The ablation: one softmax a decision instead of the LSTM."""

    name = "reinforce_factorised"


class MovingBaseline:
    """The moving average of the reward, and of its squared distance, so that the scale plays no part.

    Attributes:
        mean: The moving average; None before the first batch.
    """

    def __init__(self, decay: float) -> None:
        """Takes the weight of the past."""
        self._decay = decay
        self.mean: float | None = None
        self._square = 0.0

    def advantages(self, rewards: Array) -> Array:
        """Returns (reward - baseline) / spread and takes the rewards into both."""
        if self.mean is None:
            self.mean = float(rewards.mean())
            self._square = float(((rewards - self.mean) ** 2).mean())
        differences = rewards - self.mean
        self._square += (1 - self._decay) * (float((differences**2).mean()) - self._square)
        self.mean += (1 - self._decay) * float(differences.mean())
        spread = self._square**0.5
        if not spread > 1e-12 * abs(self.mean):
            spread = np.inf  # all rewards are equal: nothing to learn
        result: Array = differences / spread
        return result


def chosen_log_probabilities(logits: Sequence[Array], actions: Actions) -> Array:
    """Returns log p of each choice, shape (batch, decisions)."""
    rows = np.arange(len(actions))
    return np.stack([log_softmax(one)[rows, actions[:, number]] for number, one in enumerate(logits)], axis=1)


def ppo_weights(now: Array, before: Array, advantages: Array, clip: float) -> Array:
    """Returns d min(r A, clip(r, 1 - c, 1 + c) A) / d log p, with r = p / p_before of each choice."""
    ratio = np.exp(now - before)
    gain = advantages[:, None]
    clipped = ((gain > 0) & (ratio > 1 + clip)) | ((gain < 0) & (ratio < 1 - clip))
    return np.where(clipped, 0.0, ratio * gain)


def loss_gradients(logits: Sequence[Array], actions: Actions, weights: Array, entropy: float) -> list[Array]:
    """Returns the gradients by the logits of -mean over the batch of sum(weights * log p + entropy * H).

    Args:
        logits: Of each decision, shape (batch, size).
        actions: The choices made, shape (batch, decisions).
        weights: Of the log probabilities, shape (batch, decisions).
        entropy: Weight of the entropy H of each decision.
    """
    result = []
    rows = np.arange(len(actions))
    for number, one in enumerate(logits):
        logs = log_softmax(one)
        probabilities = np.exp(logs)
        gradient = weights[:, number : number + 1] * probabilities
        gradient[rows, actions[:, number]] -= weights[:, number]
        spread = -(probabilities * logs).sum(axis=1, keepdims=True)
        gradient += entropy * probabilities * (logs + spread)
        result.append(gradient / len(actions))
    return result
