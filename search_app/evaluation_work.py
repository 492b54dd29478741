"""Work on an evaluation that is done when somebody asks: heat maps, the learning curve, measuring photos.

Results are files of the run that do not change any more. How far a piece of work is stands in
`<run's directory>/evaluation/work-<kind>.json`; a worker writes it every second, so that one that died is
noticed. A lost hint costs a second press of the button, nothing else.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from kombu.exceptions import OperationalError

from nas.evaluation.heat_files import HeatFigures, heat_file, load_heat
from nas.evaluation.learning_file import learning_file, load_learning_curve
from nas.evaluation.photos import photos_file
from nas.evaluation.predictions import DIRECTORY
from nas.files import write_atomically
from search_app import tasks
from search_app.evaluation import answers_of
from search_app.models import TrainedModel
from search_app.services import check_may_train

KINDS: Final = ("learning", "photos")
SILENCE_SECONDS: Final = 120
"""After so long without a word a worker is believed dead."""
QUEUE_SECONDS: Final = 1800
"""So long a hint may wait behind other work."""


def heat_state(model: TrainedModel, row: int, target: int) -> dict[str, Any]:
    """Returns the `state` of a heat map: "done" with its figures, "failed" with `error`, "none"."""
    found = load_heat(heat_file(model.run.workdir, model.name, row, target))
    if isinstance(found, HeatFigures):
        return {"state": "done", **vars(found)}
    return {"state": "none"} if found is None else {"state": "failed", "error": found}


def heat_map_ask(*, model: TrainedModel, row: int, target: int) -> dict[str, Any]:
    """Asks for a heat map of a judged photo, unless it is there; returns its state.

    Raises:
        ValidationError: If the photo was not judged, the class does not exist, or the broker is away.
        EvaluationError: If the kept answers are damaged.
    """
    state = heat_state(model, row, target)
    if state["state"] == "done":
        return state
    answers = answers_of(model)
    if answers is None or row not in answers.rows or target >= answers.n_classes:
        raise ValidationError(gettext("This photo was not judged. Go back and choose another one."))
    heat_file(model.run.workdir, model.name, row, target).with_suffix(".json").unlink(missing_ok=True)
    _hint(tasks.draw_heat_map, str(model.pk), row, target)
    return {"state": "waiting"}


def work_state(model: TrainedModel, kind: str) -> dict[str, Any]:
    """Returns how far a piece of work is.

    Returns:
        `state`: "done"; "waiting" or "working" with `stage`, `done` and `total`; "failed" with `error`;
        "none" if nobody asked, or a worker died.
    """
    if _finished(model, kind):
        return {"state": "done"}
    try:
        found = json.loads(work_file(model, kind).read_text(encoding="utf-8"))
        silent = time.time() - float(found["at"])
    except (OSError, ValueError, KeyError, TypeError):
        return {"state": "none"}
    patience = {"waiting": QUEUE_SECONDS, "working": SILENCE_SECONDS}.get(found.get("state"))
    if patience is not None and silent > patience:
        return {"state": "none"}
    return {name: found[name] for name in ("state", "stage", "done", "total", "error") if name in found}


def work_ask(*, model: TrainedModel, kind: str) -> dict[str, Any]:
    """Asks for a piece of work, unless it is done or going on; returns its state.

    Raises:
        ValidationError: If the run has not ended, there are no kept answers, the owner of the run may not
            train on its data set any more, or the broker is away.
        Dataset.DoesNotExist: If the owner of the run may not see the data set to train on any more.
        EvaluationError: If the kept answers are damaged.
    """
    if not model.run.ended or answers_of(model) is None:
        raise ValidationError(
            gettext("There is nothing to evaluate yet. Try again when the search has ended.")
        )
    state = work_state(model, kind)
    if state["state"] in ("none", "failed"):
        if kind == "learning":  # the other kind only judges photos
            check_may_train(model.run)
        work_told(model, kind, state="waiting")
        try:
            _hint(tasks.evaluate_further, str(model.pk), kind)
        except ValidationError:
            work_file(model, kind).unlink(missing_ok=True)
            raise
        state = {"state": "waiting"}
    return state


def work_told(model: TrainedModel, kind: str, **said: Any) -> None:
    """Writes how far a piece of work is."""
    path = work_file(model, kind)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps({**said, "at": time.time()}))


def work_file(model: TrainedModel, kind: str) -> Path:
    """Returns where a piece of work says how far it is."""
    return model.run.workdir / DIRECTORY / f"work-{kind}.json"


def _finished(model: TrainedModel, kind: str) -> bool:
    if kind == "learning":
        return load_learning_curve(learning_file(model.run.workdir)) is not None
    answers = answers_of(model)
    return answers is not None and photos_file(model.run.workdir, answers.part).exists()


def _hint(task: Any, *arguments: Any) -> None:
    try:
        task.delay(*arguments)
    except OperationalError as error:
        raise ValidationError(gettext("The workers cannot be reached. Try again in a minute.")) from error
