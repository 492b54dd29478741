"""Two searches side by side: options, best networks, fronts, and a verdict that claims only what is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.utils.translation import gettext as _

from datasets_app.words.engine import said
from datasets_app.words.figures import decimal, report_milliseconds, whole
from nas.candidate import Metrics
from nas.statistics import mcnemar_exact
from search_app.models import SearchRun
from search_app.pages import chosen_options, leaderboard_of, report_of
from search_app.price import UNLIKELY, answers_of, chance
from search_app.results import BoardRow, overlaps

_SAME_TIME = 0.05


@dataclass(frozen=True)
class RunSide:
    """One of two searches.

    Attributes:
        run: Its row.
        report: Its report.json.
        rows: Its leaderboard.
        best: What it recommends, else the first of the leaderboard; None without networks.
    """

    run: SearchRun
    report: Mapping[str, Any]
    rows: tuple[BoardRow, ...]
    best: BoardRow | None

    @property
    def front(self) -> list[BoardRow]:
        """The networks of its front, the fastest first."""
        return sorted((row for row in self.rows if row.on_front), key=_latency)


@dataclass(frozen=True)
class OptionRow:
    """An option of both searches."""

    name: str
    first: str
    second: str

    @property
    def differs(self) -> bool:
        """True if it is not the same in both."""
        return self.first != self.second


def side_of(run: SearchRun) -> RunSide:
    """Gathers what a search found."""
    report = report_of(run)
    rows = leaderboard_of(run, report)
    chosen = next((row for row in rows if row.recommended), rows[0] if rows else None)
    return RunSide(run, report, tuple(rows), chosen)


def option_rows(first: RunSide, second: RunSide) -> list[OptionRow]:
    """Returns the options of both, those of the form and what they worked on."""
    told = [_facts(side) for side in (first, second)]
    return [OptionRow(name, told[0][name], told[1][name]) for name in told[0]]


def warnings_of(first: RunSide, second: RunSide) -> list[str]:
    """Returns what makes the two hard to compare, one sentence each."""
    one, other = first.run, second.run
    found = []
    if one.dataset_version.content_hash != other.dataset_version.content_hash:
        found.append(
            _("They worked on different photos or versions of them: their accuracies are of different tests.")
        )
    if one.device != other.device:
        found.append(_("They were made for different devices: their times are not of the same place."))
    elif _cpu(first) != _cpu(second):
        found.append(_("They ran on different processors: their times are not of the same machine."))
    if one.minutes != other.minutes:
        found.append(
            _("One had %(a)s minutes and the other %(b)s: more time finds better networks.")
            % {"a": f"{one.minutes:g}", "b": f"{other.minutes:g}"}
        )
    return found


def verdict_of(first: RunSide, second: RunSide) -> str:
    """Returns which best network is better, or that it cannot be told."""
    one, other = first.best, second.best
    if one is None or other is None:
        return _("One of the two searches found no network.")
    if first.run.dataset_version.content_hash != second.run.dataset_version.content_hash:
        accuracy = _("Which one is more accurate cannot be told: they were not judged on the same photos.")
    else:
        accuracy = _by_photos(first, second) or _by_intervals(first, second)
    return f"{accuracy} {_by_time(first, second)}".strip()


def _by_photos(first: RunSide, second: RunSide) -> str:
    """Compares the kept answers photo by photo; empty without them."""
    assert first.best is not None
    assert second.best is not None
    mine, theirs = (answers_of(side.run.workdir, side.best) for side in (first, second) if side.best)
    if mine is None or theirs is None or mine.part != theirs.part or mine.data_hash != theirs.data_hash:
        return ""
    _rows, a, b = np.intersect1d(mine.rows, theirs.rows, assume_unique=True, return_indices=True)
    right, other = mine.correct[a], theirs.correct[b]
    only_first, only_second = int((right & ~other).sum()), int((other & ~right).sum())
    p_value = mcnemar_exact(only_first, only_second)
    named = {
        "n": len(a),
        "first": only_first,
        "second": only_second,
        "chance": chance(p_value),
        "better": (first if only_first > only_second else second).run.name,
    }
    told = _(
        "Of %(n)s photos, the first one's best alone is right on %(first)s, the second one's on %(second)s."
    )
    if p_value >= UNLIKELY:
        doubt = _(
            "That far apart are equally good networks in %(chance)s of such sets: no difference is shown."
        )
        return f"{told} {doubt}" % named
    sure = _(
        "That is hardly chance (%(chance)s, exact McNemar test): the best of %(better)s is more accurate."
    )
    return f"{told} {sure}" % named


def _by_intervals(first: RunSide, second: RunSide) -> str:
    one, other = first.best, second.best
    assert one is not None
    assert other is not None
    if one.tested != other.tested:
        return _("One was judged on test photos and the other was not: no difference is shown.")
    if overlaps(one, other):
        return _("Their 95% intervals overlap: these photos cannot tell which one is more accurate.")
    better = first if one.accuracy > other.accuracy else second
    return _("The best network of %(name)s is more accurate: the 95%% intervals do not overlap.") % {
        "name": better.run.name
    }


def _by_time(first: RunSide, second: RunSide) -> str:
    if first.run.device != second.run.device or _cpu(first) != _cpu(second):
        return ""
    assert first.best is not None
    assert second.best is not None
    times = [_latency(side.best) for side in (first, second) if side.best]
    if max(times) <= (1 + _SAME_TIME) * min(times):
        return _("Both take about the same time.")
    faster = first if times[0] < times[1] else second
    return _("That of %(name)s is %(factor)s times as fast (%(fast)s against %(slow)s).") % {
        "name": faster.run.name,
        "factor": decimal(max(times) / min(times), 1),
        "fast": report_milliseconds(min(times)),
        "slow": report_milliseconds(max(times)),
    }


def fronts_of(sides: Sequence[RunSide]) -> list[dict[str, Any]]:
    """Returns the fronts for the chart: validation accuracy, as every front is chosen by it."""
    return [
        {
            "name": side.run.name,
            "points": [
                {
                    "label": said(row.candidate.label),
                    "latency_ms": _latency(row),
                    "accuracy": _metrics(row).accuracy,
                    "low": _metrics(row).accuracy_low,
                    "high": _metrics(row).accuracy_high,
                }
                for row in side.front
            ],
        }
        for side in sides
    ]


def _facts(side: RunSide) -> dict[str, str]:
    run = side.run
    version = run.dataset_version
    return {
        _("Data set"): _("%(name)s, version %(n)s") % {"name": version.dataset.name, "n": version.number},
        _("Photos"): whole(version.n_images),
        _("Minutes"): f"{run.minutes:g}",
        _("Goal"): str(run.get_goal_display()),
        _("Wanted time"): "–"
        if run.target_latency_ms is None
        else report_milliseconds(run.target_latency_ms),
        **dict(chosen_options(run)),
        _("Hand-made networks"): _("yes") if run.baselines else _("no"),
        _("Networks tried"): whole(run.n_candidates),
        _("Processor"): _cpu(side) or "–",
    }


def _cpu(side: RunSide) -> str:
    return str((side.report.get("machine") or {}).get("cpu") or "")


def _metrics(row: BoardRow) -> Metrics:
    assert row.candidate.metrics is not None
    return row.candidate.metrics


def _latency(row: BoardRow) -> float:
    return _metrics(row).latency_ms
