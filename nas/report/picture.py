"""The drawing of any network as an SVG file of its own, for pages that show it as an image."""

from __future__ import annotations

from typing import Literal, get_args

from nas.architecture import Architecture, CellArchitecture, MBConvArchitecture, TimmArchitecture
from nas.cells import TEMPLATES
from nas.report.cells import cell_size, cell_svg
from nas.report.drawing import COLOURS, PAGE, Sheet, bars, operators_of, svg, text
from nas.report.html import Markup, el, join

DRAWING_VERSION = 1
"""To be raised when drawings change: browsers keep them for long."""

Size = Literal["page", "card"]
Theme = Literal["auto", "light", "dark"]
SIZES: tuple[Size, ...] = get_args(Size)
THEMES: tuple[Theme, ...] = get_args(Theme)

_CARD = Sheet(width=320.0, highest=70.0, gap=1.0, thinnest=2.0)
_INK = {"light": "#1c2126", "dark": "#e6e9ec"}
_FOLLOW = f"svg{{color:{_INK['light']}}}@media(prefers-color-scheme:dark){{svg{{color:{_INK['dark']}}}}}"
_ROW = 20.0
_LONGEST_NAME = 40


def picture(architecture: Architecture, *, title: str, size: Size = "page", theme: Theme = "auto") -> Markup:
    """Returns an SVG file.

    Args:
        architecture: The network: blocks to scale by their multiply-accumulates, cells as graphs, a box with
            its name for a network of timm.
        title: Read out by screen readers.
        size: ``"page"`` is up to 720 wide and has a legend, ``"card"`` is 320 wide.
        theme: Colour of what is written; ``"auto"`` follows the wish of the browser.
    """
    if isinstance(architecture, MBConvArchitecture):
        content, width, height = _blocks(architecture, size)
    elif isinstance(architecture, CellArchitecture):
        content, width, height = _cells(architecture, size)
    else:
        content, width, height = _named(architecture)
    if theme == "auto":
        content = join(el("style", Markup(_FOLLOW)), content)
    size_of = {"width": f"{width:.0f}", "height": f"{height:.0f}"}
    return svg(content, (width, height), title, **size_of, color=_INK.get(theme))


def _blocks(architecture: MBConvArchitecture, size: Size) -> tuple[Markup, float, float]:
    if size == "card":
        return bars(architecture, _CARD), _CARD.width, _CARD.height
    names = operators_of(architecture)
    rows = [
        join(
            el("rect", x=0, y=f"{y - 11:.0f}", width=12, height=12, rx=2, fill=COLOURS[op]),
            text(18.0, y, name),
        )
        for y, (op, name) in zip(
            (PAGE.height + _ROW * number for number in range(1, 6)), names.items(), strict=False
        )
    ]
    height = PAGE.height + _ROW * (len(names) + 1)
    return join(bars(architecture), *rows), PAGE.width, height


def _cells(architecture: CellArchitecture, size: Size) -> tuple[Markup, float, float]:
    """Returns the cells below each other, each on its own light ground."""
    template = TEMPLATES[architecture.template]
    kinds = (("Normal cell", architecture.normal), ("Reduction cell", architecture.reduction))
    found = [(name, edges, *cell_size(template, edges)) for name, edges in kinds if edges]
    wide = float(max((width for *_, width, _ in found), default=320))
    scale = _CARD.width / wide if size == "card" else 1.0
    drawn, y = [], 0.0
    for name, edges, width, height in found:
        cell = Markup(cell_svg(template, edges, title=name))
        drawn.append(
            el("svg", cell, y=f"{y:.1f}", width=f"{width * scale:.1f}", height=f"{height * scale:.1f}")
        )
        y += height * scale
    words = (
        f"{architecture.cells} cells a stage, {architecture.channels} channels, {architecture.resolution} px"
    )
    return join(*drawn, text(0.0, y + _ROW, words)), wide * scale, y + 1.5 * _ROW


def _named(architecture: TimmArchitecture) -> tuple[Markup, float, float]:
    name = architecture.name
    shown = name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"
    box = el("rect", x=1, y=1, width=318, height=78, rx=6, fill="none", stroke="currentColor", stroke_width=2)
    middle = {"text_anchor": "middle"}
    return (
        join(
            box,
            text(160.0, 36.0, shown, font_weight="bold", **middle),
            text(160.0, 58.0, f"hand-made network, {architecture.resolution} px", **middle),
        ),
        320.0,
        80.0,
    )
