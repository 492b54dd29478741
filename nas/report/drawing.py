"""A network as a drawing: its blocks in order, as wide as their work, as high as their channels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from nas.architecture import Architecture, CellArchitecture, MBConvArchitecture, architecture_from_json
from nas.cells import TEMPLATES
from nas.hardware.blocks import Block
from nas.hardware.features import work
from nas.hardware.plan import mbconv_blocks
from nas.report.cells import cell_svg
from nas.report.html import Markup, el, join, table
from nas.report.words import count, percent

OPERATORS = {
    "stem": "convolution",
    "ds": "depthwise-separable",
    "ir": "inverted bottleneck (MBConv)",
    "er": "fused bottleneck",
    "head": "pointwise, pooling, classifier",
}
"""Name of a block's operator in `nas.hardware.blocks` -> its name for people, in the order of the legend."""

_COLUMNS = ["Stage", "Operator", "Blocks", "Kernel", "Expansion", "Squeeze-excite", "Channels", "Map", "Work"]
_COLOURS = {"stem": "#5a6472", "ds": "#009e73", "ir": "#0072b2", "er": "#d55e00", "head": "#8a6d9e"}
_WIDTH, _GAP, _THINNEST = 720.0, 2.0, 5.0
_TOP, _HIGHEST, _LOWEST = 26.0, 120.0, 12.0
_BELOW = 30.0
_LABEL = 44.0  # room that one label of a side takes


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
    parts = parts_of(architecture)
    total = sum(part.macs for part in parts)
    room = _WIDTH - len(parts) * (_THINNEST + _GAP)
    a_mac = room / total
    base = _TOP + _HIGHEST
    drawn: list[Markup] = []
    x, side, free_from = 0.0, 0, 0.0
    for part in parts:
        width, height = _THINNEST + part.macs * a_mac, _height(part.block.outputs)
        words = el("title", _words(part, total))
        drawn.append(
            el(
                "rect",
                words,
                x=f"{x:.1f}",
                y=f"{base - height:.1f}",
                width=f"{width:.1f}",
                height=f"{height:.1f}",
                rx="2",
                fill=_COLOURS[part.block.op],
            )
        )
        if part.block.side != side and x >= free_from:
            drawn.append(_text(x, _TOP - 10.0, f"{part.block.side} px"))
            side, free_from = part.block.side, x + _LABEL
        x += width + _GAP
    drawn.append(_text(0.0, base + 20.0, f"{count(total)} multiply-accumulates an image"))
    return el(
        "svg",
        *drawn,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {_WIDTH:.0f} {base + _BELOW:.0f}",
        role="img",
        aria_label=title,
        font_family="sans-serif",
        font_size="13",
        class_="network",
    )


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
                _stage_name(stage),
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


def legend(architecture: MBConvArchitecture) -> Markup:
    """Returns what the colours of a drawing mean, those that occur."""
    used = {part.block.op for part in parts_of(architecture)}
    entries = [
        el(
            "li",
            el(
                "svg",
                el("rect", width="12", height="12", rx="2", fill=_COLOURS[op]),
                viewBox="0 0 12 12",
                width="12",
                height="12",
                aria_hidden="true",
            ),
            f" {name}",
        )
        for op, name in OPERATORS.items()
        if op in used
    ]
    return el("ul", *entries, class_="legend")


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


def _height(channels: int) -> float:
    """Returns a height that grows with the logarithm: 8 channels are the lowest, 2,048 the highest."""
    share = math.log2(max(channels, 8) / 8) / 8
    return _LOWEST + min(1.0, share) * (_HIGHEST - _LOWEST)


def _words(part: Part, total: int) -> str:
    block = part.block
    kernel = f", kernel {block.kernel}" if block.kernel > 1 else ""
    gates = ", squeeze-excite" if block.squeeze else ""
    return (
        f"{_stage_name(part.stage)}: {OPERATORS[block.op]}{kernel}{gates}, {block.outputs} channels, "
        f"{block.side} → {block.out_side} px, {percent(part.macs / total)} of the work"
    )


def _stage_name(stage: int | None) -> str:
    if stage is None:
        return "Head"
    return f"Stage {stage}" if stage else "Stem"


def _text(x: float, y: float, words: str) -> Markup:
    return el("text", words, x=f"{x:.1f}", y=f"{y:.1f}", fill="currentColor")
