"""What a choice means on another device, in words, and the section of the report."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.hardware.elsewhere import UNKNOWN, PlaceCost
from nas.phases.elsewhere import elsewhere
from nas.report import write_report
from nas.report.elsewhere import Choice, choices_of, consequence, points
from tests.unit.report.records import run_record

HOSTILE = "<img src=x onerror=alert(1)>"


def choice(number: int, accuracy: float, here: float, there: float | None, *broken: str) -> Choice:
    costs = {"here": PlaceCost("measured", here), "there": PlaceCost("profile", there, broken_limits=broken)}
    return Choice(number, f"N{number}", accuracy, costs)


def told(mine: Choice, *others: Choice) -> str:
    return consequence(mine, [mine, *others], "there", "here", "this machine")


def test_a_place_that_is_no_slower_costs_nothing() -> None:
    assert told(choice(0, 0.9, 3.0, 2.0)) == "It takes about 2.00 ms there, no more than on this machine."


def test_a_slower_place_names_the_most_accurate_that_keeps_the_time() -> None:
    slow, small, smaller = choice(0, 0.9, 3.0, 30.0), choice(1, 0.88, 1.0, 3.0), choice(2, 0.8, 0.5, 1.0)
    words = told(slow, smaller, small)
    assert "in the 3.00 ms it takes on this machine is N1, 2.0 points less accurate" in words


def test_where_none_keeps_the_time_the_fastest_is_named() -> None:
    slow, less_slow = choice(0, 0.9, 3.0, 30.0), choice(1, 0.88, 1.0, 9.0)
    assert "None of these networks answers there in the 3.00 ms that it takes on" in told(slow, less_slow)
    assert "The fastest of them is N1, 2.0 points less accurate" in told(slow, less_slow)
    assert "It is the fastest of them." in told(slow)


def test_what_does_not_fit_is_never_advised() -> None:
    large, fast, small = (
        choice(0, 0.9, 3.0, 30.0, "too large."),
        choice(1, 0.89, 1.0, 1.0, "too large."),
        choice(2, 0.7, 0.5, 2.0),
    )
    words = told(large, fast, small)
    assert words.startswith("It does not fit: too large. The most accurate that does is N2, 20.0 points less")
    assert told(large, fast).endswith("None of these networks does.")
    assert "N1" not in told(choice(3, 0.95, 1.5, 3.0), fast, small)


def test_a_place_that_cannot_tell_says_so_and_is_not_advised() -> None:
    dark = Choice(1, "N1", 0.99, {"there": UNKNOWN})
    assert told(dark).startswith("Nothing is known of this network there")
    assert "N1" not in told(choice(0, 0.9, 3.0, 30.0), dark)


@pytest.mark.parametrize(
    ("difference", "words"), [(0.012, "1.2 points more"), (-0.1, "10.0 points less"), (0.0001, "as accurate")]
)
def test_differences_are_points(difference: float, words: str) -> None:
    assert points(difference).startswith(words)


def test_the_report_holds_the_section_and_escapes_names(tmp_path: Path) -> None:
    record = run_record()
    exported = [one for one in record.candidates if one.number in (1, 9)]
    found = elsewhere(tmp_path, "here", exported, n_classes=6, anchor_ms=0.1)
    found["places"][0]["title"] = HOSTILE
    write_report(tmp_path, run_record(elsewhere=found))
    text = (tmp_path / "report.html").read_text()
    assert "On other devices" in text
    assert "What Scaled L · 176 px, the recommended network, costs elsewhere" in text
    assert HOSTILE not in text


def test_a_report_without_such_figures_has_no_section(tmp_path: Path) -> None:
    write_report(tmp_path, run_record())
    assert "On other devices" not in (tmp_path / "report.html").read_text()
    assert choices_of({"candidates": [], "front": []}) == []
