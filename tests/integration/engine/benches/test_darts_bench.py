"""`python -m nas darts-bench` on a few real photos: both forms, cut short and gone on."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from nas.__main__ import main
from tests.images import photo_zip

WORDS = ["--seeds", "1", "--epochs", "2", "--train-epochs", "1", "--cells", "1", "--batch-size", "16"]


def test_both_forms_are_searched_trained_and_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    archive, out = photo_zip(tmp_path / "photos.zip", n_per_class=20, n_classes=3), tmp_path / "out"
    words = ["darts-bench", str(archive), "--out", str(out), *WORDS]
    assert main([*words, "--minutes", "0"]) == 0
    cut_short = json.loads((out / "darts.json").read_text())
    assert [run["finished"] for run in cut_short["runs"]] == [False] * 3
    assert "run the command again" in capsys.readouterr().out
    assert main(words) == 0
    # The limited form goes on from the fixed one's search and leaves its file as it is.
    assert {path.name for path in out.glob("*-0.checkpoint")} == {
        "fixed-0.checkpoint",
        "limited-0.checkpoint",
        "plain-0.checkpoint",
    }
    document = json.loads((out / "darts.json").read_text())
    assert [run["form"] for run in document["runs"]] == ["fixed", "limited", "plain"]
    fixed, limited, _ = document["runs"]
    assert limited["skips"] == min(2, fixed["skips"])
    for run in document["runs"]:
        assert run["finished"] and run["edges"] == 6
        assert len(run["epochs"]) == (0 if run["form"] == "limited" else 2)  # it goes on from the fixed form
        assert run["collapsed"] is (run["skips"] >= 3)
        assert run["skips"] == run["cell"].count("skip_connect")
        assert 0 <= run["derived"]["accuracy_low"] <= run["derived"]["accuracy"] <= 1
        assert run["cpu_seconds"] > 0
        ElementTree.fromstring((out / f"{run['form']}-0-normal.svg").read_text())  # noqa: S314
    curves = ElementTree.fromstring((out / "curves.svg").read_text())  # noqa: S314
    assert len(list(curves.iter("{http://www.w3.org/2000/svg}polyline"))) == 6
    before = (out / "plain-0.json").stat().st_mtime_ns
    assert main(words) == 0  # finished work is taken as it is
    assert (out / "plain-0.json").stat().st_mtime_ns == before
