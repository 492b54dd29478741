"""`strategy-bench` and `cell-bench` on a few real photos: real trainings, cut short and gone on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nas.__main__ import main
from tests.images import photo_zip


def test_strategies_are_compared_and_a_bench_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    archive, out = photo_zip(tmp_path / "photos.zip", n_per_class=20, n_classes=3), tmp_path / "out"
    words = ["strategy-bench", str(archive), "--out", str(out), "--minutes", "0.05", "--short-seconds", "0.3"]
    words += ["--strategies", "random,regularized_evolution", "--seeds", "1", "--max-resolution", "32"]
    assert main(words) == 0
    document = json.loads((out / "strategies.json").read_text())
    assert [run["strategy"] for run in document["runs"]] == ["random", "regularized_evolution"]
    for run in document["runs"]:
        ledger = out / f"{run['strategy']}-{run['seed']}" / "ledger.jsonl"
        rows = [json.loads(line) for line in ledger.read_text().splitlines()]
        assert len(rows) == run["evaluated"] >= 1
        assert run["best_reward"] == max(row["reward"] for row in rows if row["reward"] is not None)
        assert len(run["test_accuracy"]) == 3 and all(0 <= value <= 1 for value in run["test_accuracy"])
    assert capsys.readouterr().out.count("(one seed)") == 2
    # One search lost its result and the last line of its ledger: it is replayed, goes on, the rest is kept.
    directory = out / "regularized_evolution-0"
    (directory / "run.json").unlink()
    (directory / "test_opening.json").unlink()
    kept = (directory / "ledger.jsonl").read_text().splitlines()[:-1]
    (directory / "ledger.jsonl").write_text("".join(f"{line}\n" for line in kept))
    before = (out / "random-0" / "run.json").stat().st_mtime_ns
    assert main(words) == 0
    assert (directory / "ledger.jsonl").read_text().splitlines()[: len(kept)] == kept
    assert (out / "random-0" / "run.json").stat().st_mtime_ns == before
    assert main([*words[:-1], "48"]) == 1  # other settings are refused, not mixed
    assert "Name another directory" in " ".join(capsys.readouterr().err.split())


def test_winning_cell_is_trained_with_several_seeds_and_judged_with_random_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive, out = photo_zip(tmp_path / "photos.zip", n_per_class=20, n_classes=3), tmp_path / "out"
    words = ["cell-bench", str(archive), "--out", str(out), "--minutes", "0.05", "--short-seconds", "0.3"]
    words += ["--space", "nasbench201", "--epochs", "1", "--random-cells", "2", "--jobs", "2"]
    assert main(words) == 0
    document = json.loads((out / "cells.json").read_text())
    assert list(document["trained"]) == ["winner-0", "winner-1", "winner-2", "random-0", "random-1"]
    numbers = [json.loads(line)["number"] for line in (out / "ledger.jsonl").read_text().splitlines()]
    assert sorted(numbers) == list(range(document["evaluated"]))
    winners = [document["trained"][f"winner-{seed}"] for seed in range(3)]
    assert all(winner["choices"] == document["best"]["choices"] for winner in winners)
    assert json.loads((out / "test_opening.json").read_text())["models"] == list(document["trained"])
    assert (out / "winner-normal.svg").read_text().startswith("<svg")
    assert "seed noise" in capsys.readouterr().out
    assert main(words) == 0  # the test part is opened once: a finished bench is not judged again
    assert json.loads((out / "cells.json").read_text()) == document
    assert main([*words, "--epochs", "2"]) == 1  # trainings of other lengths are not mixed
