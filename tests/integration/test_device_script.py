"""The measuring script, in a real process of its own, with the real server at the other end of its link."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.urls import reverse

from nas.__main__ import main
from nas.hardware import device_table
from nas.hardware.bundle import manifest_of, script_archive
from nas.hardware.device_table import load_table
from nas.hardware.effort import EXTENTS, Extent
from nas.hardware.timings import table_from_timings
from search_app.device_bundles import manifest_for
from search_app.device_services import device_create
from search_app.models import Device

TINY = Extent(blocks=20, networks=6, seconds=1.0)


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXTENTS, "tiny", TINY)
    # A machine that runs tests is busy; what is refused for noise is tested with made timings.
    monkeypatch.setattr(device_table, "MOST_SPREAD", 1e3)
    monkeypatch.setattr(device_table, "MOST_DRIFT", 1e3)


@pytest.fixture
def device(owner: User) -> Iterator[Device]:
    yield device_create(owner=owner, name="Board", kind="python", spaces=["nasbench201"], extent="tiny")


def unpack(device: Device, target: Path) -> Path:
    archive = script_archive(manifest_for(device), TINY.seconds)
    with zipfile.ZipFile(io.BytesIO(archive)) as bundle:
        bundle.extractall(target)
    return target / "device"


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    # -I: nothing of this project is importable, only what is installed
    command = [
        sys.executable,
        "-I",
        str(folder / "measure.py"),
        "--out",
        str(folder / "timings.json"),
        *words,
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, cwd="/")


def test_the_script_writes_timings_that_make_a_table(device: Device, tmp_path: Path) -> None:
    folder = unpack(device, tmp_path)
    plan = folder / "bundle" / "manifest.json"
    plan.write_text(json.dumps(json.loads(plan.read_text()) | {"most_samples": 7}))
    done = run(folder, "--name", "Board by itself", "--seconds", "0.1")
    assert done.returncode == 0, done.stderr
    assert "Upload it" in done.stdout
    data: dict[str, Any] = json.loads((folder / "timings.json").read_text())
    table = table_from_timings(data, manifest_for(device))
    assert table.device.name == "Board by itself" and table.device.runtime.startswith("onnxruntime ")
    assert len(table.networks) == 6 and len(table.blocks) >= 18
    assert all(timing.ms > 0 for timing in table.networks.values())
    assert {len(row[key]) for row in data["items"] for key in ("samples_ms", "reference_ms")} == {7}


@pytest.mark.django_db(transaction=True)
def test_the_script_sends_its_result_by_the_link(device: Device, tmp_path: Path, live_server: Any) -> None:
    folder = unpack(device, tmp_path)
    link = live_server.url + reverse("search:measure", args=[device.link_token])
    done = run(folder, "--link", link)
    assert done.returncode == 0, done.stderr
    assert "Board is measured" in done.stdout
    device.refresh_from_db()
    assert device.state == "READY" and device.progress == 1.0
    assert load_table(device.table_file).device.name == "Board"
    again = run(folder, "--link", link, "--seconds", "0.1")
    assert again.returncode == 1
    assert "done its work" in again.stderr


def test_the_script_explains_a_wrong_link_before_it_measures(device: Device, tmp_path: Path) -> None:
    done = run(unpack(device, tmp_path), "--link", "file:///etc/passwd")
    assert done.returncode == 1
    assert "should begin with http" in done.stderr
    assert not (tmp_path / "device" / "timings.json").exists()


def test_bundle_and_table_by_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, space = tmp_path / "board", ["--space", "nasbench201", "--extent", "tiny"]
    assert main(["device-bundle", "--out", str(out), *space]) == 0
    manifest = manifest_of(("nasbench201",), "tiny")
    assert len(list((out / "bundle").glob("g*.onnx"))) == len(manifest.items)
    assert run(out, "--seconds", "0.1").returncode == 0
    timings, table = out / "timings.json", tmp_path / "table.json"
    assert main(["device-table", str(timings), "--out", str(table), *space]) == 0
    assert load_table(table).spaces == ("nasbench201",)
    timings.write_text("{}")
    assert main(["device-table", str(timings), "--out", str(tmp_path / "no.json"), *space]) == 1
    assert "format" in capsys.readouterr().err and not (tmp_path / "no.json").exists()
