"""A cell as a drawing: SVG without any library, for reports and documents."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path

from nas.architecture import CellArchitecture
from nas.cells import SKIP, TEMPLATES, CellTemplate, Edge

_NODE, _GAP, _LANE, _TOP = 34, 150, 46, 64
_LEFT = 70
_COLOURS = {"skip": "#5a6472", "nor": "#0072b2", "sep": "#0072b2", "dil": "#a0357c", "max": "#c24e00"}
_OTHER = "#c24e00"


def cell_svg(template: CellTemplate, edges: Sequence[Edge], *, title: str) -> str:
    """Returns a cell as SVG: nodes in a row, an arc and a label for each edge, skips dashed.

    Args:
        template: The cell family.
        edges: Live edges of the cell.
        title: Read out by screen readers and written above.
    """
    n = template.n_inputs + template.n_nodes
    lanes = _lanes(edges)
    width, height = cell_size(template, edges)
    base = height - 50
    parts = [_arc(edge, lane, base) for edge, lane in zip(edges, lanes, strict=True)]
    parts += [_node(template, node, base) for node in range(n)]
    if template.concatenates:
        parts.append(_concatenation(n, base))
    name = html.escape(title)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{name}" font-family="sans-serif" font-size="13">'
        f'<rect width="{width}" height="{height}" fill="#fff"/>'
        f'<text x="16" y="24" font-size="15" fill="#1c2126">{name}</text>'
        f"{_MARKER}{''.join(parts)}</svg>\n"
    )


def cell_size(template: CellTemplate, edges: Sequence[Edge]) -> tuple[int, int]:
    """Returns width and height of the drawing of a cell."""
    n = template.n_inputs + template.n_nodes
    width = 2 * _LEFT + _GAP * (n - 1) + (90 if template.concatenates else 0)
    return width, _TOP + _LANE * (max(_lanes(edges), default=0) + 1) + 60


_MARKER = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto"><path d="M0 0L8 4L0 8z" fill="#5a6472"/></marker></defs>'
)


def draw_cells(architecture: CellArchitecture, directory: Path, stem: str, title: str) -> None:
    """Writes a drawing of each cell as `<stem>-normal.svg` and, if there is one, `<stem>-reduction.svg`."""
    template = TEMPLATES[architecture.template]
    for kind, edges in (("normal", architecture.normal), ("reduction", architecture.reduction)):
        if edges:
            drawing = cell_svg(template, edges, title=f"{title}: {kind} cell")
            (directory / f"{stem}-{kind}.svg").write_text(drawing, encoding="utf-8")


def _lanes(edges: Sequence[Edge]) -> list[int]:
    """Returns a height for each edge, so that no two labels lie on each other: longer ones are higher."""
    taken: list[tuple[int, int, int]] = []
    lanes = {}
    for index, edge in sorted(enumerate(edges), key=lambda each: each[1].target - each[1].source):
        lane = 0
        while any(lane == other and edge.source < end and start < edge.target for other, start, end in taken):
            lane += 1
        taken.append((lane, edge.source, edge.target))
        lanes[index] = lane
    return [lanes[index] for index in range(len(edges))]


def _x(node: int) -> int:
    return _LEFT + _GAP * node


def _arc(edge: Edge, lane: int, base: int) -> str:
    x1, x2 = _x(edge.source) + 6, _x(edge.target) - 6
    top = base - _NODE // 2 - _LANE * (lane + 1) + 16
    start = base - _NODE // 2
    colour = _COLOURS.get(edge.op.split("_")[0], _OTHER)
    dashes = ' stroke-dasharray="5 4"' if edge.op == SKIP else ""
    path = f"M{x1} {start}C{x1 + 20} {top} {x1 + 20} {top} {(x1 + x2) // 2} {top}"
    path += f"S{x2 - 20} {top} {x2} {start - 2}"
    label = html.escape(edge.op.replace("_connect", "").replace("_", " "))
    return (
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"{dashes} marker-end="url(#tip)"/>'
        f'<text x="{(x1 + x2) // 2}" y="{top - 5}" text-anchor="middle" fill="{colour}">{label}</text>'
    )


def _node(template: CellTemplate, node: int, base: int) -> str:
    name = str(node)
    if node < template.n_inputs:
        name = "in" if template.n_inputs == 1 else ("in -2", "in -1")[node]
    elif not template.concatenates and node == template.targets[-1]:
        name = "out"
    half = _NODE // 2
    return (
        f'<rect x="{_x(node) - half - 4}" y="{base - half}" width="{_NODE + 8}" height="{_NODE}" rx="6" '
        f'fill="#eef1f4" stroke="#5a6472"/>'
        f'<text x="{_x(node)}" y="{base + 5}" text-anchor="middle" fill="#1c2126">{name}</text>'
    )


def _concatenation(n: int, base: int) -> str:
    x = _x(n - 1) + 40
    return (
        f'<text x="{x}" y="{base - 4}" fill="#5a6472">out: nodes</text>'
        f'<text x="{x}" y="{base + 14}" fill="#5a6472">side by side</text>'
    )
