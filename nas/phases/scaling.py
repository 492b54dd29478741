"""Compound scaling of the base that was found (Tan & Le 2019): a small grid, then a family by phi.

The grid is judged at phi 1. The family S, M, L, XL comes next; further members, fractional phi among them, as
far as the phase's minutes go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from nas.architecture import MBConvArchitecture, architecture_key
from nas.candidate import Candidate
from nas.phases.base_search import best_base, search_parent
from nas.phases.baselines import PARENT_TASK
from nas.phases.context import RunContext
from nas.phases.lite_family import train_lite_family
from nas.phases.plan import short_training_seconds
from nas.phases.recipes import inherited_recipe
from nas.phases.scaling_choice import Choice, Judged, choose
from nas.phases.scaling_facts import NAMES, facts_of
from nas.phases.speed import overhead
from nas.phases.work import Job, begun, do
from nas.scaling import GRID, Coefficients, scale
from nas.spaces.resolutions import useful_resolutions

FAMILY: tuple[float, ...] = (-1, 1, 2)
"""Values of phi besides 0, which is the base itself."""

FURTHER_UP: tuple[float, ...] = (3, 1.5, 0.5, -2, -0.5)
"""Further values where the largest member of the family is the best one, what matters most first."""

FURTHER_DOWN: tuple[float, ...] = (0.5, -2, 1.5, -0.5)
"""Further values where larger members already lose."""

_RESOLUTION_STEP = 8
_STEP_AWAY = 16
_REPEATED = 3
"""Leaders of the grid that are trained with a second seed, where the minutes allow."""


def run(ctx: RunContext) -> None:
    """Judges the grid at phi = 1, takes the best coefficients, builds the family with inherited weights."""
    if _left_out(ctx.state.values):
        ctx.log("The plan gives compound scaling no minutes, so the base is not scaled.")
        return
    ctx.enter("scaling", "Scaling the base up and down in depth, width and resolution together")
    base = best_base(ctx) or ctx.done(PARENT_TASK)
    if base is None or base.metrics is None:
        ctx.log("No base network was found, so nothing is scaled.")
        ctx.leave()
        return
    if not isinstance(base.architecture, MBConvArchitecture):
        ctx.log("Networks of cells are not scaled; the minutes go to their final training.")
        ctx.leave()
        return
    ctx.state.values.setdefault("base", base.number)
    if "short_seconds" not in ctx.state.values:  # nothing was trained one by one before
        each = short_training_seconds(ctx.phase_remaining(), overhead(ctx), len(GRID) + len(FAMILY))
        ctx.state.values["short_seconds"] = each
    base = ctx.by_number(ctx.state.values["base"])
    chosen = _choose(ctx, base)
    for phi in FAMILY:
        _grow(ctx, base, chosen, phi)
    for phi in _further(ctx):
        _grow(ctx, base, chosen, phi, quietly=True)
    train_lite_family(ctx)
    ctx.leave()


def _left_out(values: Mapping[str, Any]) -> bool:
    """True if the plan of the run gives this phase no time."""
    shares = (values.get("plan") or {}).get("shares") or {}
    return "scaling" in shares and shares["scaling"] <= 0


def _grow(
    ctx: RunContext, base: Candidate, chosen: Coefficients, phi: float, *, quietly: bool = False
) -> None:
    """Trains a member of the family if the device and the minutes allow it."""
    scaled = _scaled(ctx, base, chosen, phi)
    if scaled == base.architecture:  # already as large as the images allow
        return
    if not ctx.allowed(scaled):
        if not quietly:
            ctx.log(f"{NAMES[phi]} of the family would exceed the limits of the device and is left out.")
    elif _fits(ctx, scaled):
        _member(ctx, base, chosen, phi)


def _further(ctx: RunContext) -> tuple[float, ...]:
    """Returns the further values of phi, settled once: upwards only while larger members gain."""
    if "further" not in ctx.state.values:
        family = family_members(ctx)
        accuracies = {phi: one.metrics.accuracy for phi, one in family.items() if one.metrics is not None}
        gains = 2 in accuracies and max(accuracies, key=lambda phi: accuracies[phi]) == 2
        ctx.state.values["further"] = list(FURTHER_UP if gains else FURTHER_DOWN)
    return tuple(ctx.state.values["further"])


def facts(ctx: RunContext) -> dict[str, Any] | None:
    """Returns what the report says of compound scaling; None if there was none."""
    if "coefficients" not in ctx.state.values:
        return None
    base = ctx.by_number(ctx.state.values["base"])
    chosen = Coefficients(*ctx.state.values["coefficients"])
    return facts_of(base, _choice(ctx, base), chosen, family_members(ctx), ctx.cache.n_classes)


def family_members(ctx: RunContext) -> dict[float, Candidate]:
    """Returns the short-trained members of the family by phi, the base as 0."""
    if "coefficients" not in ctx.state.values:
        return {}
    base = ctx.by_number(ctx.state.values["base"])
    chosen = Coefficients(*ctx.state.values["coefficients"])
    members: dict[float, Candidate] = {0: base}
    for phi in (*FAMILY, *ctx.state.values.get("further", ())):
        member = _find(ctx, _scaled(ctx, base, chosen, phi))
        if member is not None and member.metrics is not None and member not in members.values():
            members[phi] = member
    return members


def _choose(ctx: RunContext, base: Candidate) -> Coefficients:
    """Trains the grid at phi = 1 as far as its part of the time goes and returns the coefficients taken."""
    if "coefficients" not in ctx.state.values:
        left = ctx.phase_remaining() * len(FAMILY) / (len(GRID) + len(FAMILY))
        until = ctx.state.values.setdefault("grid_until", ctx.spent() + ctx.phase_remaining() - left)
        for coefficients in GRID:
            scaled = _scaled(ctx, base, coefficients, 1)
            task = _task(scaled)
            if scaled == base.architecture or not ctx.allowed(scaled):
                continue
            if ctx.spent() < until or coefficients == GRID[0] or begun(ctx, task):
                _member(ctx, base, coefficients, 1)
        _repeat_leaders(ctx, base, until)
        choice = _choice(ctx, base)
        if choice is not None:
            ctx.log(choice.sentence)
        taken = GRID[0] if choice is None else choice.chosen.coefficients
        ctx.state.values["coefficients"] = list(vars(taken).values())
        ctx.save()
    return Coefficients(*ctx.state.values["coefficients"])


def _repeat_leaders(ctx: RunContext, base: Candidate, until: float) -> None:
    """Trains the most accurate of the grid with a second seed, where its part of the time allows."""
    first = _choice(ctx, base)
    if first is None or len(first.alike) < 2:
        return
    ranked = sorted(first.alike, key=lambda one: (-one.accuracy, one.trainings[0].number))
    leaders = ctx.state.values.setdefault(
        "leaders", [list(vars(one.coefficients).values()) for one in ranked[:_REPEATED]]
    )
    for coefficients in (Coefficients(*each) for each in leaders):
        architecture = _scaled(ctx, base, coefficients, 1)
        once, task = _find(ctx, architecture), f"{_task(architecture)}:again"
        enough = once is not None and until - ctx.spent() >= once.seconds
        if enough or begun(ctx, task) or ctx.done(task) is not None:
            job = _job(ctx, base, architecture, coefficients, 1)
            do(ctx, replace(job, task=task, label=f"{job.label} · second seed"))


def _choice(ctx: RunContext, base: Candidate) -> Choice | None:
    """Returns what the grid says so far."""
    judged: list[Judged] = []
    seen: set[MBConvArchitecture] = set()
    for coefficients in GRID:
        architecture = _scaled(ctx, base, coefficients, 1)
        # Rounding may make one network of two triples, and one at its largest the base itself.
        if architecture in seen or architecture == base.architecture:
            continue
        seen.add(architecture)
        found = [one for one in _all(ctx, architecture) if one.metrics is not None]
        if found:
            judged.append(Judged(coefficients, tuple(found)))
    return choose(judged, ctx.cost)


def _member(ctx: RunContext, base: Candidate, coefficients: Coefficients, phi: float) -> Candidate:
    """Trains one scaled network for as long as a candidate of the base search."""
    architecture = _scaled(ctx, base, coefficients, phi)
    return _find(ctx, architecture) or do(ctx, _job(ctx, base, architecture, coefficients, phi))


def _job(
    ctx: RunContext,
    base: Candidate,
    architecture: MBConvArchitecture,
    coefficients: Coefficients,
    phi: float,
) -> Job:
    parent = search_parent(ctx) or base
    return Job(
        task=_task(architecture),
        phase="scaling",
        source="scaled",
        fidelity="short",
        label=f"Scaled {NAMES[phi]} {_words(coefficients)} · {architecture.resolution} px",
        architecture=architecture,
        seconds=ctx.state.values["short_seconds"],
        recipe=inherited_recipe(ctx, architecture, ctx.state.values["short_seconds"], final=False),
        parent=parent,
        details={
            "initialisation": parent.details.get("initialisation", "inherited"),
            "phi": phi,
            "coefficients": [coefficients.alpha, coefficients.beta, coefficients.gamma],
        },
    )


def _task(architecture: MBConvArchitecture) -> str:
    return f"scaled:{architecture_key(architecture)}"


def _words(coefficients: Coefficients) -> str:
    """Returns depth, width and resolution factor as one short name, e.g. 1.2/1.1/1.15."""
    return f"{coefficients.alpha:g}/{coefficients.beta:g}/{coefficients.gamma:g}"


def _scaled(ctx: RunContext, base: Candidate, coefficients: Coefficients, phi: float) -> MBConvArchitecture:
    """Returns a member of the family; one that is the adapted Lite0 itself takes the next more pixels.

    It would only repeat the baseline. The report sets the real MACs beside the predicted ones.
    """
    assert isinstance(base.architecture, MBConvArchitecture)
    scaled = scale(
        base.architecture,
        coefficients,
        phi,
        resolution_step=_RESOLUTION_STEP,
        max_resolution=_largest_side(ctx),
    )
    parent = ctx.done(PARENT_TASK)
    larger = scaled.resolution + _STEP_AWAY
    if parent is not None and scaled == parent.architecture and larger <= _largest_side(ctx):
        return replace(scaled, resolution=larger)
    return scaled


def _largest_side(ctx: RunContext) -> int:
    """Returns the side in pixels above which the images have nothing more to show, as the spaces see it."""
    return max(96, ctx.cache.cache_size, *useful_resolutions(ctx.cache.cache_size))


def _find(ctx: RunContext, architecture: MBConvArchitecture) -> Candidate | None:
    """Returns the first short training of a network, if there is one."""
    return next(iter(_all(ctx, architecture)), None)


def _all(ctx: RunContext, architecture: MBConvArchitecture) -> list[Candidate]:
    return [
        candidate
        for candidate in ctx.candidates
        if candidate.architecture == architecture and candidate.fidelity == "short"
    ]


def _fits(ctx: RunContext, architecture: MBConvArchitecture) -> bool:
    """True if there is time left for one more member, or it is there already."""
    needed = 0.6 * (ctx.state.values["short_seconds"] + overhead(ctx))
    there = _find(ctx, architecture) is not None or begun(ctx, _task(architecture))
    return there or ctx.phase_remaining() >= needed
