"""The comparison of a search with the hand-made ladder, on figures made by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nas.benches.ladder import seconds_a_finalist
from nas.benches.ladder_verdict import choice_within, summarise, verdict_lines, volume
from nas.errors import DataError
from tests.unit.candidates import candidate


def point(name: str, latency_ms: float, test: float, validation: float | None = None) -> dict[str, Any]:
    accuracy = test if validation is None else validation
    return {"name": name, "latency_ms": latency_ms, "test_accuracy": test, "accuracy": accuracy}


LADDER = [point("lite0-96", 2.0, 0.80), point("lite0-224", 8.0, 0.90)]


def seed(points: list[dict[str, Any]], best: str) -> dict[str, Any]:
    return {
        "seed": 0,
        "ladder": LADDER,
        "whole": point("whole", 8.0, 0.92),
        "search": {"points": points, "best": best},
        "random": {"points": LADDER[:1], "best": "lite0-96"},
    }


def test_the_ladder_itself_is_neither_better_nor_worse_than_the_ladder() -> None:
    verdict = summarise([seed(LADDER, "lite0-224")])
    assert verdict["best_minus_whole"] == pytest.approx(-2.0)
    assert verdict["at_rungs"] == {"lite0-96": 0.0, "lite0-224": 0.0}
    assert verdict["over_ladder"] == pytest.approx(1.0)
    assert verdict["over_random"] > 1.0


def test_what_was_chosen_on_validation_photos_is_judged_not_the_luckiest_on_test() -> None:
    lucky = point("lucky", 1.5, test=0.95, validation=0.60)
    chosen = point("chosen", 1.9, test=0.85, validation=0.86)
    verdict = summarise([seed([lucky, chosen], "chosen")])
    assert verdict["at_rungs"]["lite0-96"] == pytest.approx(5.0)
    assert verdict["at_rungs"]["lite0-224"] == pytest.approx(-5.0)
    assert choice_within([lucky, chosen], 1.0) is None


def test_volumes_are_areas_up_to_the_reference_point() -> None:
    # Up to 10 ms: 0.8 from 2 to 8 ms, 0.9 from 8 to 10 ms.
    assert volume(LADDER, (0.0, 10.0)) == pytest.approx(6 * 0.8 + 2 * 0.9)


def test_a_latency_that_nothing_reaches_has_nothing_to_compare() -> None:
    slow = [point("slow", 9.0, 0.93)]
    verdict = summarise([seed(slow, "slow")])
    assert verdict["at_rungs"] == {"lite0-96": None, "lite0-224": None}
    assert "at the latency of lite0-96: nothing to compare" in verdict_lines(verdict)


def test_a_rung_gets_what_the_search_gave_each_of_its_finalists() -> None:
    finals = [
        replace(candidate(number, fidelity="final", failed=number == 4), phase="final_training")
        for number in (2, 3, 4)
    ]
    assert seconds_a_finalist([candidate(0), candidate(1), *finals], minutes=20.0) == 600.0
    with pytest.raises(DataError, match="more minutes"):
        seconds_a_finalist([candidate(0)], minutes=1.0)
