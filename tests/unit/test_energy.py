"""The processor's energy counters: packages once, around their end, and not at all where they are closed."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas.energy import EnergyMeter


def counter(root: Path, name: str, microjoules: int, most: int = 10_000_000) -> Path:
    folder = root / name
    folder.mkdir(exist_ok=True)
    (folder / "energy_uj").write_text(f"{microjoules}\n")
    (folder / "max_energy_range_uj").write_text(f"{most}\n")
    return folder


def test_packages_are_added_and_their_parts_are_not_counted_twice(tmp_path: Path) -> None:
    for name in ("intel-rapl:0", "intel-rapl:0:0", "intel-rapl:1"):
        counter(tmp_path, name, 1_000_000)
    meter = EnergyMeter(tmp_path)
    assert meter.readable and meter.taken() == 0
    counter(tmp_path, "intel-rapl:0", 3_000_000)
    counter(tmp_path, "intel-rapl:0:0", 9_000_000)
    counter(tmp_path, "intel-rapl:1", 1_500_000)
    assert meter.taken() == pytest.approx(2.5)
    assert meter.taken() == 0


def test_a_counter_that_began_again_goes_on(tmp_path: Path) -> None:
    counter(tmp_path, "intel-rapl:0", 9_000_000)
    meter = EnergyMeter(tmp_path)
    counter(tmp_path, "intel-rapl:0", 500_000)
    assert meter.taken() == pytest.approx(1.5)


def test_without_counters_nothing_is_claimed(tmp_path: Path) -> None:
    (tmp_path / "intel-rapl:0").mkdir()
    assert not EnergyMeter(tmp_path).readable and EnergyMeter(tmp_path).taken() == 0
    assert not EnergyMeter(tmp_path / "missing").readable
