"""The verdict of a run in plain words, and what a careful reader should be warned of.

The recommended model was chosen on validation data before the test part was opened; nothing here chooses
by test results, they are only told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nas.candidate import Candidate
from nas.costs import COSTS, Cost, CostName
from nas.pareto import current_candidates
from nas.report.honesty import fairness, optimism, optimism_warning
from nas.report.ledger import UNBOOKED_AT_MOST, ledger
from nas.report.ranking import rankings
from nas.report.record import RunRecord
from nas.report.words import duration, interval, megabytes, milliseconds, percent
from nas.spaces.lite import lite_version

_CLOSE = 0.01
_CLEARLY_CHEAPER = 0.9
_SMALL_TEST = 100
_OVERRUN = 1.05


@dataclass(frozen=True)
class Verdict:
    """What the run amounts to.

    Attributes:
        headline: One sentence.
        sentences: What else matters, most important first.
        comparison: How the recommended model stands to the fine-tuned Lite0: ``"better"``, ``"worse"``,
            ``"indistinguishable"``, ``"is_baseline"`` or ``"none"``.
    """

    headline: str
    sentences: tuple[str, ...]
    comparison: str


def judge(record: RunRecord) -> Verdict:
    """Returns the verdict; test results may be missing where a run was stopped early."""
    best = _candidate_of(record, record.best)
    if best is None or best.metrics is None:
        return Verdict(
            "This run ended without a model.",
            ("No network was exported; the table of candidates says why each one failed.",),
            "none",
        )
    tested = _test_of(record, best.number)
    comparison, sentence = _against_baseline(record, best, tested)
    sentences = [
        *_device(record, best),
        *_precision(best),
        sentence,
        *_cost(record, best),
        *_cheaper_alternative(record, best),
        *_clock(record),
    ]
    return Verdict(_headline(best, tested), tuple(text for text in sentences if text), comparison)


def warnings(record: RunRecord) -> list[str]:
    """Returns what weakens the figures, one sentence each."""
    found = list(record.warnings)
    if record.test and record.test[0]["n_images"] < _SMALL_TEST:
        n_images = record.test[0]["n_images"]
        found.append(
            f"Only {n_images} test images were set aside, so every test accuracy is uncertain; "
            "more images would narrow the intervals."
        )
    best = recommended(record)
    if flattered := optimism_warning(optimism(record, best, test_result(record, best))):
        found.append(flattered)
    found += [sentence for one in rankings(record.candidates) for sentence in one["sentences"]]
    if fairness(record, best)["equal"] is False:
        found.append(
            "The recommended network and the hand-made ones were not trained by the same configuration, so "
            "part of the difference may come from the training."
        )
    if (share := ledger(record)["unbooked_share"]) > UNBOOKED_AT_MOST:
        found.append(f"The cost ledger misses {percent(share)} of the spent time.")
    if not record.config.get("baselines", True):
        found.append("Hand-made baselines were switched off, so nothing shows what the search was worth.")
    failed = sum(candidate.status == "failed" for candidate in record.candidates)
    if failed:
        noun = "network" if failed == 1 else "networks"
        found.append(f"{failed} {noun} failed; the reasons stand in the table of candidates.")
    if record.spent_seconds > _OVERRUN * record.minutes * 60:
        found.append(
            f"The run took {duration(record.spent_seconds)}, more than the promised {record.minutes:g} min."
        )
    return found


def recommended(record: RunRecord) -> Candidate | None:
    """Returns the network of the recommended model, None if nothing was exported."""
    return _candidate_of(record, record.best)


def test_result(record: RunRecord, one: Candidate | None) -> dict[str, Any] | None:
    """Returns what a network did on the sealed test part, None if it was not judged there."""
    return None if one is None else _test_of(record, one.number)


def baseline_of(record: RunRecord) -> Candidate | None:
    """Returns the fine-tuned Lite0; None if it did not get the final training that finalists get."""
    found = [
        candidate
        for candidate in current_candidates(record.candidates)
        if candidate.source == "baseline"
        and lite_version(candidate.architecture) == 0
        and candidate.fidelity == "final"
    ]
    return max(found, key=lambda candidate: candidate.number, default=None)


def compare(first: dict[str, Any], second: dict[str, Any]) -> str:
    """Returns how the first test result stands to the second; overlapping intervals are a tie."""
    if first["accuracy_low"] > second["accuracy_high"]:
        return "better"
    if first["accuracy_high"] < second["accuracy_low"]:
        return "worse"
    return "indistinguishable"


def _precision(best: Candidate) -> list[str]:
    """Says that the figures are those after quantisation, and what it cost."""
    assert best.metrics is not None
    before = best.metrics.unquantised
    if before is None:
        return []
    return [
        f"Validation accuracy, size and time are those after quantisation to 8 bits; before it, the network "
        f"reaches {percent(before.accuracy)} and is {megabytes(before.size_bytes)} large."
    ]


def _device(record: RunRecord, best: Candidate) -> list[str]:
    """Says for which device the figures are, how they were come by, and who does not fit."""
    assert best.metrics is not None
    device = best.metrics.device
    if device is None:
        return []
    how = {
        "table": "predicted from the blocks that it measured itself",
        "profile": "estimated by the documented model of the device's profile, not measured",
        "scaled": "scaled from this machine by the ratio of a reference network, not measured",
    }[device.how]
    sentences = [
        f"The time is for this device: {device.name}. It is {how}; on this machine the network takes "
        f"{milliseconds(device.here_ms)}."
    ]
    current = current_candidates(record.candidates)
    if device.broken_limits:
        some = any(one.metrics is not None and one.metrics.fits for one in current)
        found = "No exported network" if some else "No network"
        sentences.append(f"{found} fits the device. " + " ".join(device.broken_limits))
        return sentences
    too_large = [one.label for one in current if one.metrics is not None and not one.metrics.fits]
    if too_large:
        named = ", ".join(too_large[:3]) + (f" and {len(too_large) - 3} more" if len(too_large) > 3 else "")
        sentences.append(f"It fits the device's limits; beyond them are {named}.")
    return sentences


def _headline(best: Candidate, tested: dict[str, Any] | None) -> str:
    assert best.metrics is not None
    latency = milliseconds(best.metrics.latency_ms)
    if tested is None:
        return (
            f"{best.label} is right on {percent(best.metrics.accuracy)} of the validation images "
            f"and answers in {latency}."
        )
    return (
        f"{best.label} is right on {percent(tested['accuracy'])} of {tested['n_images']} images "
        f"it had never seen, and answers in {latency}."
    )


def _against_baseline(record: RunRecord, best: Candidate, tested: dict[str, Any] | None) -> tuple[str, str]:
    baseline = baseline_of(record)
    if baseline is None or baseline.metrics is None or best.metrics is None:
        return "none", ""
    if baseline.number == best.number:
        return "is_baseline", (
            "The search found nothing more accurate than the hand-made, fine-tuned Lite0, "
            "so the hand-made network itself is recommended."
        )
    theirs = _test_of(record, baseline.number)
    if tested is None or theirs is None:
        return "none", ""
    relation = compare(tested, theirs)
    figures = (
        f"{percent(tested['accuracy'])} ({interval(tested['accuracy_low'], tested['accuracy_high'])}) "
        f"against {percent(theirs['accuracy'])} ({interval(theirs['accuracy_low'], theirs['accuracy_high'])})"
    )
    speed = _speed(best.metrics.latency_ms, baseline.metrics.latency_ms)
    advice = "take the baseline where accuracy matters most"
    if best.metrics.fits and not baseline.metrics.fits:
        advice = "but the device cannot hold it"
    texts = {
        "better": f"It beats the fine-tuned Lite0 baseline on the test images, {figures}, and is {speed}.",
        "worse": (
            f"The hand-made, fine-tuned Lite0 baseline did better on the test images, {figures}: "
            f"{advice}. The recommended model is {speed}."
        ),
        "indistinguishable": (
            f"In accuracy it is indistinguishable from the fine-tuned Lite0 baseline, {figures} "
            f"with overlapping 95% intervals, and it is {speed}."
        ),
    }
    return relation, texts[relation]


def _speed(mine: float, theirs: float) -> str:
    if mine < 0.95 * theirs:
        return f"{theirs / mine:.1f} times as fast"
    if mine > 1.05 * theirs:
        return f"slower ({milliseconds(mine)} against {milliseconds(theirs)})"
    return "about as fast"


def _cost_of(record: RunRecord) -> Cost:
    name: CostName = record.config.get("cost", "latency")
    return COSTS[name]


def _cost(record: RunRecord, best: Candidate) -> list[str]:
    """Says what accuracy was weighed against, where it was not latency."""
    assert best.metrics is not None
    cost = _cost_of(record)
    if cost.name == "latency":
        return []
    return [
        f"The search weighed accuracy against {cost.name}, not latency: it needs {cost.shown(best.metrics)}."
    ]


def _cheaper_alternative(record: RunRecord, best: Candidate) -> list[str]:
    """Names the cheapest exported model within one point of the best on validation data."""
    assert best.metrics is not None
    cost = _cost_of(record)
    options = [
        candidate
        for candidate in (_candidate_of(record, model["name"]) for model in record.models)
        if candidate is not None
        and candidate.metrics is not None
        and candidate.metrics.accuracy >= best.metrics.accuracy - _CLOSE
        and candidate.metrics.fits
    ]
    if not options:
        return []
    cheapest = min(options, key=lambda candidate: _price(candidate, cost))
    if not _price(cheapest, cost) <= _CLEARLY_CHEAPER * cost.of(best.metrics):
        return []
    if cost.name != "latency":
        assert cheapest.metrics is not None
        return [
            f"If {cost.name} matters more, {cheapest.label} is within one point of it on validation images "
            f"and needs {cost.shown(cheapest.metrics)}."
        ]
    return [
        f"If speed matters more, {cheapest.label} is within one point of it on validation images "
        f"and answers in {milliseconds(_price(cheapest, cost))}, "
        f"{best.metrics.latency_ms / _price(cheapest, cost):.1f} times as fast."
    ]


def _clock(record: RunRecord) -> list[str]:
    if record.stopped:
        return [
            f"The run was stopped after {duration(record.spent_seconds)} of {record.minutes:g} min; "
            "this is the best found until then."
        ]
    return []


def _price(candidate: Candidate, cost: Cost) -> float:
    assert candidate.metrics is not None
    return cost.of(candidate.metrics)


def _candidate_of(record: RunRecord, name: str | None) -> Candidate | None:
    numbers = {model["name"]: model["candidate"] for model in record.models}
    return next((one for one in record.candidates if one.number == numbers.get(name or "")), None)


def _test_of(record: RunRecord, number: int) -> dict[str, Any] | None:
    return next((result for result in record.test if result["candidate"] == number), None)
