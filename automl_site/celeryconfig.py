"""Celery's own settings; the reasons stand in docs/architecture.md under "Claim, lease, fence"."""

from __future__ import annotations

from django.conf import settings

broker_url = settings.REDIS_URL.replace("unix://", "redis+socket://", 1)
broker_connection_retry_on_startup = True
broker_transport_options = {
    "global_keyprefix": "automl:",
    "socket_connect_timeout": 5,
    # One more try at once, not 6 s of tries in a web request; workers reconnect by their own rules.
    "max_retries": 1,
    "interval_start": 0,
}
accept_content = ["json"]
task_serializer = "json"
task_ignore_result = True
task_acks_late = False  # the database's lease, not the broker's timer, decides what runs again
task_publish_retry = False  # a lost hint costs at most the sweeper's 5 s; a web request must not hang for it
worker_prefetch_multiplier = 1
worker_hijack_root_logger = False
worker_cancel_long_running_tasks_on_connection_loss = False
worker_send_task_events = False
task_default_queue = "interactive"
task_routes = {
    "search_app.tasks.advance_search_run": {"queue": "search"},
}
