"""`python -m nas`: what goes wrong before a search begins is said in a sentence."""

from __future__ import annotations

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
    assert main([*words, "--evaluator", "proxy"]) == 2
    assert "inherit trained weights" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out").exists()
