import random

import numpy as np
import pytest
import torch
from torch import nn

from nas.architecture import Architecture, TimmArchitecture
from nas.errors import ExportError
from nas.export.graph import onnx_core
from nas.hardware.latency import make_session
from nas.networks import build_network
from nas.spaces import make_space
from tests.unit.networks.architectures import every_feature, lite0, tiny


def settled(architecture: Architecture, n_classes: int = 5) -> nn.Module:
    """A network whose batch norms have seen something."""
    torch.manual_seed(0)
    module = build_network(architecture, n_classes)
    side = architecture.resolution
    with torch.no_grad():
        module.get_classifier().weight.uniform_(-0.5, 0.5)
        for _ in range(3):
            module(torch.randn(4, 3, side, side))
    return module.eval()


def cells(name: str, seed: int) -> Architecture:
    space = make_space(name, max_resolution=28)
    return space.decode(space.sample(random.Random(seed)))


@pytest.mark.parametrize(
    "architecture",
    [
        tiny(32),
        tiny(33),
        every_feature(45),
        every_feature(64),
        lite0(96),
        lite0(65),
        TimmArchitecture(64, "mobilenetv3_small_100"),
        TimmArchitecture(64, "resnet18"),
        cells("nasbench201", 1),
        cells("cell", 1),
        cells("cell", 2),
    ],
    ids=str,
)
def test_the_graph_computes_what_the_network_computes(architecture: Architecture) -> None:
    module = settled(architecture)
    session = make_session(onnx_core(module, architecture).SerializeToString())
    for n in (1, 3):
        x = torch.randn(n, 3, architecture.resolution, architecture.resolution)
        with torch.inference_mode():
            expected = module(x).numpy()
        np.testing.assert_allclose(session.run(["logits"], {"x": x.numpy()})[0], expected, rtol=0, atol=1e-4)


def test_export_leaves_the_mode_of_the_network_alone() -> None:
    for architecture in (tiny(), TimmArchitecture(64, "mobilenetv3_small_100")):
        module = build_network(architecture, 3).train()
        onnx_core(module, architecture)
        assert module.training


def test_an_unknown_layer_is_refused() -> None:
    module = settled(tiny())
    module.bn1.act = nn.GELU()
    with pytest.raises(ExportError, match="GELU"):
        onnx_core(module, tiny())
