"""Two networks side by side: what differs is marked and said, both are on one scale."""

from __future__ import annotations

import random
import shlex
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest

from nas.__main__ import _parser
from nas.architecture import Architecture, MBConvArchitecture, TimmArchitecture
from nas.objectives import REWARDS
from nas.proxies import PROXIES
from nas.report.command import search_command
from nas.report.difference import difference, difference_svg
from nas.report.drawing import parts_of
from nas.spaces import make_space
from nas.spaces.lite import lite0_architecture

SVG = "{http://www.w3.org/2000/svg}"
LITE = lite0_architecture(224)


def changed(number: int, **values: Any) -> MBConvArchitecture:
    stages = list(LITE.stages)
    stages[number - 1] = replace(stages[number - 1], **values)
    return replace(LITE, stages=tuple(stages))


def drawn(first: Architecture, second: Architecture, **options: Any) -> ElementTree.Element:
    rows = difference(first, second).stages
    return ElementTree.fromstring(difference_svg(rows, title='<a"b>', **options))  # noqa: S314 - made here


def test_the_same_network_differs_in_nothing() -> None:
    found = difference(LITE, LITE)
    assert found.same and not any(text.text == "≠" for text in drawn(LITE, LITE).iter(f"{SVG}text"))


def test_only_the_stage_that_differs_is_marked_and_said() -> None:
    other = changed(3, kernel=7, depth=4)
    found = difference(LITE, other)
    words = {row.name: row.differences for row in found.stages if row.differences}
    assert words == {"Stage 3": ("blocks 2 → 4", "kernel 5 → 7")} and not found.same
    assert sum(text.text == "≠" for text in drawn(LITE, other).iter(f"{SVG}text")) == 1


def test_work_adds_up_and_both_are_on_one_scale() -> None:
    other = changed(5, depth=6)
    found = difference(LITE, other)
    for side, network in enumerate((LITE, other)):
        assert sum(row.macs[side] for row in found.stages) == sum(part.macs for part in parts_of(network))
    widths = [float(bar.attrib["width"]) - 4.0 for bar in drawn(LITE, other).iter(f"{SVG}rect")]
    macs = [part.macs for row in found.stages for some in (row.first, row.second) for part in some]
    scale = sum(widths) / sum(macs)
    assert widths == pytest.approx([scale * one for one in macs], abs=0.1)


def test_twin_stages_begin_at_the_same_place() -> None:
    other = changed(2, depth=5)
    bars = iter(drawn(LITE, other).iter(f"{SVG}rect"))
    for row in difference(LITE, other).stages:
        first = [float(next(bars).attrib["x"]) for _ in row.first]
        second = [float(next(bars).attrib["x"]) for _ in row.second]
        assert first[0] == second[0]


def test_times_of_blocks_are_drawn_where_they_are_known() -> None:
    other = replace(LITE, resolution=128)
    times = [1.0] * len(parts_of(LITE)), [2.0] * len(parts_of(other))
    bars = list(drawn(LITE, other, costs_ms=times).iter(f"{SVG}rect"))
    widths = sorted({round(float(bar.attrib["width"]) - 4.0, 1) for bar in bars})
    assert len(widths) == 2 and widths[1] == pytest.approx(2 * widths[0], abs=0.2)
    assert difference(LITE, other).whole == ("resolution 224 px → 128 px",)


def test_more_stages_stand_alone() -> None:
    other = replace(LITE, stages=LITE.stages[:-1])
    found = difference(LITE, other)
    assert [row.differences for row in found.stages if not row.second] == [("only the first one has it",)]
    assert found.stages[-1].name == "Head"
    assert drawn(LITE, other) is not None


def test_cells_and_networks_of_other_kinds() -> None:
    space = make_space("nasbench201")
    first, second = (space.decode(space.sample(random.Random(seed))) for seed in (0, 1))
    cells = difference(first, second)
    assert any("only the first one has" in words for words in cells.cells) and not cells.same
    assert difference(first, first).same
    assert not difference(LITE, first).comparable
    named = difference(TimmArchitecture(96, "resnet18"), TimmArchitecture(96, "resnet34"))
    assert named.whole == ("name resnet18 → resnet34",)


OPTIONS = {
    "minutes": 12.5,
    "seed": 3,
    "space": "mbconv",
    "strategy": "nsga2",
    "goal": "speed",
    "device": "phone cpu's.json",
    "target_latency_ms": 4.5,
    "reward": "ratio",
    "cost": "size",
    "evaluator": "proxy",
    "proxy": "jacob_cov",
    "precision": "int8",
    "baselines": False,
    "finalists": 2,
}


def test_the_printed_command_is_understood_and_says_every_option() -> None:
    options = {**OPTIONS, "reward": tuple(REWARDS)[-1], "proxy": PROXIES[-1]}
    words = shlex.split(search_command(options))
    assert words[:4] == ["python", "-m", "nas", "search"]
    parsed = vars(_parser().parse_args(words[3:]))
    for name, value in options.items():
        expected = not value if name == "baselines" else value
        assert parsed["no_baselines" if name == "baselines" else name] == expected, name


def test_defaults_are_left_to_the_command_line() -> None:
    command = search_command({"minutes": 5, "reward": "absolute", "precision": "fp32", "baselines": True})
    parsed = _parser().parse_args(shlex.split(command)[3:])
    assert "--reward" not in command and not parsed.no_baselines and parsed.minutes == 5
