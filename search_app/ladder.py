"""Compound scaling of a search: the grid of coefficients, and sizes as predicted and measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from datasets_app.words.engine import said
from datasets_app.words.figures import report_milliseconds

_NEAR = 0.25
_TRIPLE = ("alpha", "beta", "gamma")


@dataclass(frozen=True)
class Rung:
    """One size of the family.

    Attributes:
        name: S, M, L or XL.
        number: Its candidate.
        phi: How far it was scaled; 0 is the base.
        resolution: Side of the input in pixels.
        accuracy: On validation photos, fraction in [0, 1].
        macs: Multiply-accumulates.
        predicted_macs: 2^phi times the base's.
        latency_ms: Measured.
        predicted_latency_ms: 2^phi times the base's.
    """

    name: str
    number: int
    phi: float
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
class Step:
    """A triple of the grid, judged at phi 1.

    Attributes:
        factors: Depth, width and resolution of one step, as text.
        chosen: True for the one that was taken.
        alike: True if validation photos do not tell it from the most accurate one; None in reports of
            earlier versions.
        accuracy: On validation photos, the mean over `seeds`.
        accuracy_low: Lower end of its 95% interval; None in earlier reports.
        accuracy_high: Upper end.
        seeds: Trainings.
        latency_ms: Measured.
        macs: Multiply-accumulates.
    """

    factors: str
    chosen: bool
    alike: bool | None
    accuracy: float | None
    accuracy_low: float | None
    accuracy_high: float | None
    seeds: int
    latency_ms: float | None
    macs: float | None


@dataclass(frozen=True)
class Ladder:
    """The family.

    Attributes:
        rungs: From small to large.
        coefficients: Depth, width and resolution of one step, as text.
        grid: What was tried before.
        choice: Why these coefficients; empty in reports of earlier versions.
        losing: Where larger sizes lose; empty where they do not.
        released: EfficientNet's own sizes, formula beside what was released.
    """

    rungs: tuple[Rung, ...]
    coefficients: str
    grid: tuple[Step, ...] = ()
    choice: str = ""
    losing: str = ""
    released: tuple[Mapping[str, Any], ...] = ()

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
            phi=float(row["phi"]),
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
    return Ladder(
        rungs,
        _factors(chosen),
        grid=tuple(_step(row, chosen) for row in facts.get("grid") or []),
        choice=said(facts.get("choice") or ""),
        losing=said(facts.get("losing") or ""),
        released=tuple((facts.get("efficientnet") or {}).get("released") or ()),
    )


def _step(row: Mapping[str, Any], chosen: Mapping[str, Any]) -> Step:
    return Step(
        factors=_factors(row),
        chosen=all(row.get(key) == chosen.get(key) for key in _TRIPLE),
        alike=row.get("indistinguishable"),
        accuracy=row.get("accuracy"),
        accuracy_low=row.get("accuracy_low"),
        accuracy_high=row.get("accuracy_high"),
        seeds=int(row.get("seeds", 1)),
        latency_ms=row.get("latency_ms"),
        macs=row.get("macs"),
    )


def _factors(values: Mapping[str, Any]) -> str:
    return " / ".join(f"{values[key]:g}" for key in _TRIPLE if key in values)
