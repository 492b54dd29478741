"""Checks of a run on itself: optimism of the winner, equal training, and the ratios to ResNet-50."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from nas.candidate import Candidate
from nas.pareto import current_candidates
from nas.report.record import RunRecord
from nas.report.words import percent

HEADLINE = {"latency": 6.1, "size": 8.4}
"""What EfficientNet's paper says of B7 on ImageNet: 8.4 times smaller and 6.1 times faster than the best
network of that time (Tan & Le 2019, abstract). That network was GPipe, not ResNet-50."""

_ERRORS = 2.0
_MOST_VALIDATION_IMAGES = 3_000
RESNET50 = "resnet50"


def optimism(
    record: RunRecord, best: Candidate | None, tested: dict[str, Any] | None
) -> dict[str, Any] | None:
    """Returns by how much validation flattered the recommended model; None without a test figure.

    Args:
        record: The run.
        best: The recommended network.
        tested: Its result on the sealed part.

    Returns:
        `validation`, `test`, `difference`, `standard_error` of the difference (two binomial parts), and
        `flagged`: True beyond two standard errors.
    """
    if best is None or best.metrics is None or tested is None or not tested["n_images"]:
        return None
    n_val = sum((record.data.get("counts") or {}).get("val", {}).values()) or tested["n_images"]
    validation, test = best.metrics.accuracy, tested["accuracy"]
    error = math.hypot(
        _error(validation, min(n_val, _MOST_VALIDATION_IMAGES)), _error(test, tested["n_images"])
    )
    difference = validation - test
    return {
        "validation": validation,
        "test": test,
        "difference": difference,
        "standard_error": error,
        "flagged": difference > _ERRORS * error,
    }


def optimism_warning(found: dict[str, Any] | None) -> str | None:
    """Returns a sentence where the optimism is beyond chance, else None."""
    if found is None or not found["flagged"]:
        return None
    return (
        f"The recommended model reached {percent(found['validation'])} of the validation images and "
        f"{percent(found['test'])} of the test images, more than two standard errors less: the search has "
        "partly fitted the validation images, or the two parts differ."
    )


def _error(accuracy: float, n: int) -> float:
    """Returns the standard error of a proportion; never 0, which an accuracy of 1 would give."""
    kept = min(max(accuracy, 0.5 / n), 1.0 - 0.5 / n)
    return math.sqrt(kept * (1.0 - kept) / n)


def fairness(record: RunRecord, best: Candidate | None) -> dict[str, Any]:
    """Returns whether winner and hand-made networks were trained by the same configuration.

    Returns:
        `rows`: `candidate`, `label`, `config_hash` (of everything but architecture and what the
        initialisation asks for), `initialisation`, `recipe` and `training_seconds` of the winner and each
        fully trained baseline; `equal`: True if all hashes are the same, None where fewer than two are known.
    """
    chosen = [] if best is None else [best]
    chosen += [
        one
        for one in current_candidates(record.candidates)
        if one.source == "baseline" and one.fidelity == "final" and one not in chosen
    ]
    rows = [
        {
            "candidate": one.number,
            "label": one.label,
            "config_hash": one.details.get("config_hash"),
            "initialisation": one.details.get("initialisation"),
            "recipe": one.details.get("recipe"),
            "training_seconds": one.details.get("training_seconds"),
        }
        for one in chosen
    ]
    hashes = [row["config_hash"] for row in rows if row["config_hash"] is not None]
    return {"rows": rows, "equal": len(set(hashes)) == 1 if len(hashes) > 1 else None}


def resnet50(
    record: RunRecord, best: Candidate | None, tests: Sequence[dict[str, Any]]
) -> dict[str, Any] | None:
    """Returns how the recommended network stands to ResNet-50 of the same run; None if that has none.

    Returns:
        `candidate`, `initialisation`, `accuracy` and `best_accuracy` (of the test part if both were judged
        there, see `part`), `latency_ratio` and `size_ratio` (ResNet-50's over the recommended network's),
        `headline` (EfficientNet's own) and `note`.
    """
    found = [
        one
        for one in current_candidates(record.candidates)
        if getattr(one.architecture, "name", None) == RESNET50
    ]
    if not found or best is None or best.metrics is None:
        return None
    theirs = found[-1]
    assert theirs.metrics is not None
    tested = {result["candidate"]: result["accuracy"] for result in tests}
    on_test = best.number in tested and theirs.number in tested
    initialisation = theirs.details.get("initialisation", "from scratch")
    return {
        "candidate": theirs.number,
        "initialisation": initialisation,
        "part": "test" if on_test else "validation",
        "accuracy": tested[theirs.number] if on_test else theirs.metrics.accuracy,
        "best_accuracy": tested[best.number] if on_test else best.metrics.accuracy,
        "latency_ratio": _ratio(theirs.metrics.latency_ms, best.metrics.latency_ms),
        "size_ratio": _ratio(theirs.metrics.size_bytes, best.metrics.size_bytes),
        "headline": HEADLINE,
        "note": _note(initialisation),
    }


def _ratio(theirs: float, mine: float) -> float | None:
    return theirs / mine if mine > 0 else None


def _note(initialisation: str) -> str:
    if initialisation == "ImageNet":
        return "ResNet-50 started from the ImageNet weights that the operator put there."
    return (
        "No ImageNet weights of ResNet-50 are at hand offline, so it was trained from scratch: compare time "
        "and size, not accuracy."
    )
