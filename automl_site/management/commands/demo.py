"""`manage.py demo`: uploads real images, searches, follows live, downloads, predicts. No browser needed."""

from __future__ import annotations

import json
import logging
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.table import Table

from automl_site.demo.bundles import Answer, ask_model, download_models
from automl_site.demo.client import Client
from automl_site.demo.errors import DemoError
from automl_site.demo.figure import draw_front, measured_candidates
from automl_site.demo.images import SOURCE, write_digits_zip, write_samples
from automl_site.demo.live import LiveSearch
from automl_site.demo.progress import SearchProgress
from automl_site.demo.stack import PrivateStack

MINUTES = 3.5  # leaves two and a half of the promised six for the start, the import and the downloads
LEAST_POINTS = 4


class Command(BaseCommand):
    help = "Does the whole job through the HTTP interface and the websocket; leaves its results in var/demo."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--minutes", type=float, default=MINUTES, help="the search's budget")
        parser.add_argument("--seed", type=int, default=0)

    def handle(self, *args: Any, **options: Any) -> None:
        signal.signal(signal.SIGTERM, _interrupt)
        logging.getLogger("httpx").setLevel(logging.WARNING)  # it would log every request between the bars
        started = time.monotonic()
        demo = Demo(Path(settings.VAR_DIR) / "demo", options["minutes"], options["seed"])
        try:
            demo.run()
        except DemoError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            demo.console.print("Interrupted; the demo's servers are stopped.")
            sys.exit(130)
        demo.print_summary(time.monotonic() - started)


class Demo:
    """One run of the demo.

    Attributes:
        directory: Where everything is left.
        console: Where everything is said.
    """

    def __init__(self, directory: Path, minutes: float, seed: int) -> None:
        self.directory = directory
        self.minutes = minutes
        self.seed = seed
        self.console = Console()
        self.report: dict[str, Any] = {}
        self.models: list[Path] = []
        self.answers: list[Answer] = []
        self.n_connections = 0

    def run(self) -> None:
        """Does every step.

        Raises:
            DemoError: At the first step that did not happen.
        """
        shutil.rmtree(self.directory, ignore_errors=True)
        (self.directory / "models").mkdir(parents=True)
        log = self.directory / "stack.log"
        self._say(f"Starting a private copy of the application (its output: {log})")
        with PrivateStack(self.directory / "stack", log) as stack, Client(stack.base_url) as client:
            client.sign_in(stack.wait_for_link())
            self._say(f"Signed in at {stack.base_url} by the one-time link")
            dataset = self._upload(client, stack)
            search = self._search(client, stack, dataset["id"])
            self._download(client, search["id"])
        self._draw()
        self._predict()

    def print_summary(self, seconds: float) -> None:
        """Prints what was made and what was measured."""
        table = Table(title="Demo finished", show_header=False)
        points = measured_candidates(self.report)
        right = sum(answer.truth == answer.label for answer in self.answers)
        table.add_row("points measured", f"{len(points)}, on the front {len(self.report['front'])}")
        table.add_row(
            "best on validation images", f"{max(100 * c['metrics']['accuracy'] for c in points):.1f}%"
        )
        table.add_row("websocket connections", str(self.n_connections))
        table.add_row("downloaded models", ", ".join(folder.name for folder in self.models))
        table.add_row("predict.py of the download", f"{right} of {len(self.answers)} sample digits right")
        for name in ("report.json", "front.png", "models"):
            table.add_row(name, str(self.directory / name))
        table.add_row("time in all", f"{seconds / 60:.1f} minutes")
        self.console.print(table)

    def _upload(self, client: Client, stack: PrivateStack) -> dict[str, Any]:
        archive = self.directory / "digits.zip"
        n_images = write_digits_zip(archive)
        self._say(f"Images: {SOURCE}")
        dataset = client.upload(archive, "Handwritten digits")
        deadline = time.monotonic() + 90
        while dataset["state"] in ("UPLOADED", "CHECKING"):
            stack.check_alive()
            if time.monotonic() > deadline:
                raise DemoError("The data set was not checked within 90 s; read the stack's log.")
            time.sleep(0.3)
            dataset = client.get(f"/datasets/{dataset['id']}")
        if dataset["state"] != "READY" or dataset["n_images"] != n_images:
            raise DemoError(
                f"The data set is {dataset['state']} with {dataset['n_images']} of {n_images} images: "
                f"{dataset['error'] or 'see its findings'}."
            )
        self._say(f"Uploaded and checked: {dataset['n_images']} images, {dataset['n_classes']} classes")
        return dataset

    def _search(self, client: Client, stack: PrivateStack, dataset_id: str) -> dict[str, Any]:
        search: dict[str, Any] = client.post(
            "/searches",
            {
                "dataset_id": dataset_id,
                "name": "Demo",
                "minutes": self.minutes,
                "goal": "balanced",
                "baselines": True,
                "strategy": "regularized_evolution",
                "space": "lite-elastic",
                "seed": self.seed,
            },
        )
        self._say(f"Search started: {self.minutes:g} minutes; following it over the websocket")

        def missed(after: int) -> list[dict[str, Any]]:
            events: list[dict[str, Any]] = client.get(f"/searches/{search['id']}/events", after=after)[
                "events"
            ]
            return events

        live = LiveSearch(stack.base_url, client.cookie_header, search["id"], missed, check=stack.check_alive)
        deadline = time.monotonic() + self.minutes * 60 * 1.1 + 60
        with SearchProgress(self.console, self.minutes) as progress:
            for message in live.messages(deadline):
                progress.show(message)
        self.n_connections = live.n_connections
        if progress.state != "DONE":
            raise DemoError(f"The search ended as {progress.state}: {progress.error or 'no reason given'}.")
        if progress.n_points < LEAST_POINTS:
            raise DemoError(f"Only {progress.n_points} points were measured; {LEAST_POINTS} are expected.")
        return search

    def _download(self, client: Client, search_id: str) -> None:
        report = self.directory / "report.json"
        client.download(f"/searches/{search_id}/report.json", report)
        self.report = json.loads(report.read_text(encoding="utf-8"))
        self.models = download_models(client, search_id, self.directory / "models")
        self._say(f"Downloaded report.json and {len(self.models)} model bundles")

    def _draw(self) -> None:
        n_points = draw_front(self.report, self.directory / "front.png")
        if n_points < LEAST_POINTS:
            raise DemoError(f"The report holds {n_points} measured points; {LEAST_POINTS} are expected.")
        self._say(f"Drew front.png with {n_points} points")

    def _predict(self) -> None:
        samples = self.directory / "samples"
        samples.mkdir()
        model = best_model(self.report, self.models)
        self.answers = ask_model(model, [(str(label), image) for label, image in write_samples(samples)])
        right = sum(answer.truth == answer.label for answer in self.answers)
        if right * 2 <= len(self.answers):
            raise DemoError(
                f"The downloaded model {model.name} names only {right} of {len(self.answers)} digits right."
            )

    def _say(self, sentence: str) -> None:
        self.console.print(f"• {sentence}", markup=False, highlight=False, soft_wrap=True)


def best_model(report: dict[str, Any], folders: list[Path]) -> Path:
    """Returns the folder of the model that the report calls best, else the first."""
    return next((folder for folder in folders if folder.name == report.get("best")), folders[0])


def _interrupt(signum: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt
