"""`bench` on a few real photos: two real searches, a ladder trained by hand, one opening of the test part."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nas.__main__ import main
from tests.images import photo_zip


def test_a_search_stands_beside_the_ladder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive, out = photo_zip(tmp_path / "photos.zip", n_per_class=20, n_classes=3), tmp_path / "out"
    words = ["bench", str(archive), "--out", str(out), "--minutes", "0.4", "--seeds", "1"]
    words += ["--rungs", "32"]
    assert main(words) == 0
    document = json.loads((out / "photos" / "ladder.json").read_text())
    (found,) = document["seeds"]
    assert all(0.0 <= point["test_accuracy"] <= 1.0 for point in [*found["ladder"], found["whole"]])
    assert {point["seconds"] for point in found["ladder"]} == {found["finalist_seconds"]}
    assert found["whole"]["seconds"] == 24.0
    for name in ("search", "random"):
        assert found[name]["best"] in [point["name"] for point in found[name]["points"]]
        assert found[name]["spent_seconds"] < 1.25 * 24.0
    opened = json.loads((out / "photos" / "seed-0" / "hand-made" / "test_opening.json").read_text())
    assert opened["models"] == [point["name"] for point in [*found["ladder"], found["whole"]]]
    assert "hypervolume over the ladder's" in capsys.readouterr().out
    assert (out / "photos" / "ladder.svg").exists()
    assert main(words) == 0  # nothing is trained or opened again
    assert json.loads((out / "photos" / "ladder.json").read_text())["seeds"] == document["seeds"]
