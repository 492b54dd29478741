"""Celery: two queues, JSON only, messages are hints to look for work."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "automl_site.settings")

app = Celery("automl_site")
app.config_from_object("automl_site.celeryconfig")
app.autodiscover_tasks(["datasets_app", "search_app"])
