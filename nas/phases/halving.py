"""Successive halving in the base search: many networks briefly, the best of them for longer.

Jamieson & Talwalkar 2016, "Non-stochastic best arm identification and hyperparameter optimization" (arXiv
1502.07943); it is the inner loop of Hyperband (Li et al. 2018, JMLR 18(185)). A round takes n networks from
the strategy. All are trained for r seconds; then, rung by rung, the best third goes on from its checkpoint
for three times as many seconds as before, so that every rung of a full round costs the same n * r.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from nas.candidate import Candidate
from nas.errors import SpaceError
from nas.phases.context import RunContext, StopRequested
from nas.phases.speed import overhead
from nas.phases.work import Job, checkpoint_path, judge
from nas.strategies.base import Observation, Proposal, Strategy

ETA = 3
"""One network in so many goes on, for so many times as long; the papers' 3 to 4."""

_SIZES = (9, 3)  # networks of a round: three rungs, or two where the minutes are few
_ROUNDS_WANTED = 2  # a strategy learns nothing from the first
_SHORTEST_TRAINING = 1.0
_LONGEST_TRAINING = 60.0  # of the last rung, all rungs together
_ENOUGH = 0.7  # as in the plain search: the last piece may overrun its phase by a little


@dataclass(frozen=True)
class Plan:
    """The rungs of a run, settled once.

    Attributes:
        size: Networks of a full round.
        seconds: Training seconds of the first rung.
    """

    size: int
    seconds: float

    @property
    def rungs(self) -> int:
        """Rungs of a round: 1 + log_eta(size), rounded down."""
        count, left = 1, self.size
        while left >= ETA:
            count, left = count + 1, left // ETA
        return count

    def width(self, n: int, rung: int) -> int:
        """Returns how many of `n` networks are trained on a rung, counted from 0: a third each time."""
        return max(1, n // ETA**rung) if n else 0

    def total_seconds(self, rung: int) -> float:
        """Returns the training seconds of a network that has finished a rung, earlier rungs included."""
        return float(self.seconds * sum(ETA**each for each in range(rung + 1)))

    def cost(self, n: int, extra: float) -> float:
        """Returns the seconds of a round of `n` networks, each `extra` longer than its training."""
        each = [self.width(n, rung) * (self.seconds * ETA**rung + extra) for rung in range(self.rungs)]
        return float(sum(each))


@dataclass(frozen=True)
class Search:
    """What the base search hands over.

    Attributes:
        strategy: Has been told `told`.
        told: The candidates so far, in the order of their proposals; a round adds its own.
        job: Makes the work on a proposal; the seconds are those of the last rung.
        observe: Makes an observation of a candidate and the number of its proposal.
    """

    strategy: Strategy
    told: list[Candidate]
    job: Callable[[Proposal], Job]
    observe: Callable[[Candidate, int], Observation]


def plan(ctx: RunContext) -> Plan:
    """Returns the rungs that the phase has time for, settled once for the whole run."""
    if "halving" not in ctx.state.values:
        ctx.state.values["halving"] = dict(vars(plan_for(ctx.phase_remaining(), overhead(ctx))))
        ctx.save()
    return Plan(**ctx.state.values["halving"])


def plan_for(seconds: float, extra: float) -> Plan:
    """Returns rungs of which two rounds fit in, if any do.

    Args:
        seconds: Of the phase.
        extra: What an evaluation adds to a training.
    """
    found = Plan(_SIZES[-1], _SHORTEST_TRAINING)
    for size in _SIZES:
        unit = Plan(size, 1.0)
        free = seconds / _ROUNDS_WANTED - unit.cost(size, extra) + unit.cost(size, 0.0)
        first = min(free / unit.cost(size, 0.0), _LONGEST_TRAINING / unit.total_seconds(unit.rungs - 1))
        if first >= _SHORTEST_TRAINING:
            return Plan(size, round(first, 3))
    return found


def another_round(ctx: RunContext, search: Search) -> bool:
    """Plays one round, or the rest of one that was put down, and tells the strategy what came of it.

    The results of a round are kept in the run's state until the round is over; then each network is
    recorded once, with its longest training, in the order of the proposals.

    Returns:
        False if there is no time or no new network for another round.

    Raises:
        SliceEnded: The slice is over; the next one goes on with the round.
        StopRequested: The user wants what there is now; what the round has trained is recorded.
    """
    rungs = plan(ctx)
    state = _state(ctx, search, rungs)
    if state is None:
        return False
    left = state["size"] - (len(search.told) - state["first"])
    proposals = _ask(ctx, search.strategy, left)
    jobs = [search.job(proposal) for proposal in proposals]
    try:
        if state["over"] is None:  # or a process died while it recorded the round
            state["over"] = _compete(ctx, rungs, search, proposals, jobs)
            ctx.save()
    except StopRequested:
        _record(ctx, jobs)
        raise
    for proposal, candidate in zip(proposals, _record(ctx, jobs), strict=False):
        search.strategy.tell(search.observe(candidate, proposal.number))
        search.told.append(candidate)
    if proposals:
        shown = search.strategy.telemetry().to_json()
        ctx.emit("method", strategy=search.strategy.name, step=len(search.told), **shown)
    del ctx.state.values["round"]
    ctx.save()
    return bool(state["over"]) and (bool(proposals) or not left)


def _state(ctx: RunContext, search: Search, rungs: Plan) -> dict[str, Any] | None:
    """Returns the round under way or a new one; None if there is no time for one.

    `first` is the number of its first proposal, `number` that of its first candidate, `begun` the last
    training that began, `over` whether all rungs were played (False: as far as the time went).
    """
    if "round" not in ctx.state.values:
        size = _affordable(ctx, rungs)
        if not size:
            return None
        numbers = {"first": len(search.told), "number": len(ctx.candidates), "size": size}
        ctx.state.values["round"] = {**numbers, "begun": None, "over": None, "results": {}}
    found: dict[str, Any] = ctx.state.values["round"]
    return found


def _ask(ctx: RunContext, strategy: Strategy, n: int) -> list[Proposal]:
    """Asks for up to `n` proposals; fewer where the strategy's own batch is smaller."""
    proposals: list[Proposal] = []
    try:
        while len(proposals) < n and (proposal := strategy.ask_another()) is not None:
            proposals.append(proposal)
    except SpaceError:
        ctx.log("Every network of the space has been tried.")
    return proposals


def _compete(
    ctx: RunContext, rungs: Plan, search: Search, proposals: list[Proposal], jobs: list[Job]
) -> bool:
    """Trains rung by rung; returns False if the phase's time ended it early."""
    alive = list(range(len(jobs)))
    for rung in range(rungs.rungs):
        for index in alive:
            if not _climb(ctx, rungs, proposals[index], jobs[index], rung):
                return False
        results = {index: _result(ctx, jobs[index]) for index in alive}
        rewards = {
            index: search.observe(candidate, proposals[index].number).reward
            for index, candidate in results.items()
            if candidate is not None
        }
        known = {index: reward for index, reward in rewards.items() if reward is not None}
        ranked = sorted(known, key=lambda index: (-known[index], index))
        alive = sorted(ranked[: rungs.width(len(jobs), rung + 1)])
    return True


def _climb(ctx: RunContext, rungs: Plan, proposal: Proposal, job: Job, rung: int) -> bool:
    """Trains one network up to a rung unless it has been there; returns False if there is no time for it."""
    state = ctx.state.values["round"]
    earlier: dict[str, Any] | None = state["results"].get(job.task)
    if earlier is not None and earlier["rung"] >= rung:
        return True
    ctx.check()
    seconds, key = rungs.total_seconds(rung), [job.task, rung]
    needed = rungs.seconds * ETA**rung + overhead(ctx)
    if state["begun"] != key and ctx.phase_remaining() < _ENOUGH * needed:
        return False
    state["begun"] = key
    ctx.save()
    ctx.now_doing(f"{job.label} · rung {rung + 1} of {rungs.rungs}")
    facts = {"rung": rung + 1, "rungs": rungs.rungs, "seconds": round(seconds, 3)}
    rung_job = replace(job, seconds=seconds, details={**job.details, "halving": facts})
    number = state["number"] + proposal.number - state["first"]
    candidate = judge(ctx, rung_job, number, keep_checkpoint=True)
    state["results"][job.task] = _with_earlier(candidate, earlier, rung)
    ctx.save()
    return True


def _with_earlier(candidate: Candidate, earlier: dict[str, Any] | None, rung: int) -> dict[str, Any]:
    """Returns a rung's result with the seconds of all rungs; those of training are summed up already."""
    extra = candidate.seconds - candidate.details.get("training_seconds", 0.0)
    before = 0.0 if earlier is None else earlier["extra"]
    if earlier is not None and candidate.metrics is None:  # a failure tells no training seconds
        before = earlier["candidate"]["seconds"]
    candidate = replace(candidate, seconds=round(candidate.seconds + before, 2))
    return {"rung": rung, "extra": before + extra, "candidate": candidate.to_json()}


def _result(ctx: RunContext, job: Job) -> Candidate | None:
    result = ctx.state.values["round"]["results"].get(job.task)
    return None if result is None else Candidate.from_json(result["candidate"])


def _record(ctx: RunContext, jobs: list[Job]) -> list[Candidate]:
    """Records what the round has trained, in the order of the proposals; returns it."""
    recorded = []
    for job in jobs:
        candidate = ctx.done(job.task) or _result(ctx, job)
        if candidate is not None:
            recorded.append(candidate if ctx.done(job.task) else ctx.record(candidate))
            checkpoint_path(ctx, job.task).unlink(missing_ok=True)
    return recorded


def _affordable(ctx: RunContext, rungs: Plan) -> int:
    """Returns how many networks a round may have; 0 for no round."""
    extra, left = overhead(ctx), ctx.phase_remaining()
    sizes = [n for n in range(1, rungs.size + 1) if _ENOUGH * rungs.cost(n, extra) <= left]
    return max(sizes, default=0)
