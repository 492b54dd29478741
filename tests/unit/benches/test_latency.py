"""The judge of the latency predictor."""

from __future__ import annotations

import math

import numpy as np
import pytest

from nas.benches.latency import BenchConfig, _repeatability, _unseen, agreement
from nas.benches.latency_figure import draw
from nas.hardware.timings import table_from_timings
from tests.unit.hardware.tables import small_manifest, timings


def test_agreement_by_hand() -> None:
    measured = np.array([1.0, 2.0, 3.0, 4.0])
    found = agreement(np.array([1.05, 2.3, 2.0, 4.0]), measured)  # errors 5%, 15%, 33%, 0; ranks 1 3 2 4
    assert found.spearman == pytest.approx(0.8)
    assert found.within_10_percent == 0.5
    assert found.median_error == pytest.approx(0.10)


def test_a_second_measurement_bounds_what_can_be_reached() -> None:
    rounds = np.array([[1.0, 2.0], [1.2, 2.0], [1.2, 2.0]])
    assert _repeatability(rounds).within_10_percent == 0.5
    assert math.isnan(_repeatability(rounds[:1]).within_10_percent)


def test_judged_networks_are_not_in_the_table() -> None:
    manifest = small_manifest(networks=12)
    table = table_from_timings(timings(manifest), manifest)
    drawn = _unseen(BenchConfig("lite-elastic", networks=40), table)
    assert len(set(drawn)) == 40
    assert not set(drawn) & {item.choices for item in table.networks}


def test_the_figure_is_written(tmp_path) -> None:
    points = [{"measured_ms": m, "predicted_ms": 1.1 * m, "macs_ms": 0.8 * m} for m in (1.0, 2.0, 3.0)]
    draw([{"space": "lite-elastic", "points": points}], tmp_path / "f.svg")
    assert "<svg" in (tmp_path / "f.svg").read_text(encoding="utf-8")
