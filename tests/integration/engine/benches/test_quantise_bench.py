"""`python -m nas quantise-bench` on a few real photos: every step, and the test part opened once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nas.__main__ import main
from tests.images import photo_zip

WORDS = ["--resolution", "32", "--epochs", "1", "--seeds", "1", "--images", "24", "--rounding-steps", "2"]
WORDS += ["--tuning-epochs", "0.3", "--evaluations", "2"]


def test_every_remedy_is_measured_and_finished_steps_are_not_repeated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive, out = photo_zip(tmp_path / "photos.zip", n_per_class=15, size=48), tmp_path / "out"
    words = ["quantise-bench", str(archive), "--out", str(out), *WORDS]
    assert main(words) == 0
    printed = capsys.readouterr().out
    for part in ("w8a8, adaround:", "w4a8-0, tuning:", "uniform 4 bits:", "test part:"):
        assert part in printed
    document = json.loads((out / "quantise.json").read_text())
    for climb in document["ladders"].values():
        assert climb["rungs"][0]["name"] == "after training"
        assert len(climb["rungs"]) == 5
        assert set(climb["rungs"][0]["details"]["calibrations"]) == {"percentile", "entropy", "mse"}
    assert document["ladders"]["w4a8-0"]["simulated_only"]
    assert not document["ladders"]["w7a8"]["simulated_only"]
    sizes = [each["costs"]["size_bytes"] for each in document["mixed"]["uniform"]]
    assert sizes == sorted(sizes, reverse=True)
    assert document["int8"]["float_latency"]["precision"] == "fp32"
    assert document["int8"]["int8_latency"]["precision"] == "int8"
    assert {"float", "float-tuned-8", "w8a8", "w4a8-0", "uniform-4"} <= set(document["test"])
    opened = json.loads((out / "test_opening.json").read_text())
    assert opened["results"] == document["test"]

    (out / "quantise.json").unlink()  # cut short after its last step
    assert main(words) == 1  # the test part has been used
    said = capsys.readouterr()
    assert "The test part of this run has been used" in said.err
    assert "w8a8, adaround:" not in said.out
    assert main([*words, "--seed", "1"]) == 1
    assert "other settings" in capsys.readouterr().err
