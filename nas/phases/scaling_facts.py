"""What the report says of compound scaling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nas.architecture import MBConvArchitecture
from nas.candidate import Candidate
from nas.cost import macs
from nas.phases.scaling_choice import Choice, Judged
from nas.scaling import EFFICIENTNET, RELEASED, Coefficients

NAMES: Mapping[float, str] = {
    -2.0: "XS",
    -1.0: "S",
    -0.5: "S+",
    0.0: "M",
    0.5: "M+",
    1.0: "L",
    1.5: "L+",
    2.0: "XL",
    3.0: "XXL",
}
"""What people call the members of a family."""


def facts_of(
    base: Candidate,
    choice: Choice | None,
    chosen: Coefficients,
    family: Mapping[float, Candidate],
    n_classes: int,
) -> dict[str, Any]:
    """Returns the report's section on compound scaling.

    Args:
        base: The network at phi 0.
        choice: What the grid says; None if no network of the grid was trained.
        chosen: The coefficients of the family.
        family: Its trained members by phi, the base as 0.
        n_classes: Classes of the images.
    """
    grid: tuple[Judged, ...] = () if choice is None else choice.grid
    alike = () if choice is None else choice.alike
    rows = [_family_row(base, member, phi, n_classes) for phi, member in sorted(family.items())]
    return {
        "base": base.number,
        "grid": [_grid_row(one, alike=one in alike) for one in grid],
        "choice": None if choice is None else choice.sentence,
        "coefficients": _triple(chosen),
        "efficientnet": {**_triple(EFFICIENTNET), "released": [one.to_json() for one in RELEASED]},
        "family": rows,
        "losing": losing_sentence(rows),
    }


def losing_sentence(rows: list[dict[str, Any]]) -> str | None:
    """Returns where larger members are no better than a smaller one; None if each step up gains."""
    best = max(rows, key=lambda row: row["accuracy"], default=None)
    larger = [] if best is None else [row["name"] for row in rows if row["phi"] > best["phi"]]
    if best is None or not larger:
        return None
    return (
        f"After the same seconds of training, {', '.join(larger)} did not exceed {best['name']} on the "
        "validation images: larger members see fewer epochs, and few images do not fill them."
    )


def _triple(each: Coefficients) -> dict[str, float]:
    return {"alpha": each.alpha, "beta": each.beta, "gamma": each.gamma}


def _grid_row(judged: Judged, *, alike: bool) -> dict[str, Any]:
    first = judged.trainings[0]
    assert first.metrics is not None
    return {
        **_triple(judged.coefficients),
        "candidate": first.number,
        "accuracy": judged.accuracy,
        "accuracy_low": judged.accuracy_low,
        "accuracy_high": judged.accuracy_high,
        "seeds": len(judged.trainings),
        "indistinguishable": alike,
        "latency_ms": first.metrics.latency_ms,
        "macs": first.metrics.macs,
        "seconds": round(sum(one.seconds for one in judged.trainings), 2),
    }


def _family_row(base: Candidate, member: Candidate, phi: float, n_classes: int) -> dict[str, Any]:
    """Predicted (2^phi times the base) beside measured cost of one member."""
    assert base.metrics is not None
    assert member.metrics is not None
    assert isinstance(member.architecture, MBConvArchitecture)
    return {
        "phi": phi,
        "name": NAMES.get(phi, f"φ {phi:g}"),
        "candidate": member.number,
        "resolution": member.architecture.resolution,
        "predicted_macs": round(base.metrics.macs * 2.0**phi),
        "macs": macs(member.architecture, n_classes),
        "predicted_latency_ms": base.metrics.latency_ms * 2.0**phi,
        "latency_ms": member.metrics.latency_ms,
        "accuracy": member.metrics.accuracy,
        "accuracy_low": member.metrics.accuracy_low,
        "accuracy_high": member.metrics.accuracy_high,
    }
