"""What a run's networks cost on other devices: the figures of the devices themselves, and the command."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nas.__main__ import main
from nas.architecture import TimmArchitecture
from nas.candidate import HERE, Candidate
from nas.export.graph import onnx_core
from nas.hardware.profile import profile_names
from nas.hardware.target import Built, TableTarget, load_target
from nas.hardware.timings import table_from_timings
from nas.networks import build_network
from nas.phases.elsewhere import OWN, elsewhere
from nas.report import write_report
from nas.spaces import make_space
from tests.unit.candidates import candidate
from tests.unit.hardware.tables import small_manifest, timings
from tests.unit.report.records import run_record

CLASSES = 6
RESNET = replace(candidate(1, latency_ms=5.0), architecture=TimmArchitecture(32, "resnet18"))


@pytest.fixture(scope="module")
def paper() -> TableTarget:
    manifest = small_manifest()
    return TableTarget(table_from_timings(timings(manifest), manifest))


def costs(found: dict[str, Any], number: int) -> dict[str, Any]:
    by_number: dict[int, dict[str, Any]] = {row["candidate"]: row["costs"] for row in found["networks"]}
    return by_number[number]


def here(tmp_path: Path, *some: Candidate, anchor_ms: float | None = 0.05, **more: Any) -> dict[str, Any]:
    return elsewhere(tmp_path, HERE, some, n_classes=CLASSES, anchor_ms=anchor_ms, **more)


@pytest.mark.parametrize("one", [candidate(0, resolution=64), RESNET], ids=["blocks", "hand-made"])
@pytest.mark.parametrize("name", ["phone-cpu", "microcontroller"])
def test_profiles_say_what_a_search_for_them_would_have_said(
    one: Candidate, name: str, tmp_path: Path
) -> None:
    module = build_network(one.architecture, CLASSES).eval()
    target = load_target(name)
    assert target is not None
    latency_ms, figures = target.judge(
        Built(one.architecture, onnx_core(module, one.architecture), 2.0, 0.05)
    )
    cost = costs(here(tmp_path, one), one.number)[name]
    assert cost["latency_ms"] == pytest.approx(latency_ms)
    assert cost["energy_mj"] == pytest.approx(figures.energy_mj)
    assert (cost["peak_sram_bytes"], cost["size_bytes"]) == (figures.peak_sram_bytes, figures.size_bytes)
    assert tuple(cost["broken_limits"]) == figures.broken_limits


def test_every_place_is_there_and_this_machine_has_what_was_measured(tmp_path: Path) -> None:
    found = here(tmp_path, candidate(0, latency_ms=3.0), candidate(1, failed=True))
    assert [place["name"] for place in found["places"]] == [HERE, *profile_names()]
    assert [place["name"] for place in found["places"] if place["limited"]] == ["microcontroller"]
    assert [row["candidate"] for row in found["networks"]] == [0]
    mine = costs(found, 0)[HERE]
    assert (mine["how"], mine["latency_ms"], mine["energy_mj"]) == ("measured", 3.0, None)


def test_a_table_predicts_its_own_blocks_and_says_so_of_others(paper: TableTarget, tmp_path: Path) -> None:
    space = make_space("nasbench201", max_resolution=32)
    cells = replace(candidate(1, latency_ms=4.0), architecture=space.decode(space.sample(random.Random(0))))
    tables = {"paper": paper}
    found = here(tmp_path, candidate(0), cells, tables=tables)
    assert costs(found, 0)["paper"]["how"] == "table"
    scaled = costs(found, 1)["paper"]
    assert (scaled["how"], scaled["latency_ms"]) == ("scaled", pytest.approx(8.0))
    found = here(tmp_path, candidate(0), cells, tables=tables, anchor_ms=None)
    assert costs(found, 0)["paper"]["how"] == "table"
    assert (costs(found, 1)["paper"]["how"], costs(found, 1)["paper"]["latency_ms"]) == ("unknown", None)


def test_the_device_of_the_run_keeps_what_the_search_found(paper: TableTarget, tmp_path: Path) -> None:
    paper.keep(tmp_path)
    data = candidate(0, latency_ms=30.0).to_json()
    data["metrics"]["device"] = {"name": "Paper", "how": "table", "here_ms": 1.5, "broken_limits": []}
    one = Candidate.from_json(data)
    found = elsewhere(tmp_path, "device.json", [one], n_classes=CLASSES, anchor_ms=0.05)
    assert found["searched"] == OWN
    assert {"name": OWN, "title": "Paper", "limited": False} in found["places"]
    assert (costs(found, 0)[OWN]["latency_ms"], costs(found, 0)[HERE]["latency_ms"]) == (30.0, 1.5)


def test_the_command_tells_it_of_a_run_that_ended_before_reports_did(
    paper: TableTarget, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paper.table.save(tmp_path / "shelf.json")
    record = run_record()
    write_report(tmp_path, replace(record, candidates=[one for one in record.candidates if one.number != 2]))
    assert json.loads((tmp_path / "report.json").read_text())["elsewhere"] is None
    assert main(["elsewhere", str(tmp_path), "--device", str(tmp_path / "shelf.json")]) == 0
    text = capsys.readouterr().out
    assert "Scaled L · 176 px · Paper: It takes about" in text
    assert "microcontroller, int8: It does not fit: Its activations need" in text


def test_the_command_refuses_a_directory_without_a_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["elsewhere", str(tmp_path)]) == 1
    assert "Give the directory of a finished run" in " ".join(capsys.readouterr().err.split())
