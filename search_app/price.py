"""The price of a millisecond: what a slower network buys, and the photos that only one of two gets right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from django.utils.translation import gettext as _

from datasets_app.words.engine import said
from datasets_app.words.figures import decimal, percent, report_milliseconds
from nas.candidate import Metrics
from nas.errors import EvaluationError
from nas.evaluation.predictions import Predictions, load_predictions, predictions_file
from nas.statistics import mcnemar_exact
from search_app.picks import Pick
from search_app.results import BoardRow

MOST_PHOTOS = 24
"""Photos of each kind that are shown."""

UNLIKELY = 0.05
_SAME_MS = 1e-6


@dataclass(frozen=True)
class OnlyOne:
    """A photo that only one of two networks gets right.

    Attributes:
        row: Its row in the data set.
        label: Its class.
        wrong: What the other network says.
    """

    row: int
    label: str
    wrong: str


@dataclass(frozen=True)
class Price:
    """Two networks against each other, the cheaper one first.

    Attributes:
        cheap: The one that answers sooner.
        dear: The other one.
        more_ms: Milliseconds that the second one takes longer.
        points: Points of validation accuracy that it gains; negative if it loses.
        n_photos: Photos on which both have answered; 0 if their answers are not kept.
        part: Which photos those are.
        only_cheap: How many only the first one gets right.
        only_dear: How many only the second one gets right.
        cheap_photos: Some of the first ones.
        dear_photos: Some of the second ones.
        p_value: Of McNemar's exact test; None without answers.
    """

    cheap: BoardRow
    dear: BoardRow
    more_ms: float
    points: float
    n_photos: int = 0
    part: Literal["test", "val"] = "test"
    only_cheap: int = 0
    only_dear: int = 0
    cheap_photos: tuple[OnlyOne, ...] = ()
    dear_photos: tuple[OnlyOne, ...] = ()
    p_value: float | None = None

    @property
    def sentence(self) -> str:
        """What a millisecond more buys."""
        if self.more_ms < _SAME_MS:
            return _("Both take the same time.")
        words = _("%(dear)s takes %(more)s longer than %(cheap)s") % {
            "dear": said(self.dear.candidate.label),
            "cheap": said(self.cheap.candidate.label),
            "more": report_milliseconds(self.more_ms),
        }
        if self.points <= 0:
            return words + _(" and is not more often right on validation photos: they buy nothing.")
        return words + _(
            " and is right on %(points)s of 100 validation photos more: %(each)s points a millisecond."
        ) % {"points": decimal(self.points, 1), "each": decimal(self.points / self.more_ms, 2)}

    @property
    def verdict(self) -> str:
        """What the photos say, by McNemar's exact test, in words."""
        if self.p_value is None:
            return ""
        counts = _(
            "Of %(n)s photos, only %(dear)s is right on %(only_dear)s, only %(cheap)s on %(only_cheap)s."
        )
        told = counts % {
            "n": self.n_photos,
            "dear": said(self.dear.candidate.label),
            "cheap": said(self.cheap.candidate.label),
            "only_dear": self.only_dear,
            "only_cheap": self.only_cheap,
        }
        if self.only_cheap + self.only_dear == 0:
            return told + " " + _("They answer alike: these photos show no difference.")
        how_often = chance(self.p_value)
        if self.p_value >= UNLIKELY:
            return f"{told} " + _(
                "Two equally good networks would differ at least so much in %(chance)s of such sets of "
                "photos (exact McNemar test): these photos cannot tell which one is better."
            ) % {"chance": how_often}
        better = self.dear if self.only_dear > self.only_cheap else self.cheap
        return f"{told} " + _(
            "Two equally good networks would differ so much in %(chance)s of such sets of photos only (exact "
            "McNemar test): %(better)s is better."
        ) % {"chance": how_often, "better": said(better.candidate.label)}


def price_of(
    workdir: Path, rows: Sequence[BoardRow], picks: Sequence[Pick], pair: tuple[int | None, int | None]
) -> Price | None:
    """Returns two networks against each other; None if there are no two.

    Args:
        workdir: The run's directory.
        rows: The leaderboard.
        picks: What was picked: by default the fastest of them is compared with the best.
        pair: Numbers of the two that the reader chose; unknown ones are replaced by the default.
    """
    by_number = {row.candidate.number: row for row in rows}
    chosen = [by_number[number] for number in pair if number in by_number]
    defaults = [pick.row for pick in picks] + sorted(rows, key=lambda row: (not row.model, not row.on_front))
    for row in defaults:
        if len(chosen) < 2 and all(row is not other for other in chosen):
            chosen.append(row)
    if len(chosen) < 2:
        return None
    cheap, dear = sorted(chosen[:2], key=lambda row: _metrics(row).latency_ms)
    more_ms = _metrics(dear).latency_ms - _metrics(cheap).latency_ms
    points = 100 * (_metrics(dear).accuracy - _metrics(cheap).accuracy)
    return _with_photos(workdir, Price(cheap, dear, more_ms, points))


def label_photos(price: Price, classes: Sequence[str]) -> Price:
    """Returns the same with the names of the classes in the place of their numbers."""

    def named(photos: Sequence[OnlyOne]) -> tuple[OnlyOne, ...]:
        return tuple(OnlyOne(one.row, _name(classes, one.label), _name(classes, one.wrong)) for one in photos)

    return replace(price, cheap_photos=named(price.cheap_photos), dear_photos=named(price.dear_photos))


def answers_of(workdir: Path, row: BoardRow) -> Predictions | None:
    """Returns the kept answers of a network without its probabilities, None if none can be read."""
    if row.model is None:
        return None
    path = predictions_file(workdir, row.model.name)
    try:
        return _load(path, path.stat().st_mtime_ns)
    except (OSError, EvaluationError):
        return None


@lru_cache(maxsize=16)
def _load(path: Path, _changed: int) -> Predictions:
    # Of many classes the probabilities are 64 MB; the answers alone are kept in memory.
    found = load_predictions(path)
    return replace(
        found, probabilities=found.probabilities[:0].copy(), int8_probabilities=None, int8_answers=None
    )


def chance(p_value: float) -> str:
    """Returns a probability in words."""
    if p_value < 0.001:
        return _("fewer than 1 in 1,000")
    return percent(p_value, 1 if p_value < 0.1 else 0)


def _with_photos(workdir: Path, price: Price) -> Price:
    first, second = answers_of(workdir, price.cheap), answers_of(workdir, price.dear)
    if first is None or second is None or first.part != second.part or first.data_hash != second.data_hash:
        return price
    _rows, mine, theirs = np.intersect1d(first.rows, second.rows, assume_unique=True, return_indices=True)
    right, other = first.correct[mine], second.correct[theirs]
    only_cheap, only_dear = np.flatnonzero(right & ~other), np.flatnonzero(other & ~right)
    return replace(
        price,
        n_photos=len(mine),
        part=first.part,
        only_cheap=len(only_cheap),
        only_dear=len(only_dear),
        cheap_photos=_photos(first, mine[only_cheap], second.answers[theirs[only_cheap]]),
        dear_photos=_photos(second, theirs[only_dear], first.answers[mine[only_dear]]),
        p_value=mcnemar_exact(len(only_cheap), len(only_dear)),
    )


def _photos(right: Predictions, places: Any, wrong: Any) -> tuple[OnlyOne, ...]:
    """Returns the first photos; classes are still numbers."""
    return tuple(
        OnlyOne(int(right.rows[place]), str(right.labels[place]), str(answer))
        for place, answer in zip(places[:MOST_PHOTOS], wrong[:MOST_PHOTOS], strict=True)
    )


def _name(classes: Sequence[str], number: str) -> str:
    return classes[int(number)] if int(number) < len(classes) else number


def _metrics(row: BoardRow) -> Metrics:
    assert row.candidate.metrics is not None
    return row.candidate.metrics
