"""The ladder of sizes by compound scaling: what was predicted and what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from datasets_app.words.figures import report_milliseconds

_NEAR = 0.25


@dataclass(frozen=True)
class Rung:
    """One size of the family.

    Attributes:
        name: S, M, L or XL.
        number: Its candidate.
        resolution: Side of the input in pixels.
        accuracy: On validation photos, fraction in [0, 1].
        macs: Multiply-accumulates.
        predicted_macs: 2^phi times the base's.
        latency_ms: Measured.
        predicted_latency_ms: 2^phi times the base's.
    """

    name: str
    number: int
    resolution: int
    accuracy: float | None
    macs: float | None
    predicted_macs: float | None
    latency_ms: float | None
    predicted_latency_ms: float | None

    @property
    def ratio(self) -> float | None:
        """Measured time by the predicted one."""
        if not self.latency_ms or not self.predicted_latency_ms:
            return None
        return self.latency_ms / self.predicted_latency_ms


@dataclass(frozen=True)
class Ladder:
    """The family.

    Attributes:
        rungs: From small to large.
        coefficients: Depth, width and resolution of one step, as text.
    """

    rungs: tuple[Rung, ...]
    coefficients: str

    @property
    def sentence(self) -> str:
        """How well the prediction held."""
        ratios = [(rung.ratio, rung) for rung in self.rungs if rung.ratio is not None]
        if not ratios:
            return ""
        ratio, rung = max(ratios, key=lambda pair: max(pair[0], 1 / pair[0]))
        if max(ratio, 1 / ratio) <= 1 + _NEAR:
            return _("Every size takes about the time that compound scaling predicts.")
        return _(
            "The prediction misses most at size %(name)s: %(predicted)s predicted, %(measured)s measured."
        ) % {
            "name": rung.name,
            "predicted": report_milliseconds(rung.predicted_latency_ms),
            "measured": report_milliseconds(rung.latency_ms),
        }


def ladder_of(report: Mapping[str, Any]) -> Ladder | None:
    """Returns the family of a report; None if nothing was scaled."""
    facts = report.get("scaling") or {}
    rows = facts.get("family") or []
    if not rows:
        return None
    rungs = tuple(
        Rung(
            name=str(row.get("name") or f"φ = {row['phi']:g}"),
            number=int(row["candidate"]),
            resolution=int(row["resolution"]),
            accuracy=row.get("accuracy"),
            macs=row.get("macs"),
            predicted_macs=row.get("predicted_macs"),
            latency_ms=row.get("latency_ms"),
            predicted_latency_ms=row.get("predicted_latency_ms"),
        )
        for row in sorted(rows, key=lambda row: row["phi"])
    )
    chosen = facts.get("coefficients") or {}
    steps = " / ".join(f"{chosen[key]:g}" for key in ("alpha", "beta", "gamma") if key in chosen)
    return Ladder(rungs, steps)
