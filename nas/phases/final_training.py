"""Final training: the best few and the hand-made Lite0, same start, same seconds, same recipe."""

from __future__ import annotations

from nas.candidate import Candidate
from nas.pareto import front_of_candidates
from nas.phases.base_search import best_base, reward, target_cost
from nas.phases.baselines import PARENT_TASK
from nas.phases.context import RunContext
from nas.phases.line_up import in_order, line_up, weights_from
from nas.phases.recipes import inherited_recipe
from nas.phases.scaling import family_members
from nas.phases.speed import expected_epochs, overhead
from nas.phases.work import Job, begun, do

_FEWEST_EPOCHS = 0.4
_SHORTEST_TRAINING = 1.5


def run(ctx: RunContext) -> None:
    """Trains the finalists; the networks that matter most come first, in case time runs short."""
    ctx.enter("final_training", "Training the best networks fully")
    jobs = _line_up(ctx)
    seconds = _seconds_each(ctx, sum(ctx.done(_task(candidate)) is None for candidate in jobs))
    for position, candidate in enumerate(jobs):
        last = position == len(jobs) - 1
        affordable = ctx.phase_remaining() - overhead(ctx) if last else seconds
        waits = ctx.done(_task(candidate)) is None and not begun(ctx, _task(candidate))
        if waits and ctx.phase_remaining() < _SHORTEST_TRAINING + overhead(ctx):
            ctx.log(f"No time was left to train {candidate.label} fully.")
            continue
        _train(ctx, candidate, max(_SHORTEST_TRAINING, min(seconds, affordable)))
    for candidate in _further(ctx):
        if not begun(ctx, _task(candidate)) and ctx.phase_remaining() < seconds + overhead(ctx):
            continue
        _train(ctx, candidate, seconds)
    ctx.leave()


def _further(ctx: RunContext) -> list[Candidate]:
    """Returns the briefly trained networks on the front, for minutes that the finalists left over."""
    by_number = {candidate.number: candidate for candidate in ctx.finished(fidelity="short")}
    front = [
        by_number[number]
        for number in front_of_candidates(ctx.candidates, ctx.config.cost)
        if number in by_number
    ]
    target = target_cost(ctx)
    return sorted(front, key=lambda candidate: reward(ctx, candidate, target) or 0.0, reverse=True)


def _train(ctx: RunContext, candidate: Candidate, seconds: float) -> Candidate:
    kept = {
        key: candidate.details[key]
        for key in ("phi", "coefficients", "initialisation")
        if key in candidate.details
    }
    parent = weights_from(candidate, ctx.finished(fidelity="final"))
    before = parent.details.get("training_seconds", 0.0) + _parent_seconds(ctx, parent)
    job = Job(
        task=_task(candidate),
        phase="final_training",
        source=candidate.source,
        fidelity="final",
        label=f"{candidate.label} · fully trained",
        architecture=candidate.architecture,
        seconds=seconds,
        recipe=inherited_recipe(ctx, candidate.architecture, seconds, final=True),
        parent=parent,
        pretrained=candidate.details.get("initialisation") != "from scratch",
        choices=candidate.choices,
        refines=candidate,
        start=candidate,
        details={**kept, "seconds_before": round(before, 2)},
    )
    return do(ctx, job)


def _parent_seconds(ctx: RunContext, candidate: Candidate) -> float:
    """Training seconds that stand behind the weights a candidate began with."""
    if candidate.inherited_from is None:
        return 0.0
    parent = ctx.by_number(candidate.inherited_from)
    own: float = parent.details.get("training_seconds", 0.0)
    return own + _parent_seconds(ctx, parent)


def _task(candidate: Candidate) -> str:
    return f"final:{candidate.number}"


def _seconds_each(ctx: RunContext, n_jobs: int) -> float:
    if "final_seconds" not in ctx.state.values:
        each = ctx.phase_remaining() / max(1, n_jobs) - overhead(ctx)
        ctx.state.values["final_seconds"] = max(_SHORTEST_TRAINING, each)
    seconds: float = ctx.state.values["final_seconds"]
    return seconds


def _line_up(ctx: RunContext) -> list[Candidate]:
    """Returns who is trained, settled once: searched networks spread over the latencies, and Lite0."""
    if "finalists" not in ctx.state.values:
        parent = ctx.done(PARENT_TASK)
        finalists = _choose(ctx, parent)
        if ctx.config.baselines and parent is not None and parent.metrics is not None:
            finalists.append(parent)
        ctx.state.values["finalists"] = [candidate.number for candidate in in_order(finalists)]
    return [ctx.by_number(number) for number in ctx.state.values["finalists"]]


def _choose(ctx: RunContext, parent: Candidate | None) -> list[Candidate]:
    """Picks the family's member that the goal asks for, or the best base, and what adds most to the front.

    A member may be the very network that was adapted first; that one is trained as the baseline.
    """
    wanted = ctx.config.n_finalists or _wanted(ctx)
    family = family_members(ctx)
    order = {"accuracy": (1, 2, 0, -1), "balanced": (1, 0, 2, -1), "speed": (0, -1, 1, 2)}[ctx.config.goal]
    members = [family[phi] for phi in order if phi in family and family[phi] != parent]
    first = next((member for member in members if _trainable(ctx, member, wanted)), best_base(ctx))
    others = _searched(ctx)
    if parent is not None:
        others = [one for one in others if one.architecture != parent.architecture]
    return line_up(first, others, wanted, ctx.config.cost)


def _searched(ctx: RunContext) -> list[Candidate]:
    """Returns the searched and scaled networks that the device can hold, or all if it can hold none."""
    found = [*ctx.finished(source="base_search"), *ctx.finished(source="scaled")]
    return [one for one in found if one.metrics is not None and one.metrics.fits] or found


def _wanted(ctx: RunContext) -> int:
    """Returns how many searched networks are trained: the plan's number, else one by the minutes."""
    if planned := ctx.state.values.get("plan"):
        return int(planned["finalists"])
    if ctx.config.minutes < 4:
        return 2
    return 3 if ctx.config.minutes < 10 else 4


def _trainable(ctx: RunContext, candidate: Candidate, wanted: int) -> bool:
    """True if the seconds are worth a fair part of an epoch of all layers; the last stages see more."""
    seconds = ctx.phase_remaining() / (wanted + 1)
    epochs = expected_epochs(ctx, candidate.architecture, seconds)
    return candidate.details.get("phi") in (None, 1) or epochs >= _FEWEST_EPOCHS
