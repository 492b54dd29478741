"""Int8 and certificate on the result page and in the API."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from search_app import services, tasks
from search_app.models import SearchRun, TrainedModel
from search_app.proof import proof_rows
from tests import factories

ClientOf = Callable[[User | None], Client]
State = SearchRun.State
HOSTILE = "<img src=x onerror=alert(1)>"
ROW = {
    "runtime": "ONNX Runtime 1.2",
    "file": "model_int8.onnx",
    "against": "its simulation in PyTorch",
    "n_images": 64,
    "agreement": 1.0,
    "max_difference": 0.012,
    "latency_ms": 3.5,
    "with_fp32": 0.984375,
    "unchecked": "",
}
PLAIN = {"n_images": 64, "agreement": 1.0, "max_difference": 1e-6}
OFFERED = {"offered": True, "tried": True, "reason": "int8 is 3.6 times smaller and costs no accuracy."}
FILES = [
    {"name": name, "bytes": size, "sha256": "0" * 64}
    for name, size in (("model.onnx", 4096), ("model_int8.onnx", 2048))
]


@pytest.fixture
def run(owner: User) -> SearchRun:
    made = factories.SearchRunFactory(owner=owner, state=State.DONE)
    factories.make_candidate(made, 0)
    made.workdir.mkdir(parents=True)
    return made


def exported(run: SearchRun, parity: dict[str, Any], files: list[dict[str, Any]] = FILES) -> TrainedModel:
    return factories.TrainedModelFactory(run=run, candidate_number=0, name="net", files=files, parity=parity)


def result(client_of: ClientOf, owner: User, run: SearchRun) -> str:
    answer = client_of(owner).get(f"/searches/{run.id}/result/")
    assert answer.status_code == 200
    return answer.content.decode()


def test_an_int8_file_is_offered_with_what_it_saves_and_costs(
    client_of: ClientOf, owner: User, run: SearchRun
) -> None:
    model = exported(run, {**PLAIN, "int8": OFFERED, "rows": [ROW]})
    test = {"candidate": 0, "accuracy": 0.91, "accuracy_low": 0.88, "accuracy_high": 0.93}
    test["int8"] = {"accuracy": 0.897}
    report = {"best": "net", "verdict": {"headline": "Done.", "sentences": []}, "test": [test]}
    (run.workdir / "report.json").write_text(json.dumps(report))
    text = result(client_of, owner, run)
    assert f"/models/{model.id}/files/model_int8.onnx" in text
    assert "2.0\xa0KB: int8 is 3.6 times smaller" in text
    assert "Sealed test photos: 89.7%." in text
    assert "data-int8" not in text
    assert "Same answer as its simulation in PyTorch on all 64 photos" in text
    assert "98.4% of 64 photos" in text and "3.50 ms" in text


def test_the_reason_stands_where_the_file_would(client_of: ClientOf, owner: User, run: SearchRun) -> None:
    int8 = {"offered": False, "tried": True, "reason": f"int8 costs 4.0 points {HOSTILE}."}
    row = {**ROW, "agreement": None, "unchecked": f"no Chromium {HOSTILE}", "latency_ms": None}
    exported(run, {**PLAIN, "int8": int8, "rows": [row]}, FILES[:1])
    text = result(client_of, owner, run)
    assert "int8 costs 4.0 points" in text and "Not checked: no Chromium" in text
    assert HOSTILE not in text and "data-int8" not in text


@pytest.mark.parametrize("int8", [None, {"offered": False, "tried": False, "reason": "no time"}])
def test_what_was_not_tried_can_be_tried_and_old_records_are_shown(
    client_of: ClientOf, owner: User, run: SearchRun, int8: dict[str, Any] | None
) -> None:
    exported(run, PLAIN if int8 is None else {**PLAIN, "int8": int8}, FILES[:1])
    text = result(client_of, owner, run)
    assert 'data-export="0" data-int8' in text
    assert ("no time" in text) is (int8 is not None)


def test_records_without_any_parity_are_shown(client_of: ClientOf, owner: User, run: SearchRun) -> None:
    exported(run, {}, FILES[:1])
    assert "Try int8" in result(client_of, owner, run)


def test_the_api_tells_certificate_and_int8(client_of: ClientOf, owner: User, run: SearchRun) -> None:
    exported(run, {**PLAIN, "int8": OFFERED, "rows": [ROW]})
    (model,) = client_of(owner).get(f"/api/v1/searches/{run.id}/models").json()["items"]
    assert model["parity"]["int8"] == OFFERED
    assert model["parity"]["rows"] == [ROW]
    assert model["files"][1]["name"] == "model_int8.onnx"


@pytest.mark.parametrize(
    ("int8", "state", "asked"),
    [
        (None, State.DONE, True),
        ({"tried": False}, State.STOPPED, True),
        ({"tried": True}, State.DONE, False),
        ({"tried": False}, State.RUNNING, False),
    ],
)
def test_int8_is_asked_for_once_and_not_under_a_running_search(
    run: SearchRun, monkeypatch: pytest.MonkeyPatch, int8: dict[str, Any] | None, state: str, asked: bool
) -> None:
    exported(run, PLAIN if int8 is None else {**PLAIN, "int8": int8})
    run.state = state
    run.candidates.update(weights="weights/0.safetensors")
    sent: list[tuple[object, ...]] = []
    monkeypatch.setattr(tasks.export_trained_model, "delay", lambda *words: sent.append(words))
    services.trained_model_export(run=run, number=0)
    assert sent == ([(str(run.id), 0)] if asked else [])


def test_the_words_of_a_certificate() -> None:
    (row,) = proof_rows({"rows": [{**ROW, "with_fp32": None, "max_difference": 2e-7}]})
    assert row.said == (
        "Same answer as its simulation in PyTorch on all 64 photos; no probability is off by more than 0.01%."
    )
    (row,) = proof_rows({"rows": [{**ROW, "agreement": None, "against": ""}]})
    assert row.said.startswith("The trained network itself")
    assert proof_rows(PLAIN) == []
