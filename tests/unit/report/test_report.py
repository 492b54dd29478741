from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from nas.candidate import Candidate
from nas.report import write_report
from nas.report.command import search_command
from nas.report.document import build_document, to_json
from nas.report.figure import build_figure, plotly_text, to_script_json
from nas.report.html import Markup, el
from nas.report.page import render_page
from tests.unit.report.records import CLASSES, run_record

EVIL = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&%{x}" + "x" * 300


class Elements(HTMLParser):
    """Collects the elements, attributes and text that a browser would see outside the page's own scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def evil_document() -> dict[str, Any]:
    record = run_record(classes=tuple(f"{index}{EVIL}" for index in range(6)))
    candidates = [replace(one, label=EVIL, error=EVIL if one.error else None) for one in record.candidates]
    models = [{**model, "label": EVIL} for model in record.models]
    machine = {**record.machine, "cpu": EVIL}
    data = {**record.data, "content_hash": EVIL}
    return build_document(
        replace(record, candidates=candidates, models=models, machine=machine, data=data, warnings=[EVIL])
    )


def test_writes_both_files_whole(tmp_path: Path) -> None:
    workdir = tmp_path / "run"
    workdir.mkdir()
    path = write_report(workdir, run_record())
    assert path == workdir / "report.json"
    assert sorted(file.name for file in workdir.iterdir()) == ["report.html", "report.json"]
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["schema_version"] == 1
    assert document["best"] == "model-9"
    again = [Candidate.from_json(one) for one in document["candidates"]]
    assert again == run_record().candidates


def test_keys_of_the_document_stand_in_the_documentation() -> None:
    text = (Path(__file__).parents[3] / "docs" / "report.md").read_text(encoding="utf-8")
    document = build_document(run_record())
    keys = set(document) | set(document["cost"]) | set(document["test"][0]) | set(document["scaling"])
    assert {key for key in keys if f"`{key}`" not in text} == set()


def test_single_answers_are_not_written() -> None:
    assert all("correct" not in result for result in build_document(run_record())["test"])


def test_json_stays_strict_with_nan_and_numpy_values() -> None:
    document = build_document(
        run_record(scaling=None, config={"a": math.nan, "b": np.float32(2), "c": Path("d")})
    )
    assert json.loads(to_json(document))["config"] == {"a": None, "b": 2.0, "c": "d"}


def test_ledger_books_every_second() -> None:
    cost = build_document(run_record())["cost"]
    phases = sum(row["seconds"] for row in cost["by_phase"])
    assert cost["total_seconds"] == pytest.approx(phases + cost["before_phases_seconds"], abs=0.1)
    assert cost["failed_seconds"] == 12.5
    assert cost["total_seconds"] == pytest.approx(cost["candidate_seconds"] + cost["other_seconds"], abs=0.1)


def test_command_repeats_the_run() -> None:
    config = {**run_record().config, "baselines": False, "target_latency_ms": 2.5, "seed": 7}
    command = build_document(run_record(config=config))["reproduce"]["command"]
    for part in (
        "--seed 7",
        "--no-baselines",
        "--target-latency-ms 2.5",
        "--minutes 12",
        "--space lite-elastic",
    ):
        assert part in command


def test_command_names_reward_and_evaluator_only_where_they_are_not_the_usual_ones() -> None:
    usual = {**run_record().config, "reward": "absolute", "evaluator": "auto", "proxy": "synflow"}
    command = build_document(run_record(config=usual))["reproduce"]["command"]
    assert not {"--reward", "--evaluator", "--proxy"} & set(command.split())
    chosen = {**usual, "reward": "hard", "evaluator": "proxy"}
    command = build_document(run_record(config=chosen))["reproduce"]["command"]
    assert "--reward hard --evaluator proxy --proxy synflow" in command
    assert "--evaluator training" in search_command({**usual, "evaluator": "training"})
    planned = {"space": "lite-elastic", "plan": {"plan": {"yours": ["strategy"]}}}
    shown = build_document(
        run_record(config={**usual, "plan": {"plan": {"yours": [], "reasons": ["So it is."]}}})
    )
    assert "So it is." in " ".join(Elements(render_page(shown)).text)
    left = search_command({**usual, "strategy": "nsga2", **planned})
    assert "--space auto" in left and "--strategy nsga2" in left
    halved = {**usual, "evaluator": "halving"}
    command = build_document(run_record(config=halved))["reproduce"]["command"]
    assert "--evaluator halving" in command and "--proxy" not in command


def test_page_shows_verdict_first_and_every_section() -> None:
    text = " ".join(Elements(render_page(build_document(run_record()))).text)
    places = [
        text.index(title)
        for title in (
            "92.6% of 367 images",
            "Accuracy against latency",
            "Leaderboard",
            "Sealed test",
            "Where the recommended model errs",
            "Compound scaling",
            "What it cost",
            "How to reproduce",
            "All networks",
        )
    ]
    assert places == sorted(places)
    assert "1.2 / 1.1 / 1.15" in text
    assert "2,527 (train 1,781, val 379, test 367)" in text


def test_page_needs_nothing_from_outside() -> None:
    page = Elements(render_page(build_document(run_record())))
    assert not {"link", "img", "iframe", "object"} & set(page.tags)
    assert not any(name in ("src", "href") for name, _ in page.attributes)


def test_hostile_labels_stay_text() -> None:
    page = render_page(evil_document())
    seen, plain = Elements(page), Elements(render_page(build_document(run_record())))
    assert seen.tags.count("script") == plain.tags.count("script") == 3
    assert "img" not in seen.tags
    assert not any(name.startswith("on") for name, _ in seen.attributes)
    assert any("<script>alert(1)</script>" in text for text in seen.text)


def test_hostile_labels_stay_text_in_the_chart() -> None:
    figure = build_figure(evil_document())
    for trace in figure["data"]:
        for text in trace.get("hovertext", []):
            assert set(re.findall(r"<(/?\w+)", text)) <= {"b", "/b", "br"}
            assert len(text) < 400
        assert "hovertemplate" not in trace
    script = to_script_json(figure)
    assert "<" not in script and json.loads(script) == figure
    assert plotly_text("a<b>&\"'") == "a&lt;b&gt;&amp;\"'"


def test_figure_is_valid_plotly_and_tells_sources_apart_twice() -> None:
    figure = build_figure(build_document(run_record()))
    go.Figure(figure)  # raises on an unknown property
    full = {t["meta"]["color"]: t["marker"]["symbol"] for t in figure["data"] if "error_y" in t}
    assert len(full) == len(set(full.values())) == 4
    assert figure["layout"]["xaxis"]["type"] == "log"
    names = [trace["name"] for trace in figure["data"]]
    assert names[0] == "Front" and names[-1] == "Recommended"


def test_many_classes_become_a_list_of_confusions() -> None:
    many = tuple(f"class {index}" for index in range(30))
    page = " ".join(Elements(render_page(build_document(run_record(classes=many)))).text)
    assert "most frequent confusions of 30 classes" in page
    assert "Confusion matrix on the test images" in " ".join(
        Elements(render_page(build_document(run_record(classes=CLASSES)))).text
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"test": [], "scaling": None, "stopped": True},
        {
            "best": None,
            "models": [],
            "test": [],
            "scaling": None,
            "front": [],
            "candidates": [],
            "phases": [],
        },
        {"data": {}, "machine": {}, "config": {}},
        {"spent_seconds": 0.0, "phases": [{"phase": "unheard_of", "seconds": 0.0}]},
    ],
)
def test_unfinished_runs_have_a_page_too(changes: dict[str, Any], tmp_path: Path) -> None:
    write_report(tmp_path, run_record(**changes))
    assert "</html>" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_builder_escapes_everything_but_markup() -> None:
    built = el(
        "a", "<b>", Markup("<i></i>"), None, title='"', class_="x", aria_hidden="true", hidden=True, id=None
    )
    assert built == '<a title="&quot;" class="x" aria-hidden="true" hidden>&lt;b&gt;<i></i></a>'


def test_page_says_how_networks_began_and_what_that_favours() -> None:
    record = run_record()
    text = " ".join(Elements(render_page(build_document(record))).text)
    assert "4,096" in text and "the search favours its relatives" in text
    scratch = [replace(one, details={"initialisation": "from scratch"}) for one in record.candidates]
    assert "favours its relatives" not in render_page(build_document(replace(record, candidates=scratch)))
