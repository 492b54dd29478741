"""The browser of the certificate where there is none, where it does not start, hangs, or says nonsense."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from nas.errors import ExportError
from nas.export.browser_check import BrowserUnavailable, ask_browser, find_chromium
from nas.export.certificate import browser_row
from nas.export.demo import RUNTIME
from nas.export.onnx_model import OnnxClassifier, export_onnx
from tests.unit.export.test_graph import settled
from tests.unit.networks.architectures import tiny

LABELS = list("abcde")
IMAGES = np.random.default_rng(2).integers(0, 256, (6, 40, 40, 3), dtype=np.uint8)

# A browser as far as the server can tell: asks for what the page asks for, and posts what it is told to.
CLIENT = """#!{python}
import json, sys, time
from urllib.request import Request, urlopen
page = sys.argv[-1]
base = page.rsplit("/", 1)[0]
get = lambda name: urlopen(base + "/" + name, timeout=20).read()
job, pixels = json.loads(get("job.json")), get("images.bin")
{answer}
assert get("check.html") and get("check.js") and get(job["model"])
urlopen(Request(base + "/answer", json.dumps(found).encode(), {{"User-Agent": "Chrome/7.1"}}), timeout=20)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("bundle")
    export_onnx(settled(tiny(), 5), tiny(), LABELS, directory / "model.onnx", {})
    for name in RUNTIME:
        (directory / name).write_bytes(b"")
    return directory / "model.onnx"


def program(path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)
    monkeypatch.setenv("AUTOML_CHROMIUM", str(path))


def client(path: Path, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    program(path, monkeypatch, CLIENT.format(python=sys.executable, answer=answer))


def test_no_browser_is_said_and_refuses_nothing(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("AUTOML_CHROMIUM")
    row = browser_row(model, model.parent, torch.from_numpy(IMAGES))
    assert row.unchecked == "no Chromium on this machine"
    assert (row.agreement, row.latency_ms, row.n_images) == (None, None, 0)
    monkeypatch.setenv("AUTOML_CHROMIUM", str(tmp_path / "nowhere"))
    with pytest.raises(BrowserUnavailable, match="no Chromium"):
        find_chromium()


def test_a_browser_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "google-chrome").write_text("#!/bin/sh\n")
    (tmp_path / "google-chrome").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("AUTOML_CHROMIUM")
    assert find_chromium() == str(tmp_path / "google-chrome")


def test_without_time_or_runtime_no_browser_is_started(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "browser", monkeypatch, f"#!/bin/sh\ntouch {tmp_path}/started\n")
    assert (
        "time was short" in browser_row(model, model.parent, torch.from_numpy(IMAGES), seconds=0.0).unchecked
    )
    assert "onnxruntime-web is not" in browser_row(model, tmp_path, torch.from_numpy(IMAGES)).unchecked
    assert not (tmp_path / "started").exists()


def test_a_browser_that_ends_or_hangs_is_said(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "ends", monkeypatch, "#!/bin/sh\nexit 1\n")
    with pytest.raises(BrowserUnavailable, match="did not start"):
        ask_browser(model, model.parent, IMAGES)
    program(tmp_path / "broken", monkeypatch, "#!/nowhere\n")
    with pytest.raises(BrowserUnavailable, match="did not start"):
        ask_browser(model, model.parent, IMAGES)
    child = tmp_path / "child"
    program(tmp_path / "hangs", monkeypatch, f"#!/bin/sh\nsleep 60 & echo $! > {child}\nwait\n")
    with pytest.raises(BrowserUnavailable, match="no answer within 2 seconds"):
        ask_browser(model, model.parent, IMAGES, seconds=2.0)
    state = Path(f"/proc/{child.read_text().strip()}/stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"  # its children are gone, too


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("found = {'error': 'no | memory\\nleft'}", "could not run it: no / memory left"),
        ("found = {}", "cannot be read"),
        ("found = ['x']", "cannot be read"),
        ("found = {'probabilities': [[1, 0], [1]], 'milliseconds': [1]}", "cannot be read"),
        ("found = {'probabilities': [], 'milliseconds': []}", "cannot be read"),
        ("found = {'probabilities': [[0.2] * 5] * 7, 'milliseconds': [1] * 7}", "cannot be read"),
    ],
)
def test_nonsense_is_said(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, says: str
) -> None:
    client(tmp_path / "browser", monkeypatch, answer)
    with pytest.raises(BrowserUnavailable, match=says):
        ask_browser(model, model.parent, IMAGES)


def test_the_page_gets_the_images_and_its_answer_is_compared(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = OnnxClassifier(model).predict(IMAGES).tolist()
    seen = f"assert pixels == open({str(tmp_path / 'pixels')!r}, 'rb').read() and job['side'] == 40"
    (tmp_path / "pixels").write_bytes(IMAGES.tobytes())
    found = f"found = {{'probabilities': {right[:4]}, 'milliseconds': [3, 1, 2, 9]}}"  # slow: four images
    client(tmp_path / "browser", monkeypatch, f"{seen}\n{found}")
    row = browser_row(model, model.parent, torch.from_numpy(IMAGES))
    assert (row.runtime, row.n_images, row.latency_ms) == ("onnxruntime-web in Chromium 7", 4, 2.5)
    assert row.agreement == 1.0 and row.max_difference is not None and row.max_difference < 1e-6


@pytest.mark.parametrize("wrong", ["reversed", "null", "other classes", "a little"])
def test_another_answer_refuses_the_export(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    right = OnnxClassifier(model).predict(IMAGES)
    answers = {
        "reversed": right[:, ::-1].tolist(),
        "null": [[None] * 5] * 6,
        "other classes": right[:, :4].tolist(),
        "a little": (right + np.array([0.03, 0, 0, 0, 0])).tolist(),
    }
    client(
        tmp_path / "browser",
        monkeypatch,
        f"found = {{'probabilities': {answers[wrong]}, 'milliseconds': [1]}}",
    )
    with pytest.raises(ExportError, match=r"not offered|number of classes"):
        browser_row(model, model.parent, torch.from_numpy(IMAGES))
