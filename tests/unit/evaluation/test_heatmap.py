"""Heat maps: the formula by hand, the layer, and whether what is hot is what the network goes by."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nas.architecture import Architecture, TimmArchitecture
from nas.data.cache import ImageCache
from nas.errors import EvaluationError
from nas.evaluation.heat_files import HeatFigures, heat_file, load_heat, save_heat_error
from nas.evaluation.heatmap import (
    Looker,
    cam_layer,
    covered,
    grad_cam,
    hottest,
    write_heat_map,
)
from nas.evaluation.overlay import overlay_png
from nas.evaluators.first_model import train_first_model
from nas.export.load import save_state
from nas.export.onnx_model import export_onnx
from nas.networks import build_network
from tests.unit.export.test_graph import cells, settled
from tests.unit.networks.architectures import every_feature, lite0


def test_grad_cam_is_the_formula() -> None:
    """Pooling and a linear layer follow the map: dy/dA_k of every cell is the weight of k over h * w."""
    module = settled(lite0(128), 5)
    x = torch.randn(3, 3, 128, 128)
    with torch.no_grad():
        maps = module.forward_features(x)  # type: ignore[operator] # timm's method: (3, 1280, 4, 4)
        weights = module.get_classifier().weight  # type: ignore[operator]
    targets = [0, 3, 4]
    found = grad_cam(module, x, torch.tensor(targets))
    for i, target in enumerate(targets):
        heat = (weights[target][:, None, None] / 16 * maps[i]).sum(dim=0).clamp_min(0)
        assert found[i].shape == (4, 4)
        assert torch.allclose(found[i], (heat / heat.max()).detach(), atol=1e-5)


def test_grad_cam_of_an_earlier_layer_is_the_formula() -> None:
    """At 64 pixels the last map is 2 x 2, so an earlier one is taken; gradients by hand."""
    module = settled(lite0(64), 4)
    stem, blocks, block = module.conv_stem, module.blocks, module.blocks[5][0]  # type: ignore
    x = torch.randn(1, 3, 64, 64)
    maps = block.bn1(block.conv_pw(blocks[:5](module.bn1(stem(x))))).detach().requires_grad_()  # type: ignore
    halved = block.bn3(block.conv_pwl(block.bn2(block.conv_dw(maps))))  # the stride of 32 pixels is in here
    last = module.bn2(module.conv_head(blocks[6:](blocks[5][1:](halved))))  # type: ignore
    logits = module.forward_head(last)  # type: ignore
    (slopes,) = torch.autograd.grad(logits[0, 2], maps)
    heat = (slopes.mean(dim=(2, 3), keepdim=True) * maps).sum(dim=1).clamp_min(0)[0].detach()
    found = grad_cam(module, x, torch.tensor([2]))[0]
    assert cam_layer(module, 64) is block.bn1
    assert torch.allclose(found, heat / heat.max(), atol=1e-4)


@pytest.mark.parametrize(
    "architecture",
    [
        every_feature(64),
        TimmArchitecture(resolution=64, name="resnet18"),
        cells("nasbench201", 1),
        cells("cell", 2),
    ],
    ids=lambda one: type(one).__name__,
)
def test_every_kind_of_network_has_a_map(architecture: Architecture) -> None:
    module = build_network(architecture, 3).eval()
    side = architecture.resolution
    found = grad_cam(module, torch.randn(2, 3, side, side), torch.tensor([0, 1]))
    assert found.shape[0] == 2
    assert min(found.shape[1:]) >= 4
    assert 0 <= float(found.min()) <= float(found.max()) <= 1


def test_a_network_without_a_map_says_so() -> None:
    blind = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 2))
    with pytest.raises(EvaluationError, match="no heat map"):
        cam_layer(blind, 2)


def test_the_hottest_fifth_is_covered_with_the_mean_colour() -> None:
    values = np.arange(100, dtype=np.float32).reshape(10, 10)
    mask = hottest(values)
    assert mask.sum() == 20
    assert mask[8:].all()
    image = np.zeros((10, 10, 3), np.uint8)
    image[:5] = (200, 100, 50)
    result = covered(image, mask)
    assert (result[8:] == (100, 50, 25)).all()
    assert (result[:8] == image[:8]).all()
    assert hottest(np.zeros((10, 10), np.float32)).sum() == 20


def test_the_picture_keeps_the_photos_proportions_and_shows_where_it_is_hot() -> None:
    image = np.full((64, 64, 3), 120, np.uint8)
    heat = np.zeros((64, 64), np.float32)
    heat[:, 48:] = 1
    png = Image.open(io.BytesIO(overlay_png(image, heat, heat > 0.5, width=640, height=320)))
    assert (png.format, png.size) == ("PNG", (360, 180))
    pixels = np.asarray(png).astype(int)
    assert np.ptp(pixels[90, 60]) == 0  # the photo stays grey where it is cold
    assert pixels[90, 320, 0] - pixels[90, 320, 2] > 40  # and turns yellow where it is hot
    row = pixels[90].tolist()
    assert [255, 255, 255] in row
    assert [0, 0, 0] in row


@pytest.fixture(scope="module")
def bundle(photo_cache: ImageCache, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Architecture]:
    """A network that knows the photos: pretrained features with a head for their classes."""
    torch.manual_seed(0)
    found = train_first_model(photo_cache, 96)
    assert found.evaluation.accuracy > 0.8
    directory = tmp_path_factory.mktemp("run") / "models" / "first-0"
    directory.mkdir(parents=True)
    save_state(found.module, directory / "model.safetensors")
    export_onnx(
        found.module, found.architecture, photo_cache.classes, directory / "model.onnx", {}, temperature=1.3
    )
    return directory, found.architecture


def test_covering_what_is_hot_costs_more_than_covering_something(
    bundle: tuple[Path, Architecture], photo_cache: ImageCache
) -> None:
    directory, architecture = bundle
    looker = Looker.open(directory, architecture)
    rows = photo_cache.indices("val")
    drops = []
    for row in rows:
        image = np.asarray(photo_cache.images[row])
        target = int(photo_cache.labels[row])
        figures = looker.figures(image, looker.heat(image, target), target)
        drops.append(
            (figures.probability - figures.without_hottest, figures.probability - figures.without_random)
        )
    hot, random = np.mean(drops, axis=0)
    assert hot > random + 0.02, (hot, random)


def test_a_heat_map_is_written_with_figures_of_the_downloaded_file(
    bundle: tuple[Path, Architecture], photo_cache: ImageCache
) -> None:
    directory, architecture = bundle
    workdir = directory.parent.parent
    model = {"name": "first-0", "directory": "models/first-0"}
    row = int(photo_cache.indices("val")[1])
    assert load_heat(heat_file(workdir, "first-0", row, 2)) is None
    write_heat_map(workdir, model, architecture, photo_cache.directory, row=row, target=2)
    found = load_heat(heat_file(workdir, "first-0", row, 2))
    assert isinstance(found, HeatFigures)
    image = np.asarray(photo_cache.images[row])[None]
    expected = Looker.open(directory, architecture).classifier.predict(image)[0, 2]
    assert found.probability == pytest.approx(float(expected), abs=1e-6)
    assert Image.open(heat_file(workdir, "first-0", row, 2)).size == (360, 360)
    with pytest.raises(EvaluationError, match="no such photo"):
        write_heat_map(workdir, model, architecture, photo_cache.directory, row=10**6, target=2)


def test_a_failure_is_kept_as_a_sentence(tmp_path: Path) -> None:
    path = heat_file(tmp_path, "m-1", 4, 0)
    save_heat_error(path, "The weights are gone.")
    assert load_heat(path) == "The weights are gone."
