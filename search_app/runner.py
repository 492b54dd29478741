"""Worker side of a search: claim, one slice of the engine, save, give back. Loads torch: for workers only."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any, cast

import structlog
from django.conf import settings
from django.db.models.functions import Coalesce, Now

from datasets_app.claims import MAX_ATTEMPTS, Claim, FenceLostError, Heartbeat, claim, fenced_update, release
from datasets_app.handover import HandedOverError, handover_requested
from nas.candidate import Precision
from nas.errors import NasError
from nas.events import Event
from nas.hardware.device_table import KEPT_TABLE
from nas.search import SearchConfig, SearchOutcome, export_candidate, run_search
from search_app.models import SearchRun
from search_app.publish import publish_hint
from search_app.record import record_event

STOP_POLL_SECONDS = 1.0
State = SearchRun.State
Engine = Callable[..., SearchOutcome]

log = structlog.get_logger(__name__)


class Slice:
    """The engine's two callbacks during one slice of a claimed run."""

    def __init__(self, held: Claim, heartbeat: Heartbeat, minutes: float) -> None:
        """Takes the won claim, the thread that keeps it, and the budget that the engine was given."""
        self.held = held
        self._heartbeat = heartbeat
        self._minutes = minutes
        self._stop = False
        self._polled = float("-inf")

    def on_event(self, event: Event) -> None:
        """Saves an event before the engine goes on.

        Raises:
            FenceLostError: If another worker owns the run now.
        """
        self._heartbeat.check()
        record_event(self.held.pk, event, self.held)

    def should_stop(self) -> bool:
        """Returns whether the user wants what there is now; asks the database at most once a second.

        Raises:
            FenceLostError: If another worker owns the run now.
            HandedOverError: If this worker is about to end, the run was paused, or its budget was raised: the
                next slice begins with the new one.
        """
        self._heartbeat.check()
        if handover_requested():
            raise HandedOverError
        if not self._stop and time.monotonic() - self._polled >= STOP_POLL_SECONDS:
            self._polled = time.monotonic()
            rows = SearchRun.objects.filter(pk=self.held.pk, fence=self.held.fence)
            found = rows.values_list("state", "minutes").first()
            if found is None:
                raise FenceLostError(f"run {self.held.pk}")
            state, minutes = found
            if state == State.PAUSED or minutes != self._minutes:
                raise HandedOverError
            self._stop = state == State.STOPPING
        return self._stop


def run_slice(run_id: str | uuid.UUID, engine: Engine = run_search) -> bool:
    """Works on a run for one slice, if no other worker does.

    Returns:
        True if the run needs another slice.
    """
    run_id = uuid.UUID(str(run_id))
    held = claim(SearchRun, run_id)
    if held is None:
        return False
    with structlog.contextvars.bound_contextvars(run=str(run_id)[:8]):
        if held.exhausted:
            return _end(
                held,
                State.FAILED,
                f"The search was interrupted {MAX_ATTEMPTS} times at the same place, most likely because the "
                "memory was used up. Close other programs and press Resume, or start a smaller search.",
            )
        fenced_update(held, started_at=Coalesce("started_at", Now()))
        publish_hint(run_id)
        try:
            with Heartbeat(held) as heartbeat:
                return _work(held, heartbeat, engine)
        except FenceLostError:
            log.warning("another worker took the run over; this one writes nothing more")
            return False


def _work(held: Claim, heartbeat: Heartbeat, engine: Engine) -> bool:
    run = SearchRun.objects.select_related("dataset_version").get(pk=held.pk)
    with structlog.contextvars.bound_contextvars(user=run.owner_id):
        return _advance(run, held, heartbeat, engine)


def _advance(run: SearchRun, held: Claim, heartbeat: Heartbeat, engine: Engine) -> bool:
    part = Slice(held, heartbeat, run.minutes)
    completed = [candidate.to_engine() for candidate in run.candidates.order_by("number")]
    log.info("slice begins", candidates=len(completed), spent_seconds=round(run.spent_seconds))
    deadline = time.monotonic() + settings.SLICE_SECONDS
    try:
        outcome = engine(_config(run), completed, part.on_event, part.should_stop, deadline)
    except HandedOverError:
        log.info("the run is given back at this step")
        return release(held)
    except NasError as error:
        log.warning("the search failed", exc_info=error)
        return _end(held, State.FAILED, str(error))
    except Exception as error:
        log.error("the slice broke off", attempt=held.attempt, exc_info=error)
        if held.attempt < MAX_ATTEMPTS:
            return release(held, made_progress=False)
        return _end(
            held,
            State.FAILED,
            f"The search failed {MAX_ATTEMPTS} times ({type(error).__name__}). What it found is kept. "
            "Press Resume to try again; the server's log names the cause.",
        )
    fenced_update(held, spent_seconds=outcome.spent_seconds)
    if not outcome.finished:
        return release(held)
    return _end(held, State.STOPPED if outcome.stopped else State.DONE)


def _config(run: SearchRun) -> SearchConfig:
    return SearchConfig(
        data=run.dataset_version.cache_dir,
        workdir=run.workdir,
        minutes=run.minutes,
        seed=run.seed,
        space=run.space,
        strategy=run.strategy,
        evaluator=run.evaluator,
        precision=cast(Precision, run.precision),
        reward=run.reward,  # type: ignore[arg-type] # the service takes known rewards only
        cost=run.cost,  # type: ignore[arg-type] # the service takes known costs only
        goal=run.goal,  # type: ignore[arg-type] # the column's choices are the engine's goals
        baselines=run.baselines,
        target_latency_ms=run.target_latency_ms,
        device=_device(run),
        already_spent_seconds=run.spent_seconds,
    )


def _device(run: SearchRun) -> str:
    """Returns the engine's word for the device; a measured one has its table in the run's directory."""
    return KEPT_TABLE if run.device.startswith("device:") else run.device


def _end(held: Claim, state: str, error: str = "") -> bool:
    """Ends the run; returns False, because no further slice is needed."""
    values: dict[str, Any] = {"state": state, "error": error, "finished_at": Now(), "eta_seconds": None}
    if state == State.DONE:
        values["progress"] = 1.0
    if release(held, **values):
        log.info("the search ended", state=str(state))
        publish_hint(held.pk)
    return False


def export_one(run_id: str | uuid.UUID, number: int) -> None:
    """Exports one candidate, or tries int8 for one that is exported; what happened becomes an event."""
    run = SearchRun.objects.select_related("dataset_version").filter(pk=run_id).first()
    if run is None:
        return
    with structlog.contextvars.bound_contextvars(run=str(run_id)[:8], user=run.owner_id):
        _export(run, number)


def _export(run: SearchRun, number: int) -> None:
    candidates = [candidate.to_engine() for candidate in run.candidates.order_by("number")]
    chosen = next((candidate for candidate in candidates if candidate.number == number), None)
    if chosen is None:
        return
    model = run.models.filter(candidate_number=number).first()
    if model is not None and model.int8.get("tried"):
        return

    def on_event(event: Event) -> None:
        record_event(run.pk, event)

    try:
        export_candidate(
            run.dataset_version.cache_dir,
            run.workdir,
            chosen,
            candidates,
            on_event,
            written=None if model is None else model.facts(),
        )
        return
    except NasError as error:
        log.warning("export failed", number=number, exc_info=error)
        event = Event("log", {"message": f"{chosen.label} could not be exported. {error}"})
    except Exception as error:
        log.error("export broke off", number=number, exc_info=error)
        event = Event(
            "log",
            {"message": f"{chosen.label} could not be exported ({type(error).__name__}). Try it once more."},
        )
    record_event(run.pk, event)
