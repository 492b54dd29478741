"""`python -m nas`: what goes wrong before a search begins is said in a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nas.__main__ import main
from tests.images import photo_zip


def test_one_class_is_refused_each_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    archive = photo_zip(tmp_path / "one.zip", n_per_class=8, n_classes=1)
    words = ["search", "--data", str(archive), "--minutes", "1", "--out", str(tmp_path / "out")]
    for _ in range(2):  # the second call finds the imported images
        assert main(words) == 1
        assert "two classes" in " ".join(capsys.readouterr().err.split())


def test_an_unknown_strategy_is_refused_before_any_work(tmp_path: Path):
    with pytest.raises(SystemExit):
        main(["search", "--data", "x.zip", "--minutes", "1", "--out", str(tmp_path), "--strategy", "magic"])
    assert not list(tmp_path.glob("*.json"))


def test_a_proxy_for_networks_with_inherited_weights_is_refused_before_any_work(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    words = ["search", "--data", "x.zip", "--minutes", "1", "--out", str(tmp_path / "out")]
    assert main([*words, "--evaluator", "proxy", "--space", "lite-elastic"]) == 1
    assert "inherit trained weights" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out").exists()


def test_the_plan_of_photos_is_printed_without_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    photo_zip(tmp_path / "photos.zip", n_per_class=8)
    assert main(["plan", str(tmp_path / "photos.zip"), "--minutes", "20"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "space lite-elastic" in shown
    assert "cross-validation" in shown
    assert "speed of this machine is assumed" in shown
    assert main(["plan", str(tmp_path / "photos.zip"), "--json", "--strategy", "nsga2", "--speed", "50"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["strategy"] == "nsga2"
    assert plan["yours"] == ["strategy"]
    assert main(["plan", "--table"]) == 0
    assert capsys.readouterr().out.startswith("| situation |")
    assert main(["plan"]) == 1
    assert not list(tmp_path.rglob("manifest.json"))
