"""Celery tasks: shells around the runner, which alone loads torch."""

from __future__ import annotations

import structlog
from celery import shared_task
from kombu.exceptions import OperationalError

from datasets_app import handover  # noqa: F401 - its flag must exist before the worker forks

log = structlog.get_logger(__name__)


@shared_task(name="search_app.tasks.advance_search_run")
def advance_search_run(run_id: str, **_later: object) -> None:
    """Works one slice on a run; asks for the next one if the run is not finished."""
    from search_app.runner import run_slice

    if run_slice(run_id):
        hint_worker(run_id)


@shared_task(name="search_app.tasks.export_trained_model")
def export_trained_model(run_id: str, number: int, **_later: object) -> None:
    """Exports one candidate."""
    from search_app.runner import export_one

    export_one(run_id, number)


@shared_task(name="search_app.tasks.draw_heat_map")
def draw_heat_map(model_id: str, row: int, target: int, **_later: object) -> None:
    """Draws where a model looks on one photo."""
    from search_app.evaluation_runner import draw_heat_map as draw

    draw(model_id, row, target)


@shared_task(name="search_app.tasks.evaluate_further")
def evaluate_further(model_id: str, kind: str, **_later: object) -> None:
    """Makes a learning curve, or measures judged photos."""
    from search_app.evaluation_runner import evaluate_further as work

    work(model_id, kind)


def hint_worker(run_id: object) -> None:
    """Tells the search workers that a run waits; the sweeper says it again if the broker is away."""
    try:
        advance_search_run.delay(str(run_id))
    except OperationalError as error:
        log.warning("the broker does not answer; the sweeper will try again", error=str(error)[:200])
