"""Changes searches. Refusals are ValidationErrors whose text is one plain sentence with the next step."""

from __future__ import annotations

import shutil
import unicodedata
from collections.abc import Collection, Mapping
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Now
from django.utils.translation import get_language
from kombu.exceptions import OperationalError

from datasets_app.access import Right
from datasets_app.audit import record
from datasets_app.models import Action, Dataset, DatasetVersion
from datasets_app.quota import WORKERS_AWAY
from datasets_app.selectors import dataset_for_user
from nas.automatic import AUTO
from nas.candidate import HERE, PRECISIONS
from nas.costs import COSTS, cost_refusal
from nas.errors import EvaluationError, SpaceError
from nas.evaluators import EVALUATORS, evaluator_refusal, precision_refusal
from nas.hardware.device_table import KEPT_TABLE
from nas.objectives import REWARDS
from nas.spaces import SPACES
from nas.strategies import ONE_SHOT, SEARCH_STRATEGIES, check_strategy
from search_app import tasks
from search_app.devices import Place, place_of, refusal
from search_app.models import SearchRun
from search_app.options import concrete_options
from search_app.publish import publish_hint

MIN_MINUTES = 1
State = SearchRun.State


@transaction.atomic
def search_run_start(
    *,
    owner: User,
    dataset: Dataset,
    minutes: float,
    name: str = "",
    goal: str = SearchRun.Goal.BALANCED,
    baselines: bool = True,
    strategy: str = AUTO,
    space: str = AUTO,
    evaluator: str = AUTO,
    precision: str = "fp32",
    reward: str = "absolute",
    seed: int = 0,
    target_latency_ms: float | None = None,
    device: str = HERE,
    cost: str = "latency",
) -> SearchRun:
    """Queues a search on the present version of a data set.

    Strategy, space and evaluator may be `nas.automatic.AUTO`: the planner chooses while the search runs.

    Raises:
        ValidationError: If an option cannot be used or the data set is not ready.
        Dataset.DoesNotExist: If the owner of the search may not see the data set.
    """
    dataset = _searchable(dataset, owner)
    chosen = {
        "goal": goal,
        "strategy": strategy,
        "space": space,
        "evaluator": "supernet" if (strategy, evaluator) == (ONE_SHOT, "training") else evaluator,
        "precision": precision,
        "reward": reward,
        "cost": cost,
    }
    _check_words(chosen)
    _check_numbers(minutes, seed, target_latency_ms)
    _check_waiting(owner)
    place = place_of(device, owner)
    space, strategy = _check_together(chosen, place)
    words = refusal(place, strategy, space) or precision_refusal(precision, space, place.title, place.bits)
    if words:
        raise ValidationError(words)
    weighed = next(name for name in COSTS if name == cost)
    if words := cost_refusal(weighed, profiled=place.profiled, target_latency_ms=target_latency_ms):
        raise ValidationError(words)
    run = SearchRun.objects.create(
        owner=owner,
        team_id=dataset.team_id,
        dataset_version=_usable_version(dataset),
        name=_clean_name(name) or f"{dataset.name[:170]} · {minutes:g} min",
        minutes=minutes,
        baselines=baselines,
        seed=seed,
        target_latency_ms=target_latency_ms,
        device=place.value,
        device_title=place.name,
        language=(get_language() or settings.LANGUAGE_CODE)[:10],
        **chosen,
    )
    if place.table is not None:
        _keep_table(run, place.table)
    _wake(run)
    return run


@transaction.atomic
def search_run_stop(*, run: SearchRun) -> SearchRun:
    """Asks a run to stop and keep its best; a run that never began ends at once."""
    mine = SearchRun.objects.filter(pk=run.pk)
    waiting = mine.filter(Q(state=State.QUEUED) | Q(state=State.PAUSED), started_at=None).update(
        state=State.STOPPED, finished_at=Now(), fence=F("fence") + 1, lease_until=None, eta_seconds=None
    )
    begun = (State.QUEUED, State.RUNNING, State.PAUSED)  # a run that goes on after a pause waits, too
    if waiting or mine.filter(state__in=begun).update(state=State.STOPPING):
        _wake(run)
    run.refresh_from_db()
    return run


@transaction.atomic
def search_run_resume(*, run: SearchRun) -> SearchRun:
    """Lets a paused run go on, or queues a failed one or one that was stopped before it began again.

    Finished candidates are kept. A worker that has not noticed the pause yet keeps the run.

    Raises:
        ValidationError: If the run is not one that can go on, or its owner may only look at the data set now.
        Dataset.DoesNotExist: If the owner of the run may not see the data set any more.
    """
    check_may_train(run)
    mine = SearchRun.objects.filter(pk=run.pk)
    held = When(lease_until__gte=Now(), then=Value(State.RUNNING))
    changed = mine.filter(state=State.PAUSED).update(state=Case(held, default=Value(State.QUEUED)))
    resumable = Q(state=State.FAILED) | Q(state=State.STOPPED, report="")
    changed = changed or mine.filter(resumable).update(
        state=State.QUEUED,
        error="",
        attempt=0,
        finished_at=None,
        lease_until=None,
        noticed_at=None,
        notice_tries=0,
    )
    if not changed:
        raise ValidationError(
            "Only a paused or failed search, or one that was stopped before it began, can go on. "
            "Start a new search instead."
        )
    _wake(run)
    run.refresh_from_db()
    return run


@transaction.atomic
def search_run_delete(*, run: SearchRun) -> None:
    """Deletes a run with everything it made.

    Raises:
        ValidationError: If it is being worked on.
    """
    idle = Q(state__in=(*SearchRun.ended_states, State.QUEUED))
    left = Q(lease_until=None) | Q(lease_until__lt=Now())  # its worker has let go of it
    removable = SearchRun.objects.filter(idle | Q(left, state=State.PAUSED), pk=run.pk)
    workdir = run.workdir
    locked = removable.select_for_update().first()
    if locked is None:  # a worker cannot claim it between this look and the deletion
        raise ValidationError("This search is still running. Stop it first, then delete it.")
    record(Action.DELETE, target=locked)
    locked.delete()
    transaction.on_commit(lambda: shutil.rmtree(workdir, ignore_errors=True))


def check_may_train(run: SearchRun) -> None:
    """Refuses what would train on photos that the owner of the run may not search on any more.

    Raises:
        ValidationError: If the data set is shared with them, but their role does not allow it.
        Dataset.DoesNotExist: If they may not see it.
    """
    _searchable(run.dataset_version.dataset, run.owner)


def trained_model_export(*, run: SearchRun, number: int) -> None:
    """Asks for the export of one candidate, or for the int8 file of one that was exported without trying it.

    Raises:
        ValidationError: If the candidate has no weights, or the broker is away.
        Candidate.DoesNotExist: If the run has no candidate of that number.
    """
    candidate = run.candidates.get(number=number)
    if candidate.status != "finished" or not candidate.weights:
        raise ValidationError("This network has no saved weights. Choose another point of the front.")
    model = run.models.filter(candidate_number=number).first()
    # The files are not written again: that would take them from under running downloads. An int8 file can
    # still be added, but not while the run itself may be at it.
    if model is not None and (model.int8.get("tried") or run.state not in SearchRun.ended_states):
        return
    try:
        tasks.export_trained_model.delay(str(run.id), number)
    except OperationalError as error:
        raise ValidationError(
            "The workers cannot be reached. Try again in a minute.", code=WORKERS_AWAY
        ) from error


def _keep_table(run: SearchRun, table: Path) -> None:
    """Copies a device table to where the engine finds it: the device may be measured anew or deleted."""
    run.workdir.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copyfile(table, run.workdir / KEPT_TABLE)
    except OSError as error:
        raise ValidationError("The table of this device cannot be read. Measure the device again.") from error


def _wake(run: SearchRun) -> None:
    """After commit: pages look at the run, and a worker looks for work."""
    publish_hint(run.pk)
    transaction.on_commit(lambda: tasks.hint_worker(run.pk), robust=True)


def _searchable(dataset: Dataset, user: User) -> Dataset:
    """Returns the data set if the user may search on it: sharing may have ended meanwhile."""
    return dataset if dataset.owner_id == user.pk else dataset_for_user(user, dataset.pk, Right.CHANGE)


def _usable_version(dataset: Dataset) -> DatasetVersion:
    version = dataset.current_version
    if version is None:
        raise ValidationError(
            dataset.error
            or "The images are still being checked. Start the search when the data set is ready."
        )
    if version.blocking:
        raise ValidationError(version.blocking)
    return version


def _clean_name(name: str) -> str:
    """Returns the name on one line, without control characters, at most 200 characters."""
    kept = "".join(" " if unicodedata.category(sign)[0] == "C" else sign for sign in name)
    return " ".join(kept.split())[:200]


_KNOWN: Mapping[str, Collection[str]] = {
    "goal": SearchRun.Goal.values,
    "strategy": (AUTO, *SEARCH_STRATEGIES),
    "space": (AUTO, *SPACES),
    "evaluator": (AUTO, *EVALUATORS),
    "precision": PRECISIONS,
    "reward": REWARDS,
    "cost": COSTS,
}


def _check_words(chosen: Mapping[str, str]) -> None:
    for word, value in chosen.items():
        if value not in _KNOWN[word]:
            raise ValidationError(f"There is no such {word}. Choose one of: {', '.join(_KNOWN[word])}.")


def _check_together(chosen: Mapping[str, str], place: Place) -> tuple[str, str]:
    """Returns a space and a strategy that go together, those chosen where they were."""
    named = (chosen["space"], chosen["strategy"], chosen["evaluator"])
    try:
        space, strategy, evaluator = concrete_options(*named, chosen["precision"], place)
        check_strategy(strategy, space)
    except (SpaceError, EvaluationError) as error:
        raise ValidationError(str(error)) from error
    if words := evaluator_refusal(evaluator, space, strategy):
        raise ValidationError(words)
    return space, strategy


def _check_waiting(owner: User) -> None:
    """Refuses one more search when many of this person's wait: the queue belongs to everybody."""
    waiting = SearchRun.objects.filter(owner=owner, state__in=(State.QUEUED, State.PAUSED)).count()
    if waiting >= settings.MAX_WAITING:
        raise ValidationError(
            f"{waiting} of your searches wait or are paused already. Let some of them end first."
        )


def _check_numbers(minutes: float, seed: int, target_latency_ms: float | None) -> None:
    longest = settings.MAX_SEARCH_MINUTES
    if not MIN_MINUTES <= minutes <= longest:  # also refuses NaN
        raise ValidationError(f"Choose between {MIN_MINUTES} and {longest} minutes.")
    if not 0 <= seed < 2**31:
        raise ValidationError("The seed must be a whole number from 0 to 2147483647.")
    if target_latency_ms is not None and not 0 < target_latency_ms < 1e6:
        raise ValidationError("The target latency must be a positive number of milliseconds.")
