"""Public sets by name: what a machine without internet says, and what an online one writes."""

from __future__ import annotations

import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from nas.data.public import PUBLIC_SETS, fetch
from nas.errors import DataError


def test_a_machine_that_is_offline_says_so_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there: offline on any machine
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(DataError, match="does not reach the set's server"):
        fetch("fashion-mnist", tmp_path)


def test_an_unknown_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no public set 'nonsense'"):
        fetch("nonsense", tmp_path)


def test_every_set_names_a_loader_and_its_licence() -> None:
    from torchvision import datasets

    assert len({one.key for one in PUBLIC_SETS}) == len(PUBLIC_SETS)
    for one in PUBLIC_SETS:
        assert one.offline or hasattr(datasets, one.loader)
        assert one.licence and one.n_images > one.n_classes > 1


def test_the_sample_needs_no_internet_and_is_what_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    sample = next(one for one in PUBLIC_SETS if one.offline)
    with tarfile.open(fetch(sample.key, tmp_path)) as tar:
        names = tar.getnames()
    assert (len(names), len({name.split("/")[0] for name in names})) == (sample.n_images, sample.n_classes)


def test_a_downloaded_set_becomes_a_tar_of_parts_and_classes(tmp_path: Path) -> None:
    raw = tmp_path / "download" / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    digits = load_digits()
    pixels = np.kron(digits.images[:60] * 15, np.ones((1, 4, 4))).astype(np.uint8)[:, :28, :28]
    for name, rows in (("train", slice(0, 40)), ("t10k", slice(40, 60))):
        _write_idx(raw / f"{name}-images-idx3-ubyte", pixels[rows])
        _write_idx(raw / f"{name}-labels-idx1-ubyte", digits.target[:60].astype(np.uint8)[rows])
    told: list[tuple[str, int, int]] = []
    target = fetch("fashion-mnist", tmp_path, on_progress=lambda *step: told.append(step))
    with tarfile.open(target) as tar:
        names = tar.getnames()
    assert len(names) == 60 and told[-1] == ("Writing the images", 60, 70_000)
    assert sum(name.startswith("train/") for name in names) == 40
    assert names[0] == "train/T-shirt-top/000000.png"


def _write_idx(path: Path, values: np.ndarray) -> None:
    head = struct.pack(">HBB", 0, 8, values.ndim) + struct.pack(f">{values.ndim}I", *values.shape)
    path.write_bytes(head + values.tobytes())
