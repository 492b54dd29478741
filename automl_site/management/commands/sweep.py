"""`manage.py sweep`: finds work that nobody works on."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from automl_site.celery import app
from search_app.sweep import sweep, sweep_forever


class Command(BaseCommand):
    help = "Every 5 s: hints the workers at rows whose message was lost or whose worker died."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="look once and end")

    def handle(self, *args: Any, **options: Any) -> None:
        app.set_default()
        if options["once"]:
            self.stdout.write(f"{sweep()} hints sent")
            return
        end = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: end.set())
        sweep_forever(end)
