"""Compound scaling of the base that was found (Tan & Le 2019): a small grid, then the family S, M, L, XL."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nas.architecture import MBConvArchitecture, architecture_key
from nas.candidate import Candidate
from nas.cost import macs
from nas.phases.base_search import best_base, search_parent
from nas.phases.baselines import PARENT_TASK
from nas.phases.context import RunContext
from nas.phases.recipes import inherited_recipe
from nas.phases.speed import overhead
from nas.phases.work import Job, begun, do
from nas.scaling import GRID, Coefficients, scale
from nas.spaces.resolutions import useful_resolutions

FAMILY = (-1, 1, 2)
"""Values of phi besides 0, which is the base itself."""

NAMES = {-1: "S", 0: "M", 1: "L", 2: "XL"}
_SHORTEST_TRAINING = 1.0
_RESOLUTION_STEP = 8
_STEP_AWAY = 16
_BEYOND_COSTS = 0.1
"""Accuracy that a grid member must bring for being twice as slow as twice the base."""


def run(ctx: RunContext) -> None:
    """Judges the grid at phi = 1, takes the best coefficients, builds the family with inherited weights."""
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
    ctx.state.values.setdefault("short_seconds", _SHORTEST_TRAINING)
    base = ctx.by_number(ctx.state.values["base"])
    chosen = _choose(ctx, base)
    for phi in FAMILY:
        scaled = _scaled(ctx, base, chosen, phi)
        if not ctx.allowed(scaled):
            ctx.log(f"{NAMES[phi]} of the family would exceed the limits of the device and is left out.")
        elif _fits(ctx, scaled):
            _member(ctx, base, chosen, phi)
    ctx.leave()


def facts(ctx: RunContext) -> dict[str, Any] | None:
    """Returns what the report says of compound scaling; None if there was none."""
    if "coefficients" not in ctx.state.values:
        return None
    base = ctx.by_number(ctx.state.values["base"])
    chosen = Coefficients(*ctx.state.values["coefficients"])
    grid = [
        _grid_row(candidate, coefficients)
        for coefficients in GRID
        if (candidate := _find(ctx, _scaled(ctx, base, coefficients, 1))) is not None
        and candidate.metrics is not None
    ]
    family = [_family_row(ctx, base, member, phi) for phi, member in family_members(ctx).items()]
    return {
        "base": base.number,
        "grid": grid,
        "coefficients": {"alpha": chosen.alpha, "beta": chosen.beta, "gamma": chosen.gamma},
        "efficientnet": {"alpha": 1.2, "beta": 1.1, "gamma": 1.15},
        "family": sorted(family, key=lambda row: row["phi"]),
    }


def family_members(ctx: RunContext) -> dict[int, Candidate]:
    """Returns the short-trained members of the family by phi, the base as 0."""
    if "coefficients" not in ctx.state.values:
        return {}
    base = ctx.by_number(ctx.state.values["base"])
    chosen = Coefficients(*ctx.state.values["coefficients"])
    members = {0: base}
    for phi in FAMILY:
        member = _find(ctx, _scaled(ctx, base, chosen, phi))
        if member is not None and member.metrics is not None and member not in members.values():
            members[phi] = member
    return members


def _choose(ctx: RunContext, base: Candidate) -> Coefficients:
    """Trains the grid at phi = 1 as far as half the time goes and returns the best coefficients."""
    if "coefficients" not in ctx.state.values:
        left = ctx.phase_remaining() * len(FAMILY) / (len(GRID) + len(FAMILY))
        until = ctx.state.values.setdefault("grid_until", ctx.spent() + ctx.phase_remaining() - left)
        for coefficients in GRID:
            scaled = _scaled(ctx, base, coefficients, 1)
            task = _task(scaled)
            if not ctx.allowed(scaled):
                continue
            if ctx.spent() < until or coefficients == GRID[0] or begun(ctx, task):
                _member(ctx, base, coefficients, 1)
        ctx.state.values["coefficients"] = list(vars(_best(ctx, base)).values())
        ctx.save()
    return Coefficients(*ctx.state.values["coefficients"])


def _best(ctx: RunContext, base: Candidate) -> Coefficients:
    assert base.metrics is not None
    budget = 2.0 * ctx.cost.of(base.metrics)
    scores = {}
    for coefficients in GRID:
        member = _find(ctx, _scaled(ctx, base, coefficients, 1))
        if member is not None and member.metrics is not None:
            beyond = max(0.0, ctx.cost.of(member.metrics) / budget - 1.0)
            scores[coefficients] = member.metrics.accuracy - _BEYOND_COSTS * beyond
    return max(scores, key=lambda each: scores[each], default=GRID[0])


def _member(ctx: RunContext, base: Candidate, coefficients: Coefficients, phi: int) -> Candidate:
    """Trains one scaled network for as long as a candidate of the base search."""
    architecture = _scaled(ctx, base, coefficients, phi)
    earlier = _find(ctx, architecture)
    if earlier is not None:
        return earlier
    parent = search_parent(ctx) or base
    job = Job(
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
    return do(ctx, job)


def _task(architecture: MBConvArchitecture) -> str:
    return f"scaled:{architecture_key(architecture)}"


def _words(coefficients: Coefficients) -> str:
    """Returns depth, width and resolution factor as one short name, e.g. 1.2/1.1/1.15."""
    return f"{coefficients.alpha:g}/{coefficients.beta:g}/{coefficients.gamma:g}"


def _scaled(ctx: RunContext, base: Candidate, coefficients: Coefficients, phi: int) -> MBConvArchitecture:
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
    return next(
        (
            candidate
            for candidate in ctx.candidates
            if candidate.architecture == architecture and candidate.fidelity == "short"
        ),
        None,
    )


def _fits(ctx: RunContext, architecture: MBConvArchitecture) -> bool:
    """True if there is time left for one more member, or it is there already."""
    needed = 0.6 * (ctx.state.values["short_seconds"] + overhead(ctx))
    there = _find(ctx, architecture) is not None or begun(ctx, _task(architecture))
    return there or ctx.phase_remaining() >= needed


def _grid_row(candidate: Candidate, coefficients: Coefficients) -> dict[str, Any]:
    assert candidate.metrics is not None
    return {
        "alpha": coefficients.alpha,
        "beta": coefficients.beta,
        "gamma": coefficients.gamma,
        "candidate": candidate.number,
        "accuracy": candidate.metrics.accuracy,
        "latency_ms": candidate.metrics.latency_ms,
        "macs": candidate.metrics.macs,
        "seconds": candidate.seconds,
    }


def _family_row(ctx: RunContext, base: Candidate, member: Candidate, phi: int) -> dict[str, Any]:
    """Predicted (2^phi times the base) beside measured cost of one member."""
    assert base.metrics is not None
    assert member.metrics is not None
    assert isinstance(member.architecture, MBConvArchitecture)
    return {
        "phi": phi,
        "name": NAMES[phi],
        "candidate": member.number,
        "resolution": member.architecture.resolution,
        "predicted_macs": round(base.metrics.macs * 2.0**phi),
        "macs": macs(member.architecture, ctx.cache.n_classes),
        "predicted_latency_ms": base.metrics.latency_ms * 2.0**phi,
        "latency_ms": member.metrics.latency_ms,
        "accuracy": member.metrics.accuracy,
    }
