"""The hand-made networks of a run against what the search found, said plainly where they win."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _

from datasets_app.words.engine import said
from datasets_app.words.figures import percent, report_milliseconds
from nas.candidate import Candidate, Metrics
from nas.pareto import current_candidates


def baseline_sentences(candidates: Sequence[Candidate]) -> list[str]:
    """Returns a sentence for each hand-made network: whether anything searched beats it, on validation."""
    current = [one for one in current_candidates(candidates) if one.metrics is not None]
    found = [one for one in current if one.source in ("base_search", "scaled")]
    handmade = sorted(
        (one for one in current if one.source == "baseline"), key=lambda one: -_metrics(one).accuracy
    )
    return [_sentence(one, found) for one in handmade]


def _sentence(one: Candidate, found: Sequence[Candidate]) -> str:
    metrics = _metrics(one)
    named = {
        "name": said(one.label),
        "accuracy": percent(metrics.accuracy),
        "ms": report_milliseconds(metrics.latency_ms),
    }
    beating = [
        other
        for other in found
        if _metrics(other).accuracy >= metrics.accuracy and _metrics(other).latency_ms <= metrics.latency_ms
    ]
    if not beating:
        return (
            _(
                "%(name)s wins at its place: %(accuracy)s in %(ms)s, and no searched network is as accurate "
                "and as fast."
            )
            % named
        )
    best = max(beating, key=lambda other: (_metrics(other).accuracy, -_metrics(other).latency_ms))
    return _("%(name)s (%(accuracy)s in %(ms)s) is beaten by %(best)s: %(best_accuracy)s in %(best_ms)s.") % {
        **named,
        "best": said(best.label),
        "best_accuracy": percent(_metrics(best).accuracy),
        "best_ms": report_milliseconds(_metrics(best).latency_ms),
    }


def _metrics(one: Candidate) -> Metrics:
    assert one.metrics is not None
    return one.metrics
