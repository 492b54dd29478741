"""The controllers' gradients against central differences, and their samples against their probabilities."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from nas.strategies.policies import Actions, Adam, Array, FactorisedPolicy, LstmPolicy, Policy, log_softmax
from nas.strategies.reinforce import chosen_log_probabilities, loss_gradients, ppo_weights

SIZES = (3, 2, 4, 3)
ENTROPY = 0.3
CLIP = 0.2


def lstm() -> Policy:
    return LstmPolicy(SIZES, 5, np.random.default_rng(0))


def factorised() -> Policy:
    policy, rng = FactorisedPolicy(SIZES), np.random.default_rng(1)
    for index, size in enumerate(SIZES):
        policy.parameters[index] += rng.normal(size=size)
    return policy


POLICIES = pytest.mark.parametrize("make", [lstm, factorised])


def entropies(logits: list[Array]) -> Array:
    return np.stack([-(np.exp(log_softmax(x)) * log_softmax(x)).sum(axis=1) for x in logits], axis=1)


def reinforce_loss(policy: Policy, actions: Actions, advantages: Array) -> float:
    logits = policy.logits(actions)
    gain = advantages[:, None] * chosen_log_probabilities(logits, actions)
    return -float((gain + ENTROPY * entropies(logits)).sum(axis=1).mean())


def ppo_loss(policy: Policy, actions: Actions, advantages: Array, before: Array) -> float:
    logits = policy.logits(actions)
    ratio = np.exp(chosen_log_probabilities(logits, actions) - before)
    gain = np.minimum(ratio * advantages[:, None], np.clip(ratio, 1 - CLIP, 1 + CLIP) * advantages[:, None])
    return -float((gain + ENTROPY * entropies(logits)).sum(axis=1).mean())


def assert_gradients(policy: Policy, found: list[Array], loss: Callable[[], float]) -> None:
    assert len(found) == len(policy.parameters)
    for parameter, gradient in zip(policy.parameters, found, strict=True):
        assert gradient.shape == parameter.shape
        for index in np.ndindex(*parameter.shape):
            kept, step = parameter[index], 1e-5
            parameter[index] = kept + step
            above = loss()
            parameter[index] = kept - step
            below = loss()
            parameter[index] = kept
            assert gradient[index] == pytest.approx((above - below) / (2 * step), rel=1e-4, abs=1e-8)


@POLICIES
def test_gradient_of_reinforce_with_entropy_agrees_with_differences(make: Callable[[], Policy]) -> None:
    policy, rng = make(), np.random.default_rng(2)
    actions, advantages = policy.sample(rng, 6), rng.normal(size=6)
    weights = np.broadcast_to(advantages[:, None], actions.shape)
    found = policy.gradients(loss_gradients(policy.logits(actions), actions, weights, ENTROPY))
    assert_gradients(policy, found, lambda: reinforce_loss(policy, actions, advantages))


@POLICIES
def test_gradient_of_clipped_ppo_agrees_with_differences(make: Callable[[], Policy]) -> None:
    policy, rng = make(), np.random.default_rng(3)
    actions, advantages = policy.sample(rng, 8), rng.normal(size=8)
    now = chosen_log_probabilities(policy.logits(actions), actions)
    before = now + rng.uniform(-0.5, 0.5, size=now.shape)
    weights = ppo_weights(now, before, advantages, CLIP)
    assert (weights == 0).any() and (weights != 0).any()  # some are clipped, some are not
    found = policy.gradients(loss_gradients(policy.logits(actions), actions, weights, ENTROPY))
    assert_gradients(policy, found, lambda: ppo_loss(policy, actions, advantages, before))


@POLICIES
def test_samples_follow_the_probabilities_and_temperature_spreads_them(make: Callable[[], Policy]) -> None:
    policy, rng = make(), np.random.default_rng(4)
    for index in range(len(policy.parameters)):
        policy.parameters[index] *= 3
    drawn = policy.sample(rng, 20_000)
    first = np.exp(log_softmax(policy.logits(drawn)[0]))[0]
    shares = np.bincount(drawn[:, 0], minlength=SIZES[0]) / len(drawn)
    assert shares == pytest.approx(first, abs=0.02)
    last = np.exp(log_softmax(policy.logits(drawn)[-1])).mean(axis=0)
    shares = np.bincount(drawn[:, -1], minlength=SIZES[-1]) / len(drawn)
    assert shares == pytest.approx(last, abs=0.02)
    hot = policy.sample(rng, 20_000, temperature=1000.0)
    assert np.bincount(hot[:, 0]) / len(hot) == pytest.approx(1 / 3, abs=0.02)


def test_later_decisions_of_the_lstm_depend_on_earlier_ones_and_not_the_other_way_round() -> None:
    policy = lstm()
    first, second = (policy.logits(np.array([[choice, 0, 0, 0]])) for choice in (0, 1))
    assert np.array_equal(first[0], second[0])
    assert not np.allclose(first[3], second[3], atol=1e-6)
    first, second = (policy.logits(np.array([[0, 0, 0, choice]])) for choice in (0, 1))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_adam_takes_the_steps_of_the_paper() -> None:
    parameter = np.array([1.0, -2.0])
    adam = Adam([parameter], rate=0.1)
    adam.descend([np.array([4.0, -0.5])])
    assert parameter == pytest.approx([0.9, -1.9])  # the first step is the rate, whatever the gradient
    adam.descend([np.array([0.0, -0.5])])
    first, second = 0.9 * 0.4 / (1 - 0.81), 0.999 * 0.016 / (1 - 0.999**2)
    assert parameter == pytest.approx([0.9 - 0.1 * first / second**0.5, -1.8], abs=1e-6)
