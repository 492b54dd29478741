"""Two networks side by side: stages aligned, what differs in words, and a drawing of both on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from nas.architecture import Architecture, CellArchitecture, MBConvArchitecture, TimmArchitecture
from nas.cells import Edge
from nas.report.drawing import COLOURS, OPERATORS, Part, parts_of, stage_name, svg, text
from nas.report.html import Markup, el, join

_WIDTH, _ROW, _GAP, _THINNEST, _BETWEEN = 860.0, 84.0, 2.0, 4.0, 14.0
_TOP, _MIDDLE, _BELOW = 22.0, 30.0, 40.0
_LOWEST, _SIDE = 12.0, 14.0


@dataclass(frozen=True)
class StageRow:
    """A stage of two networks; a network that has no such stage has no parts in it.

    Attributes:
        name: Stem, stage or head.
        first: Blocks of the first network.
        second: Blocks of the second one.
        differences: What differs, in words; empty where both are alike.
    """

    name: str
    first: tuple[Part, ...]
    second: tuple[Part, ...]
    differences: tuple[str, ...]

    @property
    def macs(self) -> tuple[int, int]:
        """Multiply-accumulates of both."""
        return sum(part.macs for part in self.first), sum(part.macs for part in self.second)


@dataclass(frozen=True)
class Difference:
    """Two networks.

    Attributes:
        whole: What differs in the networks as wholes, in words.
        stages: Their stages, where both are made of blocks.
        cells: What differs in their cells, in words.
        comparable: False if they are of different kinds, so that only the wholes can be compared.
    """

    whole: tuple[str, ...]
    stages: tuple[StageRow, ...] = ()
    cells: tuple[str, ...] = ()
    comparable: bool = True

    @property
    def same(self) -> bool:
        """True if both are the same network."""
        alike = not self.whole and not self.cells and not any(row.differences for row in self.stages)
        return self.comparable and alike


def difference(first: Architecture, second: Architecture) -> Difference:
    """Compares two networks."""
    if isinstance(first, MBConvArchitecture) and isinstance(second, MBConvArchitecture):
        return Difference(_whole(first, second, ("resolution", "activation")), _stages(first, second))
    if isinstance(first, CellArchitecture) and isinstance(second, CellArchitecture):
        words = _whole(first, second, ("resolution", "template", "channels", "cells"))
        cells = (
            *_edges("normal cell", first.normal, second.normal),
            *_edges("reduction cell", first.reduction, second.reduction),
        )
        return Difference(words, cells=cells)
    if isinstance(first, TimmArchitecture) and isinstance(second, TimmArchitecture):
        return Difference(_whole(first, second, ("name", "resolution")))
    return Difference(_whole(first, second, ("resolution",)), comparable=False)


def difference_svg(
    rows: Sequence[StageRow],
    *,
    title: str,
    costs_ms: tuple[Sequence[float], Sequence[float]] | None = None,
) -> Markup:
    """Draws both networks above each other on one scale, each stage below its twin, what differs marked.

    Args:
        rows: Aligned stages.
        title: Read out by screen readers.
        costs_ms: Milliseconds of each block of both; None draws multiply-accumulates.
    """
    sizes = [_sizes(rows, 0, costs_ms), _sizes(rows, 1, costs_ms)]
    spans = [max(sum(sizes[0][at]), sum(sizes[1][at])) for at in range(len(rows))]
    counts = [max(len(row.first), len(row.second)) for row in rows]
    fixed = 2 * _SIDE + sum(counts) * (_THINNEST + _GAP) + len(rows) * _BETWEEN
    unit = (_WIDTH - fixed) / (sum(spans) or 1.0)
    drawn, x = [], _SIDE
    for at, row in enumerate(rows):
        width = spans[at] * unit + counts[at] * (_THINNEST + _GAP)
        drawn.append(_column(row, (sizes[0][at], sizes[1][at]), x, width, unit))
        x += width + _BETWEEN
    return svg(join(*drawn), (_WIDTH, _TOP + 2 * _ROW + _MIDDLE + _BELOW), title, class_="network")


def _sizes(
    rows: Sequence[StageRow], side: int, costs_ms: tuple[Sequence[float], Sequence[float]] | None
) -> list[list[float]]:
    parts = [(row.first, row.second)[side] for row in rows]
    if costs_ms is None:
        return [[float(part.macs) for part in some] for some in parts]
    left = iter(costs_ms[side])
    return [[next(left) for _ in some] for some in parts]


def _column(
    row: StageRow, sizes: tuple[Sequence[float], Sequence[float]], x: float, width: float, unit: float
) -> Markup:
    drawn: list[Markup] = []
    for parts, some, base in (
        (row.first, sizes[0], _TOP + _ROW),
        (row.second, sizes[1], _TOP + 2 * _ROW + _MIDDLE),
    ):
        at = x
        for part, size in zip(parts, some, strict=True):
            wide, high = _THINNEST + size * unit, _height(part)
            drawn.append(
                el(
                    "rect",
                    el("title", f"{row.name}: {OPERATORS[part.block.op]}, {part.block.outputs} channels"),
                    x=f"{at:.1f}",
                    y=f"{base - high:.1f}",
                    width=f"{wide:.1f}",
                    height=f"{high:.1f}",
                    rx="2",
                    fill=COLOURS[part.block.op],
                )
            )
            at += wide + _GAP
    middle = _TOP + _ROW + _MIDDLE / 2
    if row.differences:
        line = {"x1": f"{x:.1f}", "x2": f"{x + width - _GAP:.1f}", "y1": middle + 6, "y2": middle + 6}
        drawn.append(el("line", **line, stroke="currentColor", stroke_width=2))
        drawn.append(text(x + width / 2, middle + 2, "≠", text_anchor="middle", font_weight="bold"))
    number = "".join(ch for ch in row.name if ch.isdigit()) or row.name
    drawn.append(text(x + width / 2, _TOP + 2 * _ROW + _MIDDLE + 18, number, text_anchor="middle"))
    return join(*drawn)


def _height(part: Part) -> float:
    return _LOWEST + min(1.0, part.block.outputs.bit_length() / 11) * (_ROW - _LOWEST)


def _whole(first: Architecture, second: Architecture, names: Sequence[str]) -> tuple[str, ...]:
    units = {"resolution": " px"}
    return tuple(
        f"{name} {getattr(first, name)}{units.get(name, '')} → {getattr(second, name)}{units.get(name, '')}"
        for name in names
        if getattr(first, name) != getattr(second, name)
    )


def _stages(first: MBConvArchitecture, second: MBConvArchitecture) -> tuple[StageRow, ...]:
    """Aligns by place: stages of one space correspond, and what one network has more stands alone."""
    mine, theirs = _by_stage(first), _by_stage(second)
    middle = zip_longest(mine[1:-1], theirs[1:-1], fillvalue=())
    pairs = [(mine[0], theirs[0]), *middle, (mine[-1], theirs[-1])]
    return tuple(
        StageRow(stage_name((one or other)[0].stage), one, other, _differences(one, other))
        for one, other in pairs
    )


def _by_stage(architecture: MBConvArchitecture) -> list[tuple[Part, ...]]:
    parts = parts_of(architecture)
    return [
        tuple(part for part in parts if part.stage == stage)
        for stage in dict.fromkeys(part.stage for part in parts)
    ]


def _differences(first: tuple[Part, ...], second: tuple[Part, ...]) -> tuple[str, ...]:
    if not first or not second:
        return ("only the second one has it" if not first else "only the first one has it",)
    facts = [_facts(first), _facts(second)]
    return tuple(
        f"{name} {facts[0][name]} → {facts[1][name]}" for name in facts[0] if facts[0][name] != facts[1][name]
    )


def _facts(parts: tuple[Part, ...]) -> dict[str, str]:
    first, last = parts[0].block, parts[-1].block
    return {
        "operator": OPERATORS[first.op],
        "blocks": str(len(parts)),
        "kernel": str(first.kernel),
        "expansion": f"{first.expansion:g}",
        "squeeze-excite": "yes" if first.squeeze else "no",
        "channels": str(last.outputs),
        "stride": str(first.stride),
    }


def _edges(cell: str, first: Sequence[Edge], second: Sequence[Edge]) -> tuple[str, ...]:
    mine, theirs = set(first), set(second)
    return (
        *(f"{cell}: only the first one has {_edge(one)}" for one in first if one not in theirs),
        *(f"{cell}: only the second one has {_edge(one)}" for one in second if one not in mine),
    )


def _edge(edge: Edge) -> str:
    return f"{edge.op.replace('_', ' ')} from node {edge.source} to {edge.target}"
