"""Two networks of a run against each other: drawings, stages, figures, and what the photos can tell."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.utils.translation import gettext as _

from nas.architecture import MBConvArchitecture
from nas.candidate import Candidate
from nas.errors import DeviceError, SpaceError
from nas.report.difference import Difference, StageRow, difference, difference_svg
from nas.report.drawing import legend
from nas.report.html import Markup


@dataclass(frozen=True)
class Versus:
    """Two networks.

    Attributes:
        first: The first one.
        second: The second one.
        found: How they differ.
        rows: Their stages with the predicted times of both, None where they are not known.
        drawing: By multiply-accumulates; None where they are not made of stages.
        drawing_ms: By predicted time; None where it is not known.
        legend: What the colours mean.
        why_no_times: Why there are no times, one sentence; empty if there are.
    """

    first: Candidate
    second: Candidate
    found: Difference
    rows: tuple[tuple[StageRow, float | None, float | None], ...]
    drawing: Markup | None
    drawing_ms: Markup | None
    legend: Markup | None
    why_no_times: str


def versus_of(workdir: Path, first: Candidate, second: Candidate) -> Versus:
    """Compares two networks of a run.

    Args:
        workdir: The run's directory; it may keep the table of the device that was searched for.
        first: One network.
        second: The other one.
    """
    found = difference(first.architecture, second.architecture)
    title = f"{first.label} above, {second.label} below"
    if not found.stages:
        return Versus(first, second, found, (), None, None, None, "")
    times = _block_times(workdir, first, second)
    per_stage = [_stage_times(found, times[side], side) if times else None for side in (0, 1)]
    rows = tuple(
        (row, *(None if some is None else some[at] for some in per_stage))
        for at, row in enumerate(found.stages)
    )
    assert isinstance(first.architecture, MBConvArchitecture)
    assert isinstance(second.architecture, MBConvArchitecture)
    return Versus(
        first,
        second,
        found,
        rows,  # type: ignore[arg-type] # two times behind each row
        difference_svg(found.stages, title=title),
        difference_svg(found.stages, title=title, costs_ms=times) if times else None,
        legend(first.architecture, second.architecture),
        ""
        if times
        else _(
            "The time of a single block is known for devices that measured their blocks only; this search "
            "was not made for one, so the drawing goes by multiply-accumulates."
        ),
    )


def _block_times(
    workdir: Path, first: Candidate, second: Candidate
) -> tuple[list[float], list[float]] | None:
    from nas.hardware.target import TableTarget, kept_target  # loads onnx

    try:
        target = kept_target(workdir)
        if not isinstance(target, TableTarget):
            return None
        return target.block_times(first.architecture), target.block_times(second.architecture)
    except (DeviceError, SpaceError, OSError):
        return None


def _stage_times(found: Difference, times: list[float], side: int) -> list[float]:
    left = iter(times)
    return [sum(next(left) for _part in (row.first, row.second)[side]) for row in found.stages]
