"""What accuracy is weighed against: the figure of each cost, who knows it, and the front by it."""

from __future__ import annotations

import math
from dataclasses import replace

from nas.candidate import Candidate, DeviceFigures
from nas.costs import COSTS, cost_refusal
from nas.hardware.analytic import Estimate, estimate
from nas.hardware.profile import load_profile
from nas.pareto import front_of_candidates
from nas.report.document import build_document
from nas.report.figure import build_figure
from tests.unit.candidates import candidate
from tests.unit.report.records import run_record


def on_phone(
    number: int, accuracy: float, latency_ms: float, energy_mj: float, peak: int = 1000
) -> Candidate:
    one = candidate(number, accuracy=accuracy, latency_ms=latency_ms, resolution=32 * (number + 1))
    figures = DeviceFigures("Phone", "profile", 1.0, energy_mj, 1000 / energy_mj, peak, 2_000)
    assert one.metrics is not None
    return replace(one, metrics=replace(one.metrics, device=figures))


def test_each_cost_is_the_figure_that_a_profile_gives() -> None:
    one = on_phone(0, 0.9, 3.0, 7.0)
    assert one.metrics is not None
    assert {name: cost.of(one.metrics) for name, cost in COSTS.items()} == {
        "latency": 3.0,
        "energy": 7.0,
        "memory": 1000,
        "size": 2_000,
    }
    found = estimate(load_profile("phone-cpu"), one.architecture, 6)
    assert isinstance(found, Estimate)
    assert all(getattr(found, cost.objective.name) > 0 for cost in COSTS.values())


def test_this_machine_knows_time_and_size() -> None:
    metrics = candidate(0).metrics
    assert metrics is not None
    assert COSTS["size"].of(metrics) == metrics.size_bytes
    assert math.isnan(COSTS["energy"].of(metrics)) and math.isnan(COSTS["memory"].of(metrics))


def test_the_front_follows_the_cost() -> None:
    some = [on_phone(0, 0.9, 3.0, 9.0), on_phone(1, 0.8, 1.0, 10.0), on_phone(2, 0.7, 2.0, 1.0)]
    assert front_of_candidates(some) == [1, 0]
    assert front_of_candidates(some, "energy") == [2, 0]


def test_what_cannot_be_weighed_is_refused_in_a_sentence() -> None:
    assert cost_refusal("energy", profiled=True) == cost_refusal("size", profiled=False) == ""
    assert "energy a network needs is known for devices with a profile only" in cost_refusal(
        "energy", profiled=False
    )
    assert "wanted latency" in cost_refusal("size", profiled=True, target_latency_ms=3.0)
    assert cost_refusal("latency", profiled=False, target_latency_ms=3.0) == ""


def test_a_report_by_energy_has_its_chart_and_its_words() -> None:
    some = [on_phone(number, 0.9 - 0.004 * number, 3.0, 9.0 - 4 * number) for number in range(2)]
    models = [{"name": f"m{one.number}", "candidate": one.number, "label": one.label} for one in some]
    record = run_record(candidates=some, front=[1, 0], models=models, best="m0", test=[])
    document = build_document(replace(record, config={**record.config, "cost": "energy"}))
    figure = build_figure(document)
    assert figure["data"][0]["x"] == [5.0, 9.0]
    assert figure["layout"]["xaxis"]["title"]["text"] == "Energy of one image, mJ"
    said = " ".join(document["verdict"]["sentences"])
    assert "weighed accuracy against energy, not latency: it needs 9 mJ" in said
    assert f"If energy matters more, {some[1].label} is within one point" in said and "needs 5 mJ" in said
    assert "--cost energy" in document["reproduce"]["command"]
