"""The demo's progress bar, fed by the messages of the live websocket."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

PHASE_NAMES = {
    "first_model": "first model",
    "baselines": "baselines",
    "base_search": "base search",
    "scaling": "compound scaling",
    "final_training": "final training",
    "export": "export and report",
}


class SearchProgress:
    """A bar with phase, number of points, best accuracy and time left; a context manager.

    Attributes:
        n_points: Finished candidates seen so far.
        n_failed: Failed candidates seen so far.
        state: The search's last state, e.g. ``"RUNNING"``.
        error: The search's error sentence, if any.
    """

    def __init__(self, console: Console, minutes: float) -> None:
        """Prepares the bar.

        Args:
            console: Where to draw.
            minutes: The search's budget; the whole length of the bar.
        """
        self._seconds = minutes * 60
        self._console = console
        self._progress = Progress(
            TextColumn("{task.fields[phase]:<17}"),
            BarColumn(bar_width=28),
            TextColumn("{task.fields[points]}"),
            TextColumn("best {task.fields[best]}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[eta]}"),
            console=console,
        )
        self._task = self._progress.add_task(
            "", total=self._seconds, phase="queued", points="0 points", best="-", eta=""
        )
        self._best = 0.0
        self.n_points = 0
        self.n_failed = 0
        self.state = "QUEUED"
        self.error: str | None = None

    def __enter__(self) -> SearchProgress:
        """Starts to draw."""
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stops drawing."""
        self._progress.stop()

    def show(self, message: dict[str, Any]) -> None:
        """Takes in one message of the websocket."""
        if message["type"] == "state":
            self._show_state(message)
        elif message["type"] == "event":
            self._show_event(message["kind"], message["payload"])

    def _show_state(self, state: dict[str, Any]) -> None:
        self.state = state["state"]
        self.error = state.get("error")
        if self.state == "DONE":
            self._update(completed=self._seconds, phase="done", eta="")

    def _show_event(self, kind: str, payload: dict[str, Any]) -> None:
        if kind == "phase_started":
            self._update(phase=PHASE_NAMES.get(payload["phase"], str(payload["phase"])))
        elif kind == "candidate_finished":
            self._show_candidate(payload["candidate"])
        elif kind == "progress":
            eta = payload.get("eta_seconds")
            self._update(
                completed=payload.get("spent_seconds") or 0.0,
                eta="" if eta is None else f"about {eta / 60:.1f} min left",
            )
        elif kind == "model_exported":
            self._console.print(
                f"  model exported: {payload['model']['name']}", markup=False, highlight=False
            )

    def _show_candidate(self, candidate: dict[str, Any]) -> None:
        metrics = candidate.get("metrics")
        if candidate["status"] != "finished" or not metrics:
            self.n_failed += 1
            return
        self.n_points += 1
        self._best = max(self._best, metrics["accuracy"])
        self._update(points=f"{self.n_points} points", best=f"{100 * self._best:.1f}%")
        self._console.print(
            f"  {candidate['source']:<12} {100 * metrics['accuracy']:5.1f}%  "
            f"{metrics['latency_ms']:6.2f} ms  {candidate['label']}",
            markup=False,
            highlight=False,
        )

    def _update(self, **fields: Any) -> None:
        self._progress.update(self._task, **fields)
