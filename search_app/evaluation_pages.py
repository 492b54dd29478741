"""What the page of one exported model shows, tab by tab."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.core.paginator import Paginator
from django.utils.translation import gettext_lazy

from datasets_app.words.figures import percent
from nas.evaluation.calibration import expected_calibration_error
from nas.evaluation.figures import (
    ClassFigures,
    class_figures,
    macro_f1,
    most_confused,
    most_confused_classes,
    order_by_confusion,
)
from nas.evaluation.learning_file import learning_file, load_learning_curve
from search_app import evaluation_words as words
from search_app.evaluation import Answers, classes_of, slices_for
from search_app.evaluation_charts import learning_chart, outcome_chart, reliability_chart
from search_app.evaluation_photos import Wanted, photos_page
from search_app.evaluation_work import work_state
from search_app.models import TrainedModel

TABS: Final = {
    "mistakes": gettext_lazy("Mistakes"),
    "classes": gettext_lazy("Classes"),
    "confidence": gettext_lazy("Confidence"),
    "kinds": gettext_lazy("Kinds of photos"),
    "more": gettext_lazy("More photos?"),
}
SORTS: Final = {
    "name": gettext_lazy("Class"),
    "support": gettext_lazy("Photos"),
    "recall": gettext_lazy("Found (recall)"),
    "precision": gettext_lazy("Reliable (precision)"),
    "f1": gettext_lazy("Both (F1)"),
}
CLASSES_A_PAGE: Final = 100
WORST_MISTAKES: Final = 12
MOST_CELLS: Final = 5_000
"""Cells that the page draws, the fullest; of a matrix with more, the table of pairs has the rest."""


def model_facts(model: TrainedModel) -> dict[str, Any]:
    """Returns what the head of the page says about the network."""
    row = model.run.candidates.filter(number=model.candidate_number).first()
    names = [str(one.get("name")) for one in model.files]
    return {
        "candidate": None if row is None else row.to_engine(),
        "label": model.name if row is None else row.label,
        "has_onnx": "model.onnx" in names,
        "has_int8_file": "model_int8.onnx" in names,
    }


def tab_context(
    tab: str, model: TrainedModel, answers: Answers, *, int8: bool, sort: str, page: str
) -> dict[str, Any]:
    """Returns what one tab shows.

    Args:
        tab: Key of `TABS`.
        model: The model, with its run, version and data set.
        answers: Its kept answers.
        int8: Whether they are those of the int8 file.
        sort: Key of `SORTS`, with a minus for falling order; for the tab of classes.
        page: Number of the page; for the tab of classes.

    Raises:
        EvaluationError: If kept files are damaged.
    """
    makers: dict[str, Callable[[], dict[str, Any]]] = {
        "mistakes": lambda: _mistakes(model, answers, int8=int8),
        "classes": lambda: _classes(model, answers, sort=sort, page=page),
        "confidence": lambda: _confidence(answers),
        "kinds": lambda: _kinds(model, answers, int8=int8),
        "more": lambda: _more(model),
    }
    return makers[tab]()


def page_data(model: TrainedModel, answers: Answers, tab: str, *, int8: bool) -> dict[str, Any]:
    """Returns what the scripts of a tab work with, JSON-ready."""
    data: dict[str, Any] = {"classes": classes_of(model.run), "file": "int8" if int8 else ""}
    if tab == "mistakes":
        cells = answers.cells
        fullest = (-cells.n).argsort(kind="stable")[:MOST_CELLS]
        parts = (cells.truth[fullest], cells.answer[fullest], cells.n[fullest])
        data["cells"] = [part.tolist() for part in parts]
        data["support"] = cells.support.tolist()
        data["worst"] = most_confused_classes(cells)
        data["order"] = order_by_confusion(cells)
    if tab == "confidence":
        data["curve"] = [[one.right, one.wrong, one.unknown] for one in answers.curve]
        data["threshold"] = answers.threshold
    return data


def _mistakes(model: TrainedModel, answers: Answers, *, int8: bool) -> dict[str, Any]:
    classes = classes_of(model.run)
    wanted = Wanted(outcome="mistake", int8=int8)
    pairs = most_confused(answers.cells)
    return {
        "pairs": [(one, words.confusion(one, classes)) for one in pairs],
        "worst": photos_page(model, wanted)["items"][:WORST_MISTAKES],
        "n_wrong": answers.accuracy.n - answers.accuracy.k,
        "drawn_all": len(answers.cells.n) <= MOST_CELLS,
    }


def _classes(model: TrainedModel, answers: Answers, *, sort: str, page: str) -> dict[str, Any]:
    classes = classes_of(model.run)
    figures = class_figures(answers.cells)
    key, falling = sort.lstrip("-"), sort.startswith("-")
    if key not in SORTS:
        key, falling = "f1", False
    figures.sort(key=lambda one: _sort_value(one, key, classes), reverse=falling)
    listed = Paginator(figures, CLASSES_A_PAGE).get_page(page)
    return {
        "listed": listed,
        "rows": [
            {
                "name": classes[one.number],
                "figures": one,
                "recall": percent(one.recall.value),
                "recall_interval": words.interval(one.recall),
                "precision": percent(one.precision.value),
                "precision_interval": words.interval(one.precision),
                "f1": percent(one.f1),
            }
            for one in listed
        ],
        "columns": [(name, title, _next_sort(name, key, falling)) for name, title in SORTS.items()],
        "sort_key": key,
        "falling": falling,
        "sort": f"{'-' if falling else ''}{key}",
        "macro_f1": percent(macro_f1(figures)),
    }


def _sort_value(one: ClassFigures, key: str, classes: list[str]) -> tuple[Any, ...]:
    """What a class is sorted by; one without a figure comes first, like the worst."""
    if key == "name":
        return (classes[one.number].casefold(), one.number)
    shares = {"recall": one.recall.value, "precision": one.precision.value, "f1": one.f1}
    value = one.support if key == "support" else shares[key]
    return (-1.0 if value is None else value, one.number)


def _next_sort(name: str, key: str, falling: bool) -> str:
    """Returns the order that a press on a column's head asks for."""
    return f"-{name}" if name == key and not falling else name


def _confidence(answers: Answers) -> dict[str, Any]:
    return {
        "sentences": words.calibration(answers),
        "reliability": reliability_chart(answers.bins),
        "bins": [
            {
                "range": f"{percent(one.low, 0)}–{percent(one.high, 0)}",
                "n": one.right.n,
                "stated": percent(one.confidence),
                "right": percent(one.right.value),
                "interval": words.interval(one.right),
            }
            for one in answers.bins
            if one.right.n
        ],
        "ece": words.points(expected_calibration_error(answers.bins)),
        "brier": answers.brier,
        "outcomes": outcome_chart(answers.curve),
        "bars": [one for i, one in enumerate(answers.curve) if i % 10 == 0],
        "own_bar": round(100 * answers.threshold),
    }


def _kinds(model: TrainedModel, answers: Answers, *, int8: bool) -> dict[str, Any]:
    classes = classes_of(model.run)
    figures, measured = slices_for(model, int8=int8)
    worse = [one for one in figures if one.worse]
    shown = [one for one in figures if one.slice.kind != "class" or one.worse]
    return {
        "measured": measured,
        "work": work_state(model, "photos"),
        "worse": [words.slice_sentence(one, classes) for one in worse],
        "n_tested": sum(one.p is not None for one in figures),
        "n_hidden": len(figures) - len(shown),
        "floor": max(0.0, min((one.right.low for one in shown), default=0.0) - 0.02),
        "slices": [
            {
                "figures": one,
                "title": words.slice_title(one.slice, classes),
                "rule": words.slice_rule(one.slice),
                "value": percent(one.right.value),
                "interval": words.interval(one.right),
                "rest": percent(one.rest.value),
            }
            for one in sorted(shown, key=lambda one: not one.worse)
        ],
        "overall": percent(answers.accuracy.value),
    }


def _more(model: TrainedModel) -> dict[str, Any]:
    curve = load_learning_curve(learning_file(model.run.workdir))
    if curve is None:
        return {"curve": None, "work": work_state(model, "learning")}
    classes = classes_of(model.run)
    return {
        "curve": curve,
        "sentence": words.more_photos(curve),
        "gains": [words.class_gain(one, classes) for one in curve.classes[:5]],
        "chart": learning_chart(curve),
        "rows": [
            *((n, words.estimated(one), False) for n, one in zip(curve.sizes, curve.accuracy, strict=True)),
            *((n, words.estimated(one), True) for n, one in curve.ahead[1:]),
        ],
    }
