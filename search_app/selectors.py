"""Reads searches, and says who may see them. Missing and foreign rows raise the same DoesNotExist."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import F, Q, QuerySet

from datasets_app.access import NOBODY, Right, one_of, visible_to
from datasets_app.models import BULKY
from nas.costs import COSTS, Cost
from nas.pareto import front_of_candidates
from search_app.columns import brief
from search_app.models import Candidate, SearchEvent, SearchRun, TrainedModel

MOST_CANDIDATES = 2**31 - 1
"""Larger numbers do not fit into the column."""


def search_runs_of_user(user: User | AnonymousUser) -> QuerySet[SearchRun]:
    """Returns the runs that the user may see, newest first, with data set and version at hand."""
    return _with_dataset().select_related("dataset_version__dataset", "owner", "team").filter(seen_by(user))


def seen_by(user: User | AnonymousUser) -> Q:
    """Returns the condition on runs that the user may see.

    A run shows photos. So a team sees a run only while the photos are shared with the same team.
    """
    if not user.is_authenticated or not user.is_active:
        return NOBODY
    return Q(owner_id=user.pk) | visible_to(user) & Q(dataset_version__dataset__team_id=F("team_id"))


def search_run_for_user(
    user: User | AnonymousUser, run_id: uuid.UUID | str, right: Right = Right.SEE
) -> SearchRun:
    """Returns one run that the user may see, and do with what they want.

    Raises:
        SearchRun.DoesNotExist: If it is missing, not the user's, or `run_id` is no id at all.
        ValidationError: If it is shared with the user, whose role does not allow it.
    """
    try:
        key = uuid.UUID(str(run_id))
    except ValueError as error:
        raise SearchRun.DoesNotExist from error
    return one_of(search_runs_of_user(user), user, key, right)


def runs_by_id(run_ids: Iterable[uuid.UUID]) -> list[SearchRun]:
    """Returns runs for the tailer, whose subscribers have been checked already."""
    return list(_with_dataset().filter(pk__in=list(run_ids)))


def _with_dataset() -> QuerySet[SearchRun]:
    """Runs with version and data set, but without what is bulky: the tailer reads them every second."""
    runs = SearchRun.objects.select_related("dataset_version__dataset")
    return runs.defer(*(f"dataset_version__dataset__{name}" for name in BULKY))


def events_after(run: SearchRun, seq: int = 0, limit: int = 500) -> list[SearchEvent]:
    """Returns up to `limit` events with numbers above `seq`, in order."""
    return list(run.events.filter(seq__gt=seq).order_by("seq")[:limit])


def event_message(event: SearchEvent, *, compact: bool = False) -> dict[str, Any]:
    """Returns what the API says about an event; compact, what websockets say: candidates in brief."""
    payload = event.payload
    if compact and event.kind == "candidate_finished":
        payload = {"candidate": brief(payload["candidate"])}
    return {
        "seq": event.seq,
        "kind": event.kind,
        "payload": payload,
        "created_at": event.created_at.isoformat(),
    }


def candidates_of(run: SearchRun) -> QuerySet[Candidate]:
    """Returns the run's candidates in the order of evaluation."""
    return run.candidates.order_by("number")


def candidate_of_run(run: SearchRun, number: int) -> Candidate:
    """Returns one candidate of the run.

    Raises:
        Candidate.DoesNotExist: If the run has no such candidate.
    """
    if number > MOST_CANDIDATES:
        raise Candidate.DoesNotExist
    return run.candidates.get(number=number)


def cost_of(run: SearchRun) -> Cost:
    """Returns what the run weighs accuracy against."""
    return next(cost for cost in COSTS.values() if cost.name == run.cost)


def front_numbers(candidates: Sequence[Candidate], cost: Cost) -> list[int]:
    """Returns the numbers of the candidates on the front of accuracy against a cost, cheapest first."""
    return list(front_of_candidates([candidate.to_engine() for candidate in candidates], cost.name))


def models_of(run: SearchRun) -> QuerySet[TrainedModel]:
    """Returns the exported models of a run."""
    return run.models.order_by("created_at")


def model_of_run(run: SearchRun, model_id: uuid.UUID | str) -> TrainedModel:
    """Returns one exported model of the run.

    Raises:
        TrainedModel.DoesNotExist: If the run has no such model.
    """
    return run.models.get(pk=model_id)


def model_file(model: TrainedModel, name: str) -> Path:
    """Returns the path of one file of a model; only names that its row lists exist.

    Raises:
        TrainedModel.DoesNotExist: If the row does not list the name, or the file is gone.
    """
    known = {str(entry["name"]) for entry in model.files}
    # The list first: no name that came with a request reaches the file system before it was found there.
    path = inside(model.run.workdir, f"{model.directory}/{name}") if name in known else None
    if path is None:
        raise TrainedModel.DoesNotExist
    return path


def report_file(run: SearchRun, name: str) -> Path:
    """Returns the path of the run's report.

    Raises:
        SearchRun.DoesNotExist: If the report has not been written yet.
    """
    path = inside(run.workdir, name)
    if path is None:
        raise SearchRun.DoesNotExist
    return path


def inside(root: Path, relative: str) -> Path | None:
    """Returns an existing file below `root`, links resolved; None for everything else."""
    path = (root / relative).resolve()
    return path if path.is_relative_to(root.resolve()) and path.is_file() else None


def queue_position(run: SearchRun) -> int | None:
    """Returns how many waiting runs will be taken up before this one, plus one; None if it does not wait."""
    if run.state != SearchRun.State.QUEUED:
        return None
    ahead = SearchRun.objects.filter(state=SearchRun.State.QUEUED, created_at__lt=run.created_at)
    return ahead.count() + 1


def run_summary(run: SearchRun) -> dict[str, Any]:
    """Returns what API and websocket say about a run: JSON-ready, the same in both."""
    dataset = run.dataset_version.dataset
    return {
        "id": str(run.id),
        "name": run.name,
        "dataset_id": str(dataset.id),
        "dataset_name": dataset.name,
        "state": str(run.state),
        "phase": run.phase,
        "message": run.message,
        "minutes": run.minutes,
        "goal": run.goal,
        "strategy": run.strategy,
        "space": run.space,
        "evaluator": run.evaluator,
        "precision": run.precision,
        "reward": run.reward,
        "cost": run.cost,
        "seed": run.seed,
        "device": run.device,
        "device_title": run.device_title,
        "baselines": run.baselines,
        "spent_seconds": run.spent_seconds,
        "eta_seconds": run.eta_seconds,
        "progress": run.progress,
        "best_accuracy": run.best_accuracy,
        "n_candidates": run.n_candidates,
        "last_seq": run.last_seq,
        "queue_position": queue_position(run),
        "error": run.error or None,
        "created_at": run.created_at.isoformat(),
        "started_at": run.started_at.isoformat() if run.started_at else None,
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
    }
