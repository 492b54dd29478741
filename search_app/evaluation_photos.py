"""Which judged photos a cell, a slice or an outcome stands for, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from django.core.exceptions import ValidationError
from django.utils.translation import gettext

from search_app.evaluation import Answers, answers_of, slice_of
from search_app.models import TrainedModel

PAGE: Final = 24
OUTCOMES: Final = ("right", "wrong", "mistake", "unknown")
ORDERS: Final = ("sure", "unsure")


@dataclass(frozen=True)
class Wanted:
    """Which photos, and in which order.

    Attributes:
        truth: Only of this true class.
        answer: Only with this answer.
        slice: Only of this kind of photos, by its key.
        outcome: `mistake`: the answer is wrong, whatever the bar. With the bar of `threshold`: `right` and
            `wrong` answers, or `unknown`, where the bar takes the answer away.
        threshold: The bar, 0 to 1.
        order: Surest answers first, or least sure ones.
        offset: How many to skip.
        int8: Answers of the int8 file.
    """

    truth: int | None = None
    answer: int | None = None
    slice: str = ""
    outcome: str = ""
    threshold: float = 0.0
    order: str = "sure"
    offset: int = 0
    int8: bool = False

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Wanted:
        """Reads an address.

        Raises:
            ValidationError: If a value is none that a page would send.
        """
        outcome, order = query.get("outcome", ""), query.get("order", "sure")
        if outcome not in ("", *OUTCOMES) or order not in ORDERS:
            raise ValidationError(gettext("This address is not complete. Go back and choose again."))
        return cls(
            truth=_number(query, "truth"),
            answer=_number(query, "answer"),
            slice=query.get("slice", "")[:100],
            outcome=outcome,
            threshold=(_number(query, "threshold") or 0) / 100,
            order=order,
            offset=_number(query, "offset") or 0,
            int8=query.get("file") == "int8",
        )


def photos_page(model: TrainedModel, wanted: Wanted) -> dict[str, Any]:
    """Returns ``{"total", "items"}``: one page of photos.

    An item has `row`, `truth`, `answer`, `probability` of the answer and `of_truth`, and of the data set as
    it is now `path`, `label` and `excluded`: photos may have been relabelled or left out since.

    Raises:
        EvaluationError: If the kept answers are damaged.
    """
    answers = answers_of(model, int8=wanted.int8)
    if answers is None:
        return {"total": 0, "items": []}
    places = np.flatnonzero(_mask(model, answers, wanted))
    top = answers.confidences[places]
    order = np.argsort(top if wanted.order == "unsure" else -top, kind="stable")
    page = places[order[wanted.offset : wanted.offset + PAGE]]
    return {"total": len(places), "items": _items(model, answers, page)}


def _mask(model: TrainedModel, answers: Answers, wanted: Wanted) -> np.ndarray:
    mask = np.ones(len(answers.rows), dtype=bool)
    if wanted.truth is not None:
        mask &= answers.labels == wanted.truth
    if wanted.answer is not None:
        mask &= answers.answers == wanted.answer
    if wanted.slice:
        found = slice_of(model, wanted.slice)
        mask &= np.zeros_like(mask) if found is None else found.mask
    given = answers.confidences >= np.float32(wanted.threshold)
    if wanted.outcome == "mistake":
        mask &= ~answers.correct
    elif wanted.outcome == "unknown":
        mask &= ~given
    elif wanted.outcome:
        mask &= given & (answers.correct == (wanted.outcome == "right"))
    return mask


def _items(model: TrainedModel, answers: Answers, places: np.ndarray) -> list[dict[str, Any]]:
    rows = answers.rows[places].tolist()
    images = model.run.dataset_version.dataset.images.filter(row__in=rows)
    now: dict[int, dict[str, Any]] = {
        one["row"]: dict(one) for one in images.values("row", "path", "label", "excluded")
    }
    missing: dict[str, Any] = {"path": "", "label": None, "excluded": True}
    return [
        {
            "row": row,
            "truth": int(answers.labels[place]),
            "answer": int(answers.answers[place]),
            "probability": round(float(answers.confidences[place]), 4),
            "of_truth": round(float(answers.of_truth[place]), 4),
            **{name: now.get(row, missing)[name] for name in missing},
        }
        for row, place in zip(rows, places, strict=True)
    ]


def _number(query: Mapping[str, str], name: str) -> int | None:
    text = query.get(name, "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ValidationError(gettext("This address is not complete. Go back and choose again."))
    return int(text)
