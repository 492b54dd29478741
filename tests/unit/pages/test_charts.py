"""The chart's data: who counts, who is told apart how, and that no name is parsed as HTML."""

from __future__ import annotations

import json
from typing import Any

from nas.architecture import architecture_to_json
from nas.candidate import Candidate
from nas.costs import COSTS
from nas.spaces import make_space
from search_app.charts import SERIES, architecture_text, chart_points, figure, plotly_text
from tests.factories import candidate_json

EVIL = "<img src=x onerror=alert(1)> & friends"


def candidate(number: int, accuracy: float = 0.8, latency_ms: float = 2.0, **changes: Any) -> Candidate:
    data = candidate_json(number)
    data["metrics"] = {**data["metrics"], "accuracy": accuracy, "latency_ms": latency_ms}
    # Networks of different tests rows must differ, or one would supersede the other.
    data["architecture"] = {**data["architecture"], "head_channels": 1000 + number}
    return Candidate.from_json({**data, **changes})


def test_nothing_finished_gives_an_empty_figure() -> None:
    failed = candidate(0, status="failed", metrics=None, error="out of memory")
    assert chart_points([failed]) == []
    assert figure([])["data"][0]["x"] == []


def test_front_holds_the_points_that_nothing_beats() -> None:
    points = chart_points([candidate(0, 0.9, 3.0), candidate(1, 0.8, 1.0), candidate(2, 0.7, 2.0)])
    assert {point.number for point in points if point.on_front} == {0, 1}
    front = figure(points)["data"][-1]
    assert front["meta"] == "front"
    assert front["x"] == [1.0, 3.0]


def test_a_network_trained_further_is_shown_once() -> None:
    short = candidate(0, 0.8)
    final = candidate(1, 0.9, fidelity="final", refines=0)
    assert [point.number for point in chart_points([short, final])] == [1]


def test_sources_differ_in_colour_and_in_symbol() -> None:
    symbols = [symbol for _, symbol, _ in SERIES.values()]
    colours = [colour for _, _, colour in SERIES.values()]
    assert len(set(symbols)) == len(set(colours)) == len(SERIES)


def test_final_training_stands_out() -> None:
    points = chart_points([candidate(0, 0.8), candidate(1, 0.9, fidelity="final")])
    marker = figure(points)["data"][0]["marker"]
    assert marker["opacity"][0] < marker["opacity"][1] == 1
    assert marker["size"][0] < marker["size"][1]


def test_names_are_escaped_and_cut() -> None:
    text = figure(chart_points([candidate(0, label=EVIL)]))["data"][0]["text"][0]
    assert "<img" not in text
    assert "&lt;img" in text
    assert len(plotly_text("x" * 300)) == 80


def test_figure_is_plain_json() -> None:
    points = chart_points([candidate(0), candidate(1, 0.9, source="baseline")])
    assert json.loads(json.dumps(figure(points), allow_nan=False))["data"][0]["customdata"] == [0]


def test_a_network_of_cells_is_told_by_its_cell() -> None:
    architecture = make_space("nasbench201", max_resolution=28).decode((3, 0, 0, 1, 0, 0))
    text = architecture_text(candidate(0, architecture=architecture_to_json(architecture)))
    assert text.startswith("32 px, 16 channels: |") and "skip_connect~0" in text


def test_a_search_by_energy_is_drawn_by_energy() -> None:
    def on_phone(number: int, accuracy: float, latency_ms: float, energy_mj: float) -> Candidate:
        device = {
            "name": "Phone",
            "how": "profile",
            "here_ms": 1.0,
            "energy_mj": energy_mj,
            "broken_limits": [],
        }
        data = candidate(number, accuracy, latency_ms).to_json()
        return Candidate.from_json({**data, "metrics": {**data["metrics"], "device": device}})

    energy = COSTS["energy"]
    points = chart_points([on_phone(0, 0.9, 1.0, 9.0), on_phone(1, 0.8, 2.0, 3.0)], energy)
    drawn = figure(points, energy)
    assert drawn["data"][-1]["x"] == [3.0, 9.0]
    assert drawn["layout"]["xaxis"]["title"]["text"] == "Energy a photo (mJ)"
