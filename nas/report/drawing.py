"""A network as a drawing: its blocks in order, as wide as their work, as high as their channels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nas.architecture import Architecture, CellArchitecture, MBConvArchitecture, architecture_from_json
from nas.cells import TEMPLATES
from nas.hardware.blocks import Block
from nas.hardware.features import work
from nas.hardware.plan import mbconv_blocks
from nas.report.cells import cell_svg
from nas.report.html import Markup, el, join, table
from nas.report.words import count, milliseconds, percent

OPERATORS = {
    "stem": "convolution",
    "ds": "depthwise-separable",
    "ir": "inverted bottleneck (MBConv)",
    "er": "fused bottleneck",
    "head": "pointwise, pooling, classifier",
}
"""Name of a block's operator in `nas.hardware.blocks` -> its name for people, in the order of the legend."""

_COLUMNS = ["Stage", "Operator", "Blocks", "Kernel", "Expansion", "Squeeze-excite", "Channels", "Map", "Work"]
COLOURS = {"stem": "#5a6472", "ds": "#009e73", "ir": "#0072b2", "er": "#d55e00", "head": "#8a6d9e"}
"""Colour of each operator: each has 3:1 of contrast on white and on the dark theme's background."""

_TOP, _LOWEST, _BELOW = 26.0, 12.0, 30.0
_LABEL = 54.0  # room that one label of a side takes


@dataclass(frozen=True)
class Sheet:
    """What a drawing is drawn on, in its own units.

    Attributes:
        width: Of the drawing.
        highest: Height of a block of 2,048 channels.
        gap: Between two blocks.
        thinnest: Width of a block without any work.
    """

    width: float = 720.0
    highest: float = 120.0
    gap: float = 2.0
    thinnest: float = 5.0

    @property
    def height(self) -> float:
        """Height of the drawing with what is written above and below the blocks."""
        return _TOP + self.highest + _BELOW


PAGE = Sheet()


@dataclass(frozen=True)
class Part:
    """A block of a network.

    Attributes:
        stage: Number of its stage from 1; 0 for the stem, None for the head.
        block: What it is.
        macs: Its multiply-accumulates of one image.
    """

    stage: int | None
    block: Block
    macs: int


def parts_of(architecture: MBConvArchitecture) -> tuple[Part, ...]:
    """Returns the blocks from stem to head."""
    blocks = mbconv_blocks(architecture)
    stages: list[int | None] = [0]
    for number, stage in enumerate(architecture.stages, start=1):
        stages += [number] * stage.depth
    stages.append(None)
    return tuple(Part(stage, block, work(block).macs) for stage, block in zip(stages, blocks, strict=True))


def network_svg(architecture: MBConvArchitecture, *, title: str) -> Markup:
    """Returns a drawing whose text takes the colour of the page around it.

    Args:
        architecture: The network.
        title: Read out by screen readers.
    """
    return svg(bars(architecture), (PAGE.width, PAGE.height), title, class_="network")


def svg(content: Markup, frame: tuple[float, float], title: str, **attributes: object) -> Markup:
    """Returns an image with a name for screen readers."""
    return el(
        "svg",
        content,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {frame[0]:.0f} {frame[1]:.0f}",
        role="img",
        aria_label=title,
        font_family="sans-serif",
        font_size="13",
        **attributes,
    )


def bars(
    architecture: MBConvArchitecture, sheet: Sheet = PAGE, costs_ms: Sequence[float] | None = None
) -> Markup:
    """Returns the blocks as rectangles with the side of the map above and the sum below.

    Args:
        architecture: The network.
        sheet: What they are drawn on.
        costs_ms: Milliseconds of each block, as wide as which it is drawn; None for its multiply-accumulates.
    """
    parts = parts_of(architecture)
    sizes = [float(part.macs) for part in parts] if costs_ms is None else list(costs_ms)
    total = sum(sizes)
    unit = (sheet.width - len(parts) * (sheet.thinnest + sheet.gap)) / total
    base = _TOP + sheet.highest
    drawn: list[Markup] = []
    x, side, free_from = 0.0, 0, 0.0
    for part, size in zip(parts, sizes, strict=True):
        width = sheet.thinnest + size * unit
        words = _words(part, size / total, "work" if costs_ms is None else "time")
        height = _height(part.block.outputs, sheet.highest)
        place = {"x": x, "y": base - height, "width": width, "height": height}
        drawn.append(_bar(part.block.op, words, place))
        if part.block.side != side and x >= free_from:
            drawn.append(text(x, _TOP - 10.0, f"{part.block.side} px"))
            side, free_from = part.block.side, x + _LABEL
        x += width + sheet.gap
    sums = f"{count(total)} multiply-accumulates" if costs_ms is None else f"about {milliseconds(total)}"
    drawn.append(text(0.0, base + 20.0, f"{sums} an image"))
    return join(*drawn)


def _bar(op: str, words: str, place: dict[str, float]) -> Markup:
    numbers = {name: f"{value:.1f}" for name, value in place.items()}
    return el("rect", el("title", words), **numbers, rx="2", fill=COLOURS[op])


def stage_table(architecture: MBConvArchitecture, caption: str) -> Markup:
    """Returns what the drawing shows as a table, a row a stage."""
    parts = parts_of(architecture)
    total = sum(part.macs for part in parts)
    rows: list[list[object]] = []
    for stage in dict.fromkeys(part.stage for part in parts):
        mine = [part for part in parts if part.stage == stage]
        first, last = mine[0].block, mine[-1].block
        rows.append(
            [
                stage_name(stage),
                OPERATORS[first.op],
                str(len(mine)),
                f"{first.kernel} × {first.kernel}" if first.kernel > 1 else "1 × 1",
                f"{first.expansion:g}" if first.op in {"ir", "er"} else "",
                "yes" if first.squeeze else "",
                str(last.outputs),
                f"{first.side} → {last.out_side} px",
                percent(sum(part.macs for part in mine) / total),
            ]
        )
    return table(caption, _COLUMNS, rows, numeric={2, 6, 8})


def legend(*architectures: MBConvArchitecture) -> Markup:
    """Returns what the colours of drawings mean, those that occur."""
    used = {
        op: name for op, name in OPERATORS.items() if any(op in operators_of(one) for one in architectures)
    }
    entries = [
        el(
            "li",
            el(
                "svg",
                el("rect", width="12", height="12", rx="2", fill=COLOURS[op]),
                viewBox="0 0 12 12",
                width="12",
                height="12",
                aria_hidden="true",
            ),
            f" {name}",
        )
        for op, name in used.items()
    ]
    return el("ul", *entries, class_="legend")


def operators_of(architecture: MBConvArchitecture) -> dict[str, str]:
    """Returns the operators that occur with their names for people, in the order of the legend."""
    used = {part.block.op for part in parts_of(architecture)}
    return {op: name for op, name in OPERATORS.items() if op in used}


def draw(architecture: Architecture, title: str) -> Markup | None:
    """Returns drawing and table of a network; None for one that is known by its name only."""
    if isinstance(architecture, MBConvArchitecture):
        return join(
            network_svg(architecture, title=title),
            legend(architecture),
            stage_table(architecture, f"{title}, stage by stage"),
        )
    if isinstance(architecture, CellArchitecture):
        cells = (("normal", architecture.normal), ("reduction", architecture.reduction))
        drawings = [
            Markup(cell_svg(TEMPLATES[architecture.template], edges, title=f"{title}: {kind} cell"))
            for kind, edges in cells
            if edges
        ]
        return join(*drawings)
    return None


def drawing_of(data: dict[str, Any], title: str) -> Markup | None:
    """Returns the same as `draw` of an architecture as JSON."""
    return draw(architecture_from_json(data), title)


def stage_name(stage: int | None) -> str:
    """Returns what a stage is called."""
    if stage is None:
        return "Head"
    return f"Stage {stage}" if stage else "Stem"


def text(x: float, y: float, words: str, **attributes: object) -> Markup:
    """Returns words in the colour of the page around them."""
    return el("text", words, x=f"{x:.1f}", y=f"{y:.1f}", fill="currentColor", **attributes)


def _height(channels: int, highest: float) -> float:
    """Returns a height that grows with the logarithm: 8 channels are the lowest, 2,048 the highest."""
    share = math.log2(max(channels, 8) / 8) / 8
    return _LOWEST + min(1.0, share) * (highest - _LOWEST)


def _words(part: Part, share: float, of: str) -> str:
    block = part.block
    kernel = f", kernel {block.kernel}" if block.kernel > 1 else ""
    gates = ", squeeze-excite" if block.squeeze else ""
    return (
        f"{stage_name(part.stage)}: {OPERATORS[block.op]}{kernel}{gates}, {block.outputs} channels, "
        f"{block.side} → {block.out_side} px, {percent(share)} of the {of}"
    )
