"""The base search over a supernet: elastic training first, then sub-networks are scored, not trained."""

from __future__ import annotations

from pathlib import Path

from nas.architecture import Architecture
from nas.candidate import Candidate
from nas.evaluators.supernet import NAME, ElasticTraining, SupernetScores
from nas.phases.baselines import PARENT_TASK
from nas.phases.context import RunContext, SearchConfig
from nas.phases.speed import overhead
from nas.phases.work import Job, do
from nas.spaces.lite import lite0_architecture
from nas.spaces.resolutions import useful_resolutions
from nas.strategies import ONE_SHOT
from nas.strategies.base import Proposal

TASK = "supernet"
ELASTIC_SHARE = 0.6
"""Part of the base search's time for elastic training; the rest scores networks."""

_SCORE_OVERHEAD = 2.0  # a score costs about so many times what measuring a trained network does
_FEWEST_SCORES = 10


def wanted(config: SearchConfig) -> bool:
    """True if a supernet judges the networks of a run."""
    return config.evaluator == NAME or config.strategy == ONE_SHOT


def sides(ctx: RunContext) -> tuple[int, ...] | None:
    """Returns the resolutions of a search over a supernet: none above that of its teacher.

    None where there is no supernet, or before the teacher's resolution is settled.
    """
    if not wanted(ctx.config) or "parent_resolution" not in ctx.state.values:
        return None
    largest = ctx.state.values["parent_resolution"]
    return tuple(side for side in useful_resolutions(ctx.cache.cache_size) if side <= largest)


def train(ctx: RunContext) -> Candidate | None:
    """Trains the supernet and records its largest sub-network, with all the seconds in the ledger.

    Returns:
        What is recorded; None if there is no supernet, so that networks are trained one by one.

    Raises:
        SliceEnded: The slice is over; the training has a checkpoint and goes on in the next one.
        StopRequested: The user wants what there is now.
    """
    values = ctx.state.values
    if "elastic_seconds" not in values:
        values["elastic_seconds"] = max(1.0, ELASTIC_SHARE * ctx.phase_remaining() - overhead(ctx))
    parent, resolutions = ctx.done(PARENT_TASK), sides(ctx)
    assert parent is not None  # the baselines adapted it
    assert resolutions is not None  # and settled its resolution
    side = values["parent_resolution"]
    job = Job(
        task=TASK,
        phase="base_search",
        source="base_search",
        fidelity="short",
        label=f"Supernet, its largest network · {side} px",
        architecture=lite0_architecture(side),
        seconds=values["elastic_seconds"],
        parent=parent,
        evaluator=ElasticTraining(ctx.evaluator, path(ctx), resolutions, ctx.config.elastic_weights),
    )
    found = do(ctx, job)
    if found.metrics is None:
        ctx.log("The supernet could not be trained; networks get short trainings of their own.")
        return None
    return found


def path(ctx: RunContext) -> Path:
    """Returns where the weights of the run's supernet lie."""
    return ctx.config.workdir / "supernet" / "elastic.safetensors"


def scorer(ctx: RunContext) -> SupernetScores:
    """Returns what scores all networks of a slice."""
    return SupernetScores(ctx.evaluator, path(ctx))


def expected_scores(ctx: RunContext) -> int:
    """Returns how many networks the rest of the phase can score, settled once for the whole run."""
    values = ctx.state.values
    if "expected_scores" not in values:
        each = _SCORE_OVERHEAD * overhead(ctx)
        values["expected_scores"] = max(_FEWEST_SCORES, int(ctx.phase_remaining() / each))
    expected: int = values["expected_scores"]
    return expected


def job(scores: SupernetScores, supernet: Candidate, proposal: Proposal, architecture: Architecture) -> Job:
    """Returns the scoring of a proposal; its weights, cut out of the supernet, are where a finalist starts.

    Args:
        scores: Who scores.
        supernet: What `train` recorded; behind the weights of each network stand its seconds.
        proposal: What the strategy proposed.
        architecture: Its network.
    """
    return Job(
        task=f"search:{proposal.number}",
        phase="base_search",
        source="base_search",
        fidelity="short",
        label=f"Search {proposal.number + 1} · {architecture.resolution} px",
        architecture=architecture,
        seconds=0.0,
        parent=supernet,
        choices=proposal.choices,
        evaluator=scores,
    )
