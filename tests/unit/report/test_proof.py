"""The report's section on what downloads prove."""

from __future__ import annotations

from typing import Any

from nas.report.document import build_document
from nas.report.page import render_page
from nas.report.record import RunRecord
from tests.unit.report.records import run_record

HOSTILE = "<img src=x onerror=alert(1)>"
INT8 = {
    "offered": True,
    "tried": True,
    "reason": "int8 is 3.6 times smaller.",
    "rung": "statistics",
    "float_accuracy": 0.934,
    "int8_accuracy": 0.929,
    "n_validation": 379,
    "float_ms": 6.14,
    "int8_ms": 3.07,
    "float_bytes": 13_600_000,
    "int8_bytes": 3_800_000,
}
ROW = {
    "runtime": "ONNX Runtime 1.2",
    "file": "model.onnx",
    "against": "the trained network",
    "n_images": 64,
    "agreement": 1.0,
    "max_difference": 2.5e-6,
    "latency_ms": 6.5,
    "with_fp32": None,
    "unchecked": "",
}
WEB = {
    **ROW,
    "runtime": "onnxruntime-web",
    "n_images": 0,
    "agreement": None,
    "max_difference": None,
    "latency_ms": None,
    "unchecked": f"no Chromium {HOSTILE}",
}


def with_proof() -> RunRecord:
    record = run_record()
    first, second, *_ = record.models
    first["parity"] |= {"int8": INT8, "rows": [{**ROW, "agreement": None, "against": ""}, ROW, WEB]}
    second["parity"] |= {"int8": {"offered": False, "tried": False, "reason": f"No time {HOSTILE}."}}
    tested = next(result for result in record.test if result["name"] == first["name"])
    tested["int8"] = {"accuracy": 0.877, "accuracy_low": 0.84, "accuracy_high": 0.9}
    return record


def page(record: RunRecord) -> tuple[dict[str, Any], str]:
    document = build_document(record)
    return document, render_page(document)


def test_fp32_and_int8_stand_side_by_side() -> None:
    document, text = page(with_proof())
    section = text.partition("What the downloads prove</h2>")[2].partition("</section>")[0]
    accuracy = document["test"][0]["accuracy"]
    for words in ("93.4%", "92.9%", f"{accuracy:.1%}", "87.7%", "13.6 MB", "3.80 MB", "6.14 ms", "3.07 ms"):
        assert words in section, words
    assert document["test"][0]["int8"]["accuracy"] == 0.877
    assert document["models"][0]["parity"]["int8"] == INT8


def test_the_certificate_says_what_was_not_checked() -> None:
    _, text = page(with_proof())
    section = text.partition("What the downloads prove</h2>")[2].partition("</section>")[0]
    assert "not checked: no Chromium" in section
    assert "the reference" in section
    assert "2.5e-06" in section
    assert "No time" in section
    assert HOSTILE not in text


def test_runs_of_earlier_versions_have_no_such_section() -> None:
    _, text = page(run_record())
    assert "What the downloads prove" not in text
