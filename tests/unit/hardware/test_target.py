"""Devices to search for: what they say of a network, what they refuse, what a run keeps of them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import timm

from nas.architecture import Architecture, TimmArchitecture
from nas.candidate import Candidate, Metrics
from nas.errors import DeviceError
from nas.export.graph import onnx_core
from nas.hardware.analytic import estimate
from nas.hardware.profile import load_profile
from nas.hardware.target import Built, DeviceTarget, TableTarget, kept_target, load_target
from nas.hardware.timings import table_from_timings
from nas.networks import build_network
from nas.pareto import front_of_candidates
from nas.spaces import make_space
from nas.spaces.lite import lite0_architecture
from tests.unit.candidates import candidate
from tests.unit.hardware.tables import network_ms, small_manifest, timings

CLASSES = 6


def judge(target: DeviceTarget, architecture: Architecture, here_ms: float = 2.0):
    if isinstance(architecture, TimmArchitecture):
        module = timm.create_model(architecture.name, num_classes=CLASSES).eval()
    else:
        module = build_network(architecture, CLASSES).eval()
    return target.judge(Built(architecture, onnx_core(module, architecture), here_ms, anchor_ms=0.05))


@pytest.fixture(scope="module")
def paper() -> TableTarget:
    """A device twice as slow as this machine, if this machine's reference takes 0.05 ms."""
    manifest = small_manifest()
    return TableTarget(table_from_timings(timings(manifest), manifest))


def test_a_profile_says_of_a_file_what_it_says_of_its_architecture() -> None:
    target, lite0 = load_target("npu"), lite0_architecture(128)
    assert target is not None
    latency_ms, figures = judge(target, lite0)
    expected = estimate(load_profile("npu"), lite0, CLASSES)
    assert latency_ms == pytest.approx(expected.latency_ms)
    assert figures.energy_mj == pytest.approx(expected.energy_mj)
    assert (figures.peak_sram_bytes, figures.size_bytes) == (expected.peak_sram_bytes, expected.size_bytes)
    assert figures.images_per_joule == pytest.approx(1000.0 / expected.energy_mj)
    assert (figures.how, figures.here_ms, figures.broken_limits) == ("profile", 2.0, ())


def test_a_microcontroller_holds_no_hand_made_network_and_says_why() -> None:
    target = load_target("microcontroller")
    assert target is not None
    for architecture in (lite0_architecture(64), TimmArchitecture(64, "resnet18")):
        _, figures = judge(target, architecture)
        assert any("weights need" in sentence for sentence in figures.broken_limits)
    assert (
        target.excess(lite0_architecture(224), CLASSES) > target.excess(lite0_architecture(64), CLASSES) > 0
    )


def test_a_table_predicts_blocks_and_scales_the_rest(paper: TableTarget) -> None:
    lite0 = lite0_architecture(128)
    latency_ms, figures = judge(paper, lite0)
    assert latency_ms == pytest.approx(network_ms(lite0), rel=0.1)
    assert (figures.how, figures.energy_mj) == ("table", None)
    latency_ms, figures = judge(paper, TimmArchitecture(64, "resnet18"), here_ms=3.0)
    assert (latency_ms, figures.how) == (pytest.approx(6.0), "scaled")


def test_a_table_of_cells_scales_lite0_and_does_not_guess_at_its_blocks() -> None:
    manifest = small_manifest("nasbench201", blocks=30, networks=8)
    cells = TableTarget(table_from_timings(timings(manifest), manifest))
    latency_ms, figures = judge(cells, lite0_architecture(128), here_ms=3.0)
    assert (latency_ms, figures.how) == (pytest.approx(6.0), "scaled")
    space = make_space("nasbench201", max_resolution=32)
    _, figures = judge(cells, space.decode(space.sample(random.Random(0))))
    assert figures.how == "table"


def test_a_table_of_other_blocks_is_refused(paper: TableTarget) -> None:
    paper.check_space("lite-elastic")
    with pytest.raises(DeviceError, match="measured the blocks of lite-elastic, not those of mbconv"):
        paper.check_space("mbconv")


@pytest.mark.parametrize("name", ["toaster", "missing.json", "missing.toml"])
def test_an_unknown_device_is_refused_with_a_sentence(name: str) -> None:
    with pytest.raises(DeviceError):
        load_target(name)


def test_this_machine_is_no_target() -> None:
    assert load_target("here") is None


def test_a_run_keeps_its_device_whatever_becomes_of_the_file(paper: TableTarget, tmp_path: Path) -> None:
    assert kept_target(tmp_path) is None
    paper.keep(tmp_path)
    kept = kept_target(tmp_path)
    assert isinstance(kept, TableTarget)
    assert kept.table == paper.table
    profile = load_target("microcontroller")
    assert profile is not None
    (tmp_path / "other").mkdir()
    profile.keep(tmp_path / "other")
    again = kept_target(tmp_path / "other")
    assert again is not None
    assert (again.name, again.limits) == (profile.name, profile.limits)


def _on_device(number: int, accuracy: float, latency_ms: float, broken: tuple[str, ...]) -> Candidate:
    made = candidate(number, accuracy=accuracy, latency_ms=latency_ms, resolution=32 * (number + 1)).to_json()
    made["metrics"]["device"] = {
        "name": "board",
        "how": "profile",
        "here_ms": 1.5,
        "energy_mj": 1.0,
        "images_per_joule": 1000.0,
        "peak_sram_bytes": 1000,
        "size_bytes": 1000,
        "broken_limits": list(broken),
    }
    return Candidate.from_json(made)


def test_a_candidate_keeps_its_devices_figures_in_json() -> None:
    made = _on_device(0, 0.9, 30.0, ("too large",))
    assert Candidate.from_json(made.to_json()) == made
    assert isinstance(made.metrics, Metrics)
    assert (made.metrics.here_ms, made.metrics.fits) == (1.5, False)


def test_the_front_holds_what_the_device_can_hold_or_else_everything() -> None:
    large, small = _on_device(0, 0.95, 30.0, ("too large",)), _on_device(1, 0.8, 20.0, ())
    assert front_of_candidates([large, small]) == [1]
    assert front_of_candidates([large]) == [0]
