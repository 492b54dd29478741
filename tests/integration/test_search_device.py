"""A real search for a device that holds no hand-made network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import nas.hardware
from nas.candidate import Candidate
from nas.data.importer import import_archive
from nas.errors import DeviceError, SpaceError
from nas.events import Event
from nas.pareto import front_of_candidates
from nas.search import SearchConfig, run_search
from tests.images import photo_zip


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data")
    photo_zip(root / "photos.zip", n_per_class=40)
    import_archive(root / "photos.zip", root / "cache", seed=0)
    return root / "cache"


def test_a_search_for_a_microcontroller_recommends_what_it_can_hold(data: Path, tmp_path: Path) -> None:
    found: list[Candidate] = []

    def on_event(event: Event) -> None:
        if event.kind == "candidate_finished":
            found.append(Candidate.from_json(event.payload["candidate"]))

    config = SearchConfig(data=data, workdir=tmp_path, minutes=1.0, seed=1, device="microcontroller")
    outcome = run_search(config, [], on_event, lambda: False, None)
    assert outcome.finished
    searched = [one for one in found if one.source == "base_search" and one.metrics is not None]
    assert searched
    assert all(one.metrics is not None and one.metrics.fits for one in searched)
    assert not any(one.metrics.fits for one in found if one.source == "baseline" and one.metrics is not None)

    report = json.loads((tmp_path / "report.json").read_text())
    by_number = {one["number"]: one for one in report["candidates"]}
    best = next(model for model in report["models"] if model["name"] == report["best"])
    figures = by_number[best["candidate"]]["metrics"]["device"]
    assert figures["broken_limits"] == []
    assert figures["size_bytes"] <= 1_048_576
    assert figures["peak_sram_bytes"] <= 327_680
    assert "--device microcontroller" in report["reproduce"]["command"]
    costs = {row["candidate"]: row["costs"] for row in report["elsewhere"]["networks"]}[best["candidate"]]
    assert costs["microcontroller"]["latency_ms"] == by_number[best["candidate"]]["metrics"]["latency_ms"]
    assert costs["here"]["latency_ms"] == figures["here_ms"]
    assert report["elsewhere"]["anchor_ms"] > 0
    assert "What each network costs on the device" in (tmp_path / "report.html").read_text()


def test_a_device_that_can_hold_nothing_is_said_before_anything_is_trained(
    data: Path, tmp_path: Path
) -> None:
    text = (Path(nas.hardware.__file__).parent / "profiles" / "microcontroller.toml").read_text()
    profile = tmp_path / "crumb.toml"
    profile.write_text(text.replace("value = 1048576", "value = 1000"))
    config = SearchConfig(data=data, workdir=tmp_path / "run", minutes=1.0, device=str(profile))
    events: list[Event] = []
    with pytest.raises(SpaceError, match="within this device's limits"):
        run_search(config, [], events.append, lambda: False, None)
    assert not [event for event in events if event.kind == "candidate_finished"]


def test_darts_is_refused_for_a_device_with_limits_before_anything_is_trained(
    data: Path, tmp_path: Path
) -> None:
    config = SearchConfig(
        data=data, workdir=tmp_path, minutes=1.0, space="cell", strategy="darts", device="microcontroller"
    )
    with pytest.raises(DeviceError, match="hard limits, which darts cannot keep"):
        run_search(config, [], lambda _event: None, lambda: False, None)


def test_a_search_by_energy_here_is_refused_before_anything_is_trained(data: Path, tmp_path: Path) -> None:
    config = SearchConfig(data=data, workdir=tmp_path, minutes=1.0, cost="energy")
    with pytest.raises(DeviceError, match="known for devices with a profile only"):
        run_search(config, [], lambda _event: None, lambda: False, None)


def test_a_search_by_energy_for_a_phone_has_the_front_of_energy(data: Path, tmp_path: Path) -> None:
    config = SearchConfig(
        data=data, workdir=tmp_path, minutes=1.0, device="phone-cpu", cost="energy", baselines=False
    )
    assert run_search(config, [], lambda _event: None, lambda: False, None).finished
    report = json.loads((tmp_path / "report.json").read_text())
    by_number = {one["number"]: Candidate.from_json(one) for one in report["candidates"]}
    assert report["front"] == front_of_candidates(list(by_number.values()), "energy")
    front = [by_number[number].metrics for number in report["front"]]
    energies = [one.device.energy_mj for one in front if one is not None and one.device is not None]
    assert len(energies) == len(front) and energies == sorted(energies)
    assert "--cost energy" in report["reproduce"]["command"]
