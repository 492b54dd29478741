"""`manage.py up`: broker, web, workers and sweeper in one terminal."""

from __future__ import annotations

import http.client
import signal
import sys
import threading
import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from automl_site import startup
from automl_site.logs import process_line
from automl_site.processes import Child, Supervisor
from automl_site.startup import StartError
from automl_site.welcome import ensure_admin, make_link

WATCH_SECONDS = 0.2
READY_SECONDS = 90.0


class Command(BaseCommand):
    help = "Starts everything: private broker, web server, workers, sweeper. Ctrl-C ends all."
    requires_migrations_checks = False
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        self._end = threading.Event()
        self._print_lock = threading.Lock()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self._end.set())
        try:
            self._run()
        except StartError as error:
            raise CommandError(str(error)) from error

    def _run(self) -> None:
        startup.check_disk(settings.VAR_DIR)
        lock = startup.prepare_runtime_dir(settings.RUNTIME_DIR)
        startup.check_port(settings.HOST, settings.PORT)
        startup.prepare_database()
        supervisor = Supervisor(settings.BASE_DIR, self._say)
        try:
            if settings.EMBEDDED_REDIS:
                supervisor.start(_broker())
            startup.await_redis(settings.REDIS_URL)
            for child in _children():
                supervisor.start(child)
            self._await_web(supervisor)
            while not self._end.wait(WATCH_SECONDS):
                supervisor.watch()
        finally:
            self._say("up", "Ending; running searches go on from here at the next start.")
            supervisor.stop()
            lock.close()
            self._say("up", "All processes have ended.")

    def _await_web(self, supervisor: Supervisor) -> None:
        """Prints the sign-in link once the web server really answers."""
        deadline = time.monotonic() + READY_SECONDS
        while not self._end.wait(WATCH_SECONDS / 2):
            supervisor.watch()
            if _web_is_ready():
                host = settings.HOST if settings.HOST not in {"0.0.0.0", "::"} else "localhost"  # noqa: S104
                base = f"http://{f'[{host}]' if ':' in host else host}:{settings.PORT}"
                self._say("up", f"Ready on {base}")
                self._say(
                    "up", f"Sign in with one click, once, within the hour: {base}{make_link(ensure_admin())}"
                )
                self._say("up", "Press Ctrl-C to end.")
                return
            if time.monotonic() >= deadline:
                raise StartError("The web server did not answer. Its lines above say why.")

    def _say(self, name: str, line: str) -> None:
        with self._print_lock:
            try:
                sys.stdout.write(process_line(name, line, settings.LOG_FORMAT) + "\n")
                sys.stdout.flush()
            except (OSError, ValueError):  # the terminal is gone; the processes must still be ended in order
                self._end.set()


def _web_is_ready() -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.HOST, settings.HOST)  # noqa: S104
    connection = http.client.HTTPConnection(host, settings.PORT, timeout=2)
    try:
        connection.request("GET", "/readyz", headers={"Host": settings.ALLOWED_HOSTS[0].lstrip(".*") or host})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _broker() -> Child:
    command = startup.redis_command(settings.VAR_DIR / "redis", settings.EMBEDDED_REDIS_SOCKET)
    return Child("broker", command, "nothing new starts", death_signal=signal.SIGTERM)


def _children() -> list[Child]:
    manage = [sys.executable, str(settings.BASE_DIR / "manage.py")]
    web = [sys.executable, "-m", "uvicorn", "automl_site.asgi:application", "--lifespan", "off"]
    web += ["--host", settings.HOST, "--port", str(settings.PORT), "--log-level", "warning"]
    web += ["--ws-max-size", "4096", "--timeout-graceful-shutdown", "5"]
    # uvicorn would believe X-Forwarded-For of any process of this machine; which proxies count is for
    # AUTOML_TRUSTED_PROXIES to say.
    web += ["--no-proxy-headers"]
    return [
        Child("web", web, "no page opens"),
        Child("interactive", _worker("interactive", 2), "uploads are not checked"),
        Child("search", _worker("search", 1), "searches wait and lose nothing", niceness=10),
        Child("sweeper", [*manage, "sweep"], "lost work is found by the workers alone"),
    ]


def _worker(queue: str, processes: int) -> list[str]:
    command = [sys.executable, "-m", "celery", "-A", "automl_site", "--quiet", "worker", "-Q", queue]
    command += ["-c", str(processes), "-n", f"{queue}@%h", "--loglevel", settings.LOG_LEVEL]
    return [*command, "--without-gossip", "--without-mingle", "--without-heartbeat"]
