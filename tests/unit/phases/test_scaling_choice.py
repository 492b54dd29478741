"""Which coefficients are taken, and what the report says of them."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

from nas.candidate import Candidate
from nas.costs import COSTS
from nas.paired import pack
from nas.phases import scaling
from nas.phases.context import RunContext
from nas.phases.lite_family import equal_work_side
from nas.phases.scaling_choice import Judged, choose
from nas.phases.scaling_facts import facts_of
from nas.scaling import DEPTH_ONLY, EFFICIENTNET, RESOLUTION_ONLY, WIDTH_ONLY, Coefficients
from tests.unit.candidates import candidate

LATENCY = COSTS["latency"]
N = 400


def judged(
    coefficients: Coefficients, right: list[bool], latency_ms: float, *, told: bool = True, number: int = 0
) -> Judged:
    one = candidate(number, accuracy=sum(right) / N, latency_ms=latency_ms, source="scaled")
    if told:
        one = replace(one, details={**one.details, "right": pack(right)})
    return Judged(coefficients, (one,))


def wrong_on(first: int, last: int) -> list[bool]:
    return [not first <= image < last for image in range(N)]


def test_the_cheapest_of_those_that_cannot_be_told_apart_is_taken() -> None:
    grid = [
        judged(EFFICIENTNET, wrong_on(0, 40), 6.0),
        judged(RESOLUTION_ONLY, wrong_on(2, 43), 5.0),  # one image behind, on other images
        judged(DEPTH_ONLY, wrong_on(0, 100), 4.0),  # cheaper, but clearly worse
    ]
    found = choose(grid, LATENCY)
    assert found is not None
    assert found.most_accurate.coefficients == EFFICIENTNET
    assert [one.coefficients for one in found.alike] == [EFFICIENTNET, RESOLUTION_ONLY]
    assert found.chosen.coefficients == RESOLUTION_ONLY
    assert "2 are indistinguishable" in found.sentence and "1 / 1 / 1.41" in found.sentence


def test_image_by_image_a_difference_counts_that_separate_intervals_would_hide() -> None:
    better, worse = wrong_on(0, 40), wrong_on(0, 56)  # 90% and 86%: the intervals overlap
    told = choose([judged(EFFICIENTNET, better, 6.0), judged(WIDTH_ONLY, worse, 5.0)], LATENCY)
    assert told is not None and told.chosen.coefficients == EFFICIENTNET
    assert "most accurate" in told.sentence
    untold = [
        judged(EFFICIENTNET, better, 6.0, told=False),
        judged(WIDTH_ONLY, worse, 5.0, told=False),
    ]
    by_intervals = choose(untold, LATENCY)
    assert by_intervals is not None and by_intervals.chosen.coefficients == WIDTH_ONLY


def test_seeds_are_averaged() -> None:
    lucky = judged(EFFICIENTNET, wrong_on(0, 20), 6.0).trainings
    unlucky = judged(EFFICIENTNET, wrong_on(0, 100), 6.0, number=1).trainings
    steady = judged(RESOLUTION_ONLY, wrong_on(0, 40), 7.0)
    found = choose([Judged(EFFICIENTNET, lucky + unlucky), steady], LATENCY)
    assert found is not None and found.most_accurate is steady
    assert found.grid[0].accuracy == 0.85


def test_one_network_is_a_choice_and_none_is_not() -> None:
    alone = choose([judged(EFFICIENTNET, wrong_on(0, 40), 6.0)], LATENCY)
    assert alone is not None and "allowed one combination" in alone.sentence
    assert choose([], LATENCY) is None


def test_facts_show_the_grid_the_released_values_and_where_larger_members_lose() -> None:
    choice = choose(
        [judged(EFFICIENTNET, wrong_on(0, 40), 6.0), judged(DEPTH_ONLY, wrong_on(0, 100), 4.0)], LATENCY
    )
    base, large = candidate(3, accuracy=0.9), candidate(4, accuracy=0.88, latency_ms=6.5, resolution=176)
    found = facts_of(base, choice, EFFICIENTNET, {1: large, 0: base}, 6)
    assert [row["indistinguishable"] for row in found["grid"]] == [True, False]
    assert all(row["seeds"] == 1 and row["accuracy_low"] < row["accuracy"] for row in found["grid"])
    b4 = next(one for one in found["efficientnet"]["released"] if one["name"] == "B4")
    assert (b4["width"], b4["formula_width"]) == (1.4, 1.36)
    assert (b4["resolution"], b4["formula_resolution"], b4["phi"]) == (380, 352, 3.22)
    assert [row["name"] for row in found["family"]] == ["M", "L"]
    assert found["family"][1]["predicted_latency_ms"] == 2 * found["family"][0]["latency_ms"]
    assert found["losing"] is not None and found["losing"].startswith(
        "After the same seconds of training, L "
    )
    assert facts_of(base, choice, EFFICIENTNET, {0: base}, 6)["losing"] is None


class Run:
    """As much of a run as a phase that is left out touches."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.state = SimpleNamespace(values=values)
        self.said: list[str] = []
        self.candidates: list[Candidate] = []

    def log(self, sentence: str) -> None:
        self.said.append(sentence)


def test_a_plan_that_gives_scaling_nothing_leaves_it_out_with_one_sentence() -> None:
    run = Run({"plan": {"shares": {"scaling": 0.0, "final_training": 0.6}}})
    ctx = cast(RunContext, run)
    scaling.run(ctx)
    assert run.said == ["The plan gives compound scaling no minutes, so the base is not scaled."]
    assert scaling.facts(ctx) is None and scaling.family_members(ctx) == {}


def test_a_larger_lite_at_equal_work_sees_fewer_pixels() -> None:
    assert equal_work_side(0, 192) == 192
    assert equal_work_side(2, 192) < equal_work_side(1, 192) < 192
    assert equal_work_side(2, 64) == 64
