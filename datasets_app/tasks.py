"""Celery tasks: shells around the runner."""

from __future__ import annotations

import structlog
from celery import shared_task
from kombu.exceptions import OperationalError

log = structlog.get_logger(__name__)


@shared_task(name="datasets_app.tasks.check_dataset", queue="interactive")
def check_dataset(dataset_id: str, **_later: object) -> None:
    """Checks and imports one upload."""
    from datasets_app import runner

    runner.check_dataset(dataset_id)


def hint_checker(dataset_id: object) -> None:
    """Tells the workers that an upload waits; the sweeper says it again if the broker is away."""
    try:
        check_dataset.delay(str(dataset_id))
    except OperationalError as error:
        log.warning("the broker does not answer; the sweeper will try again", error=str(error)[:200])
