"""The search for the base: a strategy proposes networks, short trainings judge them."""

from __future__ import annotations

import math
import random
from statistics import fmean

from nas.candidate import Candidate
from nas.errors import SpaceError
from nas.objectives import ACCURACY, LATENCY_MS, joint_reward
from nas.phases import halving, ladder, one_shot, warm_up
from nas.phases.baselines import PARENT_TASK
from nas.phases.context import RunContext
from nas.phases.plan import CANDIDATES_WANTED, TARGET_LATENCY, short_training_seconds
from nas.phases.planning import plan_of
from nas.phases.speed import overhead
from nas.phases.work import Job, begun, do
from nas.spaces import make_space
from nas.spaces.base import Choices, SearchSpace
from nas.spaces.limited import LimitedSpace
from nas.spaces.lite_elastic import LiteElastic
from nas.strategies import make_strategy
from nas.strategies.base import Observation, Proposal, Strategy

_FAILURES_IN_A_ROW = 8
_DRAWN = 64


def run(ctx: RunContext) -> None:
    """Asks, evaluates and tells until the phase's time is used or nothing new is left."""
    ctx.enter("base_search", "Searching for the best base network")
    supernet = one_shot.train(ctx) if one_shot.wanted(ctx.config) else None
    space = search_space(ctx)
    target = target_cost(ctx)
    ladder.run(ctx, space)
    strategy = _strategy(ctx, space)
    told = [one for one in ctx.candidates if one.phase == "base_search" and one.choices is not None]
    strategy.replay(_observation(ctx, candidate, number, target) for number, candidate in enumerate(told))
    seconds = training_seconds(ctx) if supernet is None else 0.0
    scores = one_shot.scorer(ctx)
    if ctx.config.evaluator == "halving":
        _halve(ctx, strategy, space, told)
        ctx.leave()
        return
    most = ladder.most_proposals(ctx, space)
    while len(told) < most and not _hopeless(told) and _goes_on(ctx, space, told, seconds):
        try:
            proposal = strategy.ask()
        except SpaceError:
            ctx.log("Every network of the space has been tried.")
            break
        if supernet is None:
            work = _job(ctx, space, proposal, seconds)
        else:
            work = one_shot.job(scores, supernet, proposal, space.decode(proposal.choices))
        candidate = do(ctx, work)
        strategy.tell(_observation(ctx, candidate, len(told), target))
        told.append(candidate)
        ctx.emit("method", strategy=strategy.name, step=len(told), **strategy.telemetry().to_json())
    ctx.leave()


def _goes_on(ctx: RunContext, space: SearchSpace, told: list[Candidate], seconds: float) -> bool:
    """True if a network is under way, or there is time for one, which a whole Lite0 may borrow."""
    return (
        begun(ctx, f"search:{len(told)}")
        or _time_for_another(ctx, told, seconds)
        or ladder.may_borrow(ctx, space, len(told))
    )


def _halve(ctx: RunContext, strategy: Strategy, space: SearchSpace, told: list[Candidate]) -> None:
    """Plays rounds of successive halving as long as there is time."""
    target, plan = target_cost(ctx), halving.plan(ctx)
    longest = plan.total_seconds(plan.rungs - 1)
    search = halving.Search(
        strategy,
        told,
        job=lambda proposal: _job(ctx, space, proposal, longest),
        observe=lambda candidate, number: _observation(ctx, candidate, number, target),
    )
    while not _hopeless(told) and halving.another_round(ctx, search):
        pass


def _strategy(ctx: RunContext, space: SearchSpace) -> Strategy:
    limit_ms = ctx.config.target_latency_ms
    together = halving.plan(ctx).size if ctx.config.evaluator == "halving" else 1
    return make_strategy(
        ctx.config.strategy,
        space,
        ctx.config.seed,
        initial=_initial(ctx, space),
        evaluations=one_shot.expected_scores(ctx) if one_shot.wanted(ctx.config) else networks_wanted(ctx),
        objectives=(ACCURACY, ctx.cost.objective),
        limits={} if limit_ms is None else {LATENCY_MS.name: limit_ms},
        workers=together,
    )


def search_space(ctx: RunContext) -> SearchSpace:
    """Returns the space of the run, without the networks that the device cannot hold.

    Raises:
        SpaceError: If the device can hold none.
    """
    space = make_space(ctx.config.space, max_resolution=ctx.cache.cache_size, resolutions=one_shot.sides(ctx))
    target, n_classes = ctx.target, ctx.cache.n_classes
    if target is None or not target.limits:
        return space
    return LimitedSpace(space, lambda architecture: target.excess(architecture, n_classes))


def target_cost(ctx: RunContext) -> float:
    """Returns the cost that the base should have: of latency in milliseconds, else in the metric's own unit.

    It is a share of the adapted Lite0's; where the device cannot hold that, of the dearest of some networks
    that it can.
    """
    if ctx.config.target_latency_ms is not None:
        return ctx.config.target_latency_ms
    parent = ctx.done(PARENT_TASK)
    if parent is None or parent.metrics is None:
        reference: float = ctx.state.values["first_cost"]
    elif parent.metrics.fits:
        reference = ctx.cost.of(parent.metrics)
    else:
        reference = _dearest_that_fits(ctx)
    return TARGET_LATENCY[ctx.config.goal] * reference


def _dearest_that_fits(ctx: RunContext) -> float:
    if "dearest" not in ctx.state.values:
        space, target = search_space(ctx), ctx.target
        assert target is not None  # only a device forbids
        rng = random.Random(ctx.config.seed)
        drawn = [space.decode(space.canonical(space.sample(rng))) for _ in range(_DRAWN)]
        name, n_classes = ctx.cost.objective.name, ctx.cache.n_classes
        costs = [target.predict(network, n_classes)[name] for network in drawn]
        ctx.state.values["dearest"] = max(costs)
    dearest: float = ctx.state.values["dearest"]
    return dearest


def reward(ctx: RunContext, candidate: Candidate, target: float) -> float | None:
    """Returns what single-objective strategies maximise, None for a failed candidate."""
    if candidate.metrics is None:
        return None
    cost = ctx.cost.of(candidate.metrics)
    value = joint_reward(ctx.config.reward, candidate.metrics.accuracy, cost, target)
    return value if math.isfinite(value) else None


def best_base(ctx: RunContext) -> Candidate | None:
    """Returns the base search's finished candidate with the highest reward, None if there is none."""
    target = target_cost(ctx)
    searched = ctx.finished(source="base_search", fidelity="short")
    found = [one for one in searched if one.choices is not None]  # not the ladder beside another space
    return max(found, key=lambda candidate: reward(ctx, candidate, target) or -math.inf, default=None)


def search_parent(ctx: RunContext) -> Candidate | None:
    """Returns the candidate whose weights the base search inherits, None where it trains from scratch."""
    parent = ctx.done(PARENT_TASK)
    inherits = ctx.config.space == LiteElastic.name and parent is not None and parent.metrics is not None
    return parent if inherits else None


def _job(ctx: RunContext, space: SearchSpace, proposal: Proposal, seconds: float) -> Job:
    architecture, parent = space.decode(proposal.choices), search_parent(ctx)
    recipe = None
    if parent is not None:
        seconds, recipe = ladder.training_of(ctx, architecture, seconds)
    return Job(
        task=f"search:{proposal.number}",
        phase="base_search",
        source="base_search",
        fidelity="short",
        label=f"Search {proposal.number + 1} · {architecture.resolution} px",
        architecture=architecture,
        seconds=seconds,
        recipe=recipe,
        parent=parent,
        choices=proposal.choices,
        details={
            "initialisation": "inherited" if parent else "from scratch",
            **warm_up.facts(ctx, proposal.choices),
        },
    )


def _initial(ctx: RunContext, space: SearchSpace) -> list[Choices]:
    """Returns what is proposed first: the best by a proxy, or the full Lite0 just below its resolution."""
    if ctx.config.evaluator == "proxy":
        return warm_up.best_by_proxy(ctx, space, target_cost(ctx), CANDIDATES_WANTED // 2)
    return ladder.proposals(ctx, space)


def _observation(ctx: RunContext, candidate: Candidate, number: int, target: float) -> Observation:
    values: dict[str, float] = {}
    if candidate.metrics is not None:
        cost = ctx.cost.of(candidate.metrics)
        values = {"accuracy": candidate.metrics.accuracy, ctx.cost.objective.name: cost}
    assert candidate.choices is not None
    return Observation(number, candidate.choices, values, reward(ctx, candidate, target))


def training_seconds(ctx: RunContext) -> float:
    """Returns the seconds of one short training, settled once for the whole run."""
    if "short_seconds" not in ctx.state.values:
        each = short_training_seconds(ctx.phase_remaining(), overhead(ctx), networks_wanted(ctx))
        ctx.state.values["short_seconds"] = each
    seconds: float = ctx.state.values["short_seconds"]
    return seconds


def networks_wanted(ctx: RunContext) -> int:
    """Returns the networks that the base search aims at."""
    return ctx.state.values.setdefault("networks", _planned_networks(ctx))  # type: ignore[no-any-return]


def _planned_networks(ctx: RunContext) -> int:
    plan = plan_of(ctx)
    return CANDIDATES_WANTED if plan is None else max(1, plan.networks)


def _time_for_another(ctx: RunContext, told: list[Candidate], seconds: float) -> bool:
    extra = [  # a whole Lite0 may have been left as it was
        candidate.seconds - candidate.details.get("training_seconds", seconds)
        for candidate in told
        if candidate.metrics is not None
    ]
    typical = seconds + (fmean(extra[-5:]) if extra else overhead(ctx))
    return ctx.phase_remaining() >= 0.7 * typical


def _hopeless(told: list[Candidate]) -> bool:
    """True after so many failures in a row that something is wrong with the data or the machine."""
    return len(told) >= _FAILURES_IN_A_ROW and all(
        candidate.metrics is None for candidate in told[-_FAILURES_IN_A_ROW:]
    )
