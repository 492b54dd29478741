"""The drawing of a network: every block once, to scale, and the same in words."""

from __future__ import annotations

import random
import re
from xml.etree import ElementTree

import pytest

from nas.architecture import MBConvArchitecture, TimmArchitecture, architecture_to_json
from nas.networks import build_network, count_macs
from nas.report.drawing import draw, drawing_of, legend, network_svg, parts_of, stage_table
from nas.spaces import make_space
from nas.spaces.lite import lite0_architecture

HOSTILE = "\"><script>alert('x')</script>"
SVG = "{http://www.w3.org/2000/svg}"


def sampled(seed: int) -> MBConvArchitecture:
    space = make_space("mbconv")
    architecture = space.decode(space.sample(random.Random(seed)))
    assert isinstance(architecture, MBConvArchitecture)
    return architecture


def bars(architecture: MBConvArchitecture) -> list[ElementTree.Element]:
    drawn = ElementTree.fromstring(network_svg(architecture, title="N"))  # noqa: S314 - made here
    return list(drawn.iter(f"{SVG}rect"))


@pytest.mark.parametrize("seed", range(4))
def test_the_parts_hold_the_work_of_the_network(seed: int) -> None:
    architecture = sampled(seed)
    counted = count_macs(build_network(architecture, 10), architecture.resolution)
    assert sum(part.macs for part in parts_of(architecture)) == pytest.approx(counted, rel=0.02)


def test_every_block_is_drawn_once_as_wide_as_its_work_and_as_high_as_its_channels() -> None:
    architecture = lite0_architecture(224)
    parts, drawn = parts_of(architecture), bars(architecture)
    assert len(drawn) == len(parts) == 18
    widths = [float(bar.attrib["width"]) - 5.0 for bar in drawn]
    assert sum(widths) == pytest.approx(720.0 - 18 * (5.0 + 2.0), abs=1)  # all the room is used
    scale = sum(widths) / sum(part.macs for part in parts)
    assert widths == pytest.approx([part.macs * scale for part in parts], abs=0.1)
    heights = [float(bar.attrib["height"]) for bar in drawn]
    order = sorted(range(len(parts)), key=lambda one: parts[one].block.outputs)
    assert [heights[one] for one in order] == sorted(heights)
    ends = [float(bar.attrib["x"]) + float(bar.attrib["width"]) for bar in drawn]
    assert max(ends) <= 720.0
    assert all(float(after.attrib["x"]) > end for after, end in zip(drawn[1:], ends, strict=False))


def test_the_table_says_what_the_drawing_shows() -> None:
    text = re.sub(r"<[^>]+>", "|", stage_table(lite0_architecture(224), "Lite0"))
    rows = re.sub(r"\|+", "|", text)
    assert "|Stage 3|inverted bottleneck (MBConv)|2|5 × 5|6|40|56 → 28 px|" in rows
    shares = [float(found) for found in re.findall(r"\|([\d.]+)%", rows)]
    assert sum(shares) == pytest.approx(100, abs=0.5)


def test_the_legend_names_only_what_occurs() -> None:
    assert "fused" not in legend(lite0_architecture(96))
    fused = next(one for one in map(sampled, range(50)) if any(stage.op == "er" for stage in one.stages))
    assert "fused" in legend(fused)


def test_names_of_people_do_no_harm() -> None:
    drawn = draw(lite0_architecture(96), HOSTILE)
    assert drawn is not None and "<script" not in drawn


def test_cells_have_their_graph_and_unknown_networks_nothing() -> None:
    space = make_space("cell")
    cells = draw(space.decode(space.sample(random.Random(0))), "A cell")
    assert cells is not None and cells.count("<svg") == 2
    assert drawing_of(architecture_to_json(TimmArchitecture(96, "resnet18")), "ResNet") is None
