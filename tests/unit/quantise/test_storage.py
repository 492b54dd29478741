from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from nas.architecture import MBConvArchitecture
from nas.errors import ExportError
from nas.networks import build_network
from nas.quantise.calibrate import Histograms, quantise
from nas.quantise.equalise import equalise
from nas.quantise.images import CalibrationImages
from nas.quantise.network import QuantNetwork
from nas.quantise.storage import load_network, save_network

Trained = tuple[nn.Module, MBConvArchitecture]


@pytest.fixture
def saved(in_float: QuantNetwork, histograms: Histograms, tmp_path: Path) -> tuple[QuantNetwork, Path]:
    equalised = in_float.twin(simulated=False)
    equalise(equalised)
    network = quantise(equalised, histograms, "entropy", weight_bits=3)
    save_network(network, tmp_path / "network.pt")
    return network, tmp_path / "network.pt"


def test_a_network_comes_back_as_it_was(
    saved: tuple[QuantNetwork, Path], trained: Trained, images: CalibrationImages
) -> None:
    network, path = saved
    other = build_network(trained[1], 10)  # other weights: all of them come from the file
    back = load_network(path, other, trained[1])
    with torch.inference_mode():
        assert torch.equal(back(images.first(8)), network(images.first(8)))
    assert [layer.activation for layer in back.layers] == [layer.activation for layer in network.layers]


def test_files_that_are_no_such_network_are_refused(
    saved: tuple[QuantNetwork, Path], trained: Trained, tmp_path: Path
) -> None:
    content = saved[1].read_bytes()
    for name, damaged in (("cut", content[: len(content) // 2]), ("empty", b""), ("text", b"no network")):
        path = tmp_path / name
        path.write_bytes(damaged)
        with pytest.raises(ExportError, match="quantise it again"):
            load_network(path, *trained)
    torch.save(trained[0].state_dict(), tmp_path / "other.pt")
    for name in ("other.pt", "missing.pt"):
        with pytest.raises(ExportError, match="quantise it again"):
            load_network(tmp_path / name, *trained)
