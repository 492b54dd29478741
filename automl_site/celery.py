"""Celery: two queues, JSON only, messages are hints to look for work."""

from __future__ import annotations

import os
import signal
import threading

from celery import Celery
from celery.signals import worker_process_init, worker_ready, worker_shutting_down

from automl_site.processes import die_with_parent
from datasets_app.handover import request_handover

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "automl_site.settings")

app = Celery("automl_site")
app.config_from_object("automl_site.celeryconfig")
app.autodiscover_tasks(["datasets_app", "search_app"])


@worker_process_init.connect
def _die_with_parent(**_: object) -> None:
    # A worker that is killed with -9 must not leave a child that goes on training unseen.
    die_with_parent(signal.SIGKILL)


@worker_ready.connect
def _look_for_work(**_: object) -> None:
    # At the start and every few seconds: what a dead worker left behind is found without a message.
    threading.Thread(target=_sweep_forever, name="sweeper", daemon=True).start()


def _sweep_forever() -> None:
    from search_app.sweep import sweep_forever  # needs the app registry, which is ready by now

    sweep_forever()


@worker_shutting_down.connect
def _hand_over(**_: object) -> None:
    request_handover()
