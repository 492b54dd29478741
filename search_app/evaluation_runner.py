"""Worker side of evaluations. Loads torch: for workers only."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from nas.data.cache import ImageCache
from nas.errors import NasError
from nas.evaluation.heat_files import heat_file, save_heat_error
from nas.evaluation.heatmap import write_heat_map
from nas.evaluation.learning import make_learning_curve
from nas.evaluation.learning_file import learning_file, save_learning_curve
from nas.evaluation.photos import measure_photos, photos_file, save_photos
from nas.evaluation.predictions import load_predictions, predictions_file
from search_app.evaluation_work import work_state, work_told
from search_app.models import TrainedModel

_TELL_SECONDS = 1.0
_BROKE_OFF = "This could not be made. Try it once more; the server's log names the cause."

Tell = Callable[[str, int, int], None]

log = structlog.get_logger(__name__)


def draw_heat_map(model_id: str, row: int, target: int) -> None:
    """Draws where a model looks on one photo; a failure is kept as a sentence."""
    model = _model(model_id)
    if model is None:
        return
    try:
        candidate = model.run.candidates.get(number=model.candidate_number).to_engine()
        write_heat_map(
            model.run.workdir,
            model.facts(),
            candidate.architecture,
            model.run.dataset_version.cache_dir,
            row=row,
            target=target,
        )
    except Exception as error:
        log.warning("a heat map failed", model=model_id, row=row, target=target, exc_info=error)
        said = str(error) if isinstance(error, NasError) else _BROKE_OFF
        save_heat_error(heat_file(model.run.workdir, model.name, row, target), said)


def evaluate_further(model_id: str, kind: str) -> None:
    """Makes a learning curve ("learning") or measures judged photos ("photos"), unless somebody is at it."""
    model = _model(model_id)
    if model is None or work_state(model, kind)["state"] in ("done", "working"):
        return
    try:
        _WORK[kind](model, _teller(model, kind))
    except Exception as error:
        log.warning("an evaluation failed", model=model_id, kind=kind, exc_info=error)
        said = str(error) if isinstance(error, NasError) else _BROKE_OFF
        work_told(model, kind, state="failed", error=said)


def _teller(model: TrainedModel, kind: str) -> Tell:
    last = 0.0

    def tell(stage: str, done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last >= _TELL_SECONDS:
            last = time.monotonic()
            work_told(model, kind, state="working", stage=stage, done=done, total=total)

    return tell


def _learning(model: TrainedModel, tell: Tell) -> None:
    curve = make_learning_curve(model.run.dataset_version.cache_dir, tell)
    save_learning_curve(learning_file(model.run.workdir), curve)


def _photos(model: TrainedModel, tell: Tell) -> None:
    workdir = model.run.workdir
    answers = load_predictions(predictions_file(workdir, model.name))
    cache = ImageCache.open(model.run.dataset_version.cache_dir)
    save_photos(photos_file(workdir, answers.part), measure_photos(cache, answers.rows, tell))


_WORK: dict[str, Callable[[TrainedModel, Tell], None]] = {"learning": _learning, "photos": _photos}


def _model(model_id: str) -> TrainedModel | None:
    models = TrainedModel.objects.select_related("run__dataset_version")
    return models.filter(pk=model_id).first()
