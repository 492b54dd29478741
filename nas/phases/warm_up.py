"""Warm-up ranking: a proxy picks the networks that the base search trains first.

After Abdelfattah et al. 2021, "Zero-cost proxies for lightweight NAS" (arXiv 2101.08134): many random
networks are scored without training, and the best begin the search, whatever the strategy. Proxies like
large networks, so those whose MACs promise more than the wanted latency are left out of the ranking.
"""

from __future__ import annotations

import math
import random
from typing import Any

from nas.architecture import CellArchitecture, MBConvArchitecture
from nas.cost import macs
from nas.errors import EvaluationError
from nas.evaluators.proxy import ProxyEvaluator, proxy_facts
from nas.phases.context import RunContext
from nas.spaces.base import Choices, SearchSpace

POOL = 60
"""Random networks that are scored, fewer if the time is short."""

_SHARE = 0.2  # of the phase, at most


def best_by_proxy(ctx: RunContext, space: SearchSpace, target: float, n: int) -> list[Choices]:
    """Returns the choices of the best `n` of the pool, best first; scores are kept in the run's state.

    Args:
        ctx: The run.
        space: Where the pool is drawn from.
        target: Wanted cost of the base.
        n: How many to return.

    Raises:
        SliceEnded: The slice is over; the next one goes on with the rest of the pool.
        StopRequested: The user wants what there is now.
    """
    pool = _pool(space, ctx.config.seed)
    scores = _scores(ctx, space, pool)
    values = ctx.state.values
    limit = values["first_macs"] * target / values["first_cost"]
    sizes = {choices: _macs(space, choices) for choices in pool}
    fitting = [choices for choices in pool if sizes[choices] <= limit]
    if len(fitting) < n:
        fitting = sorted(pool, key=lambda choices: sizes[choices])[:n]
    known = [choices for choices in fitting if _key(choices) in scores]

    def rank(choices: Choices) -> float:
        score = scores[_key(choices)]
        return -math.inf if score is None else score

    return sorted(known, key=rank, reverse=True)[:n]


def facts(ctx: RunContext, choices: Choices) -> dict[str, Any]:
    """Returns a network's score for the details of its candidate; nothing if it was not scored."""
    scores = ctx.state.values.get("warm_up", {}).get("scores", {})
    key = _key(choices)
    return proxy_facts(ctx.config.proxy, scores[key]) if key in scores else {}


def _pool(space: SearchSpace, seed: int) -> list[Choices]:
    """Draws different networks at random; fewer in a tiny space."""
    rng = random.Random(f"{seed}:warm-up")
    return list(dict.fromkeys(space.canonical(space.sample(rng)) for _ in range(POOL)))


def _scores(ctx: RunContext, space: SearchSpace, pool: list[Choices]) -> dict[str, float | None]:
    """Scores the pool in its order as far as the time goes; what was scored in earlier slices is kept."""
    values = ctx.state.values
    until = ctx.spent() + _SHARE * ctx.phase_remaining()
    state: dict[str, Any] = values.setdefault("warm_up", {"until": until, "over": False, "scores": {}})
    scores: dict[str, float | None] = state["scores"]
    evaluator = ProxyEvaluator(ctx.evaluator, ctx.config.proxy, seed=ctx.config.seed)
    for number, choices in enumerate(pool):
        if state["over"] or (scores and ctx.spent() > state["until"]):
            break
        if _key(choices) in scores:
            continue
        ctx.check()
        ctx.now_doing(f"Scoring untrained networks by {ctx.config.proxy}: {number + 1} of {len(pool)}")
        try:
            score = evaluator.score(space.decode(choices), seed=ctx.config.seed * 10_007 + number)
        except (EvaluationError, RuntimeError, MemoryError):  # also of a decomposition that does not converge
            score = None
        scores[_key(choices)] = score
    if not state["over"]:
        state["over"] = True  # what begins the search must be the same in every slice
        ctx.save()
        ctx.log(f"{len(scores)} untrained networks were ranked by {ctx.config.proxy}, which is no accuracy.")
    return scores


def _key(choices: Choices) -> str:
    return ",".join(map(str, choices))


def _macs(space: SearchSpace, choices: Choices) -> int:
    architecture = space.decode(choices)
    assert isinstance(architecture, MBConvArchitecture | CellArchitecture)
    return macs(architecture)
