"""The certificate's row of the browser, in a real Chromium, for fp32 and for int8."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import torch
from torch import nn

from nas.architecture import MBConvArchitecture
from nas.data.cache import ImageCache
from nas.errors import ExportError
from nas.export import browser_check
from nas.phases.bundles import write_model
from nas.phases.int8 import complete
from nas.quantise.climb import LadderConfig
from tests.browser.conftest import chromium_program
from tests.bundles import int8_bundle, source_of
from tests.unit.export.test_graph import settled
from tests.unit.networks.architectures import tiny
from tests.unit.quantise.networks import trained_on_digits


@pytest.fixture(autouse=True)
def _browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOML_CHROMIUM", chromium_program())


def colourful(cache: ImageCache) -> tuple[nn.Module, MBConvArchitecture]:
    """A network whose answers depend on the colours."""
    module = settled(tiny(), cache.n_classes)
    with torch.no_grad():
        cast(nn.Conv2d, module.get_submodule("conv_stem")).weight[:, 0] *= 4
        cast(nn.Linear, module.get_submodule("classifier")).weight *= 4
    return module, tiny()


def rows_of(model: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        row["file"]: row for row in model["parity"]["rows"] if row["runtime"].startswith("onnxruntime-web")
    }


def test_chromium_answers_as_onnx_runtime_does(digit_cache: ImageCache, tmp_path: Path) -> None:
    _, model = int8_bundle(tmp_path, *trained_on_digits(digit_cache), digit_cache)
    rows = rows_of(model)
    assert set(rows) == {"model.onnx", "model_int8.onnx"}
    for row in rows.values():
        assert row["unchecked"] == ""
        assert row["runtime"].startswith("onnxruntime-web in Chromium ")
        assert row["n_images"] == model["parity"]["n_images"]
        assert row["agreement"] >= 0.99
        assert 0.0 < row["latency_ms"] < 1000.0
    assert rows["model.onnx"]["max_difference"] < 1e-3


def test_swapped_colours_in_the_browser_refuse_the_export(
    photo_cache: ImageCache, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = browser_check.packed
    monkeypatch.setattr(browser_check, "packed", lambda images_u8: real(images_u8[..., ::-1]))
    module, architecture = colourful(photo_cache)
    source = source_of(tmp_path, module, architecture, photo_cache)
    with pytest.raises(ExportError, match=r"In Chromium \d+, model.onnx agrees"):
        write_model(tmp_path, source)
    assert list((tmp_path / "models").iterdir()) == []
    monkeypatch.undo()
    model = write_model(tmp_path, source)  # the same with its own colours
    monkeypatch.setattr(browser_check, "packed", lambda images_u8: real(images_u8[..., ::-1]))
    monkeypatch.setenv("AUTOML_CHROMIUM", chromium_program())
    config = LadderConfig(top="after training", most_lost=1.0)
    parity = complete(tmp_path, source, model, config)["parity"]
    assert parity["int8"]["offered"] is False
    assert "model_int8.onnx agrees with ONNX Runtime" in parity["int8"]["reason"]
    assert set(rows_of({"parity": parity})) == {"model.onnx"}
    assert not (tmp_path / model["directory"] / "model_int8.onnx").exists()


def test_a_browser_leaves_nothing_behind(digit_cache: ImageCache, tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tempfile.tempdir", str(temporary))
        source = source_of(tmp_path, *trained_on_digits(digit_cache, epochs=0.2), digit_cache)
        model = write_model(tmp_path, source)
    assert rows_of(model)["model.onnx"]["agreement"] == 1.0
    assert list(temporary.iterdir()) == []
