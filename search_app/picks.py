"""Pick for me: the best network, the fastest that is hardly worse, the smallest; and what each one costs.

Chosen on validation photos like everything else; test photos are told, never chosen by.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from datasets_app.words.engine import said
from datasets_app.words.figures import decimal, report_milliseconds
from nas.candidate import Metrics
from search_app.results import BoardRow, overlaps

Kind = Literal["best", "fastest", "smallest"]

CLOSE = 0.01
"""One point: so much less accurate the fastest may be."""

_SAME = 0.05
_EPS = 1e-9


@dataclass(frozen=True)
class Pick:
    """A choice that was made for the reader.

    Attributes:
        kind: What was looked for.
        title: The same in words.
        row: The network.
        why: Why it is this one, one sentence.
        costs: What it costs against the best one; of the best one, how sure its place is.
        same_as: Title of an earlier pick that is the same network, or empty.
    """

    kind: Kind
    title: str
    row: BoardRow
    why: str
    costs: str
    same_as: str = ""


def picks_of(rows: Sequence[BoardRow]) -> list[Pick]:
    """Returns best, fastest within one point of it, and smallest; none where there is no network.

    Of files that differ by less than a twentieth in size the most accurate is the smallest.

    Only networks that the device can hold are picked, unless there are none; and only those that were
    trained fully or exported, unless there are none.
    """
    pool = _usable(rows)
    if not pool:
        return []
    best = next((row for row in pool if row.recommended), None) or max(pool, key=_rank)
    near = [row for row in pool if _accuracy(row) >= _accuracy(best) - CLOSE - _EPS]
    fastest = min(near, key=lambda row: (_metrics(row).latency_ms, -_accuracy(row)))
    least = (1 + _SAME) * min(_metrics(row).size_bytes for row in pool)
    smallest = max((row for row in pool if _metrics(row).size_bytes <= least), key=_rank)
    found = [
        Pick("best", _("The best"), best, _why_best(best), _sure(best, pool)),
        Pick(
            "fastest",
            _("Fast and as good"),
            fastest,
            _why_fastest(best, fastest, pool),
            _loses(best, fastest),
        ),
        Pick("smallest", _("The smallest"), smallest, _why_smallest(smallest, pool), _loses(best, smallest)),
    ]
    return [_told_once(found, place) for place in range(len(found))]


def _usable(rows: Sequence[BoardRow]) -> list[BoardRow]:
    pool = list(rows)
    tests: tuple[Callable[[BoardRow], bool], ...] = (
        lambda row: _metrics(row).fits,
        lambda row: row.model is not None or row.candidate.fidelity == "final",
    )
    for test in tests:
        pool = [row for row in pool if test(row)] or pool
    return pool


def _told_once(found: Sequence[Pick], place: int) -> Pick:
    pick = found[place]
    earlier = next((one for one in found[:place] if one.row is pick.row), None)
    same_as = "" if earlier is None else earlier.title
    return Pick(pick.kind, pick.title, pick.row, pick.why, pick.costs, same_as)


def _why_best(best: BoardRow) -> str:
    if not _metrics(best).fits:
        return _("No network fits the device; this one was the most accurate on validation photos.")
    if best.recommended:
        return _("The search recommends it: chosen on validation photos, before the test photos were opened.")
    return _("It was right on the most validation photos.")


def _sure(best: BoardRow, pool: Sequence[BoardRow]) -> str:
    """Names the networks that the photos cannot tell from the best one."""
    ties = [
        said(row.candidate.label)
        for row in pool
        if row is not best and row.tested == best.tested and overlaps(row, best)
    ]
    if not ties:
        return _("No other network's interval reaches it.")
    named = ", ".join(ties[:3])
    if len(ties) > 3:
        named = _("%(names)s and %(n)s more") % {"names": named, "n": len(ties) - 3}
    return _("These photos cannot tell it from %(names)s.") % {"names": named}


def _why_fastest(best: BoardRow, fastest: BoardRow, pool: Sequence[BoardRow]) -> str:
    if fastest is best:
        return _("Nothing faster is within one point of the best on validation photos.")
    words = _("Of all within one point of the best, it answers soonest: %(ms)s against %(best_ms)s.") % {
        "ms": report_milliseconds(_metrics(fastest).latency_ms),
        "best_ms": report_milliseconds(_metrics(best).latency_ms),
    }
    same = [
        said(row.candidate.label)
        for row in pool
        if row is not fastest
        and _accuracy(row) >= _accuracy(best) - CLOSE - _EPS
        and _metrics(row).latency_ms <= (1 + _SAME) * _metrics(fastest).latency_ms
    ]
    return f"{words} " + _("About as fast: %(names)s.") % {"names": ", ".join(same[:3])} if same else words


def _why_smallest(smallest: BoardRow, pool: Sequence[BoardRow]) -> str:
    size = _metrics(smallest).size_bytes
    same = [row for row in pool if row is not smallest and _metrics(row).size_bytes <= (1 + _SAME) * size]
    words = _("Its file is the smallest of those trained to the end: %(size)s.") % {
        "size": filesizeformat(size)
    }
    if not same:
        return words
    return f"{words} " + _("About as small, but less accurate: %(names)s.") % {
        "names": ", ".join(said(row.candidate.label) for row in same[:3])
    }


def _loses(best: BoardRow, row: BoardRow) -> str:
    if row is best:
        return _("It costs nothing: it is the best one.")
    points = 100 * (_accuracy(best) - _accuracy(row))
    both = row.tested == best.tested
    doubt = " " + _("These photos cannot tell the two apart.") if both and overlaps(row, best) else ""
    if points < _SAME:
        return _("On validation photos it is as often right as the best.") + doubt
    return (
        _("It is right on %(points)s of 100 validation photos less than the best.")
        % {"points": decimal(points, 1)}
        + doubt
    )


def _metrics(row: BoardRow) -> Metrics:
    assert row.candidate.metrics is not None
    return row.candidate.metrics


def _accuracy(row: BoardRow) -> float:
    return _metrics(row).accuracy


def _rank(row: BoardRow) -> tuple[float, float]:
    return (_accuracy(row), -_metrics(row).latency_ms)
