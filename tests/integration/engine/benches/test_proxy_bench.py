"""`python -m nas proxy-bench` on a few real photos: stopped by Ctrl-C, gone on, judged."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from nas.__main__ import main
from nas.benches.proxies import ProxyBenchConfig, run_proxy_bench
from nas.data.importer import import_archive
from nas.errors import DataError
from nas.proxies import PROXIES
from tests.images import photo_zip

WORDS = ["--networks", "5", "--space", "nasbench201", "--channels", "4", "--epochs", "1"]


def test_networks_are_scored_trained_and_judged_though_the_run_was_cut_short(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    archive, out = photo_zip(tmp_path / "photos.zip", n_per_class=20, n_classes=3), tmp_path / "out"
    words = ["proxy-bench", "--data", str(archive), "--out", str(out), *WORDS]
    said: list[str] = []

    def interrupted_by_the_second_network(line: str, **_options: object) -> None:
        said.append(line)
        if line.startswith("network 1"):
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr("builtins.print", interrupted_by_the_second_network)
    assert main(words) == 0
    monkeypatch.undo()
    assert [line.split(":")[0] for line in said[:2]] == ["network 0", "network 1"]
    assert said[2].startswith("Fewer than four networks")
    with (out / "networks.jsonl").open("a") as file:
        file.write('{"number": 2, "accu')  # what a power cut leaves
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "network 2" in printed and "network 1:" not in printed
    assert "5 networks (0 failed), 1 epochs each" in printed
    document = json.loads((out / "proxies.json").read_text())
    assert [row["number"] for row in document["rows"]] == [0, 1, 2, 3, 4]
    assert tuple(document["table"]) == PROXIES
    for row in document["rows"]:
        assert row["scores"]["params"] == row["params"] and row["scores"]["macs"] == row["macs"]
        assert 0 <= row["accuracy_low"] <= row["accuracy"] <= 1
    assert not list(out.glob("*.checkpoint"))


def test_another_comparison_in_the_same_directory_is_refused(tmp_path: Path):
    archive, data = photo_zip(tmp_path / "photos.zip", n_per_class=20, n_classes=3), tmp_path / "data"
    import_archive(archive, data, seed=0)

    def nothing(seed: int, seconds: float) -> dict[str, object]:
        config = ProxyBenchConfig(data, tmp_path / "out", "mbconv", networks=3, seconds=seconds, seed=seed)
        return run_proxy_bench(config, print, lambda: True)

    assert nothing(0, 0.5)["epochs"] >= 0.5
    with pytest.raises(DataError, match="other settings"):
        nothing(1, 0.5)
