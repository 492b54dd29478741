import random

import numpy as np
import pytest
import torch

from nas.architecture import CellArchitecture
from nas.cells import DARTS, NASBENCH201, Edge
from nas.cost import macs, params
from nas.errors import SpaceError
from nas.networks import build_network, count_macs, count_params
from nas.networks.cells import FixedBody
from nas.networks.operations import make_operation
from nas.spaces import make_space

ALL_CONVOLUTIONS = CellArchitecture(
    32, "nasbench201", 16, 5, tuple(Edge(s, t, "nor_conv_3x3") for s, t in NASBENCH201.pairs)
)


def test_the_strongest_cell_of_the_benchmark_has_its_published_size() -> None:
    network = build_network(ALL_CONVOLUTIONS, 10)
    # NAS-Bench-201 gives 1.531546 M parameters for six 3x3 convolutions
    assert count_params(network) == params(ALL_CONVOLUTIONS, 10) == 1_531_546


def test_arithmetic_counts_what_is_built() -> None:
    rng = random.Random(5)
    for name in ("nasbench201", "cell"):
        space = make_space(name, max_resolution=48)
        for _ in range(12):
            architecture = space.decode(space.sample(rng))
            network = build_network(architecture, 7)
            assert count_params(network) == params(architecture, 7)
            assert count_macs(network, architecture.resolution) == macs(architecture, 7)


@pytest.mark.parametrize("name", ["nasbench201", "cell"])
def test_every_cell_gives_logits_and_gradients(name: str) -> None:
    space, rng = make_space(name, max_resolution=28), random.Random(2)
    nothing = space.decode((0,) * len(space.decisions))
    for architecture in [nothing, *(space.decode(space.sample(rng)) for _ in range(6))]:
        network = build_network(architecture, 3)
        logits = network(torch.randn(2, 3, 32, 32))
        assert logits.shape == (2, 3) and bool(torch.isfinite(logits).all())
        logits.sum().backward()
        assert network.classifier.bias.grad is not None


def test_a_benchmark_cell_adds_up_what_enters_a_node() -> None:
    edges = (Edge(0, 1, "avg_pool_3x3"), Edge(0, 3, "skip_connect"), Edge(1, 3, "skip_connect"))
    x = torch.randn(2, 4, 6, 6)
    pooled = torch.nn.functional.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
    torch.testing.assert_close(FixedBody(NASBENCH201, edges, 4, 1)([x]), x + pooled)


def test_a_darts_cell_puts_its_nodes_side_by_side_and_reduces_at_its_inputs() -> None:
    edges = (Edge(0, 2, "max_pool_3x3"), Edge(1, 2, "max_pool_3x3"), Edge(2, 3, "skip_connect"))
    a, b = torch.randn(2, 4, 6, 6), torch.randn(2, 4, 6, 6)
    both = torch.nn.functional.max_pool2d(a, 3, 2, 1) + torch.nn.functional.max_pool2d(b, 3, 2, 1)
    torch.testing.assert_close(FixedBody(DARTS, edges, 4, 2)([a, b]), torch.cat([both, both], dim=1))


@pytest.mark.parametrize("name", [*NASBENCH201.operations[1:], *DARTS.operations[1:]])
@pytest.mark.parametrize("searching", [False, True])
def test_operations_keep_channels_and_halve_the_side_by_their_stride(name: str, searching: bool) -> None:
    for stride in (1, 2):
        result = make_operation(name, 6, stride, searching=searching)(torch.randn(2, 6, 8, 8))
        assert result.shape == (2, 6, 8 // stride, 8 // stride)


def test_operations_of_a_search_have_norms_without_weights() -> None:
    for name in DARTS.operations[2:]:
        norms = [
            layer
            for layer in make_operation(name, 4, 1, searching=True).modules()
            if isinstance(layer, torch.nn.BatchNorm2d)
        ]
        assert norms and all(layer.weight is None and layer.running_mean is None for layer in norms)


def test_unknown_operations_and_skeletons_are_refused() -> None:
    for name in ("none", "conv", "sep_pool_3x3"):
        with pytest.raises(SpaceError, match="no operation"):
            make_operation(name, 4, 1)
    with pytest.raises(SpaceError, match="multiple of 4"):
        build_network(CellArchitecture(30, "darts", 4, 1, ()), 2)


def test_the_memory_layout_does_not_change_the_logits() -> None:
    architecture = make_space("cell", max_resolution=28).decode((0, 4) * 16)
    network = build_network(architecture, 3).eval()
    x = torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        plain = network(x).numpy()
        fast = network.to(memory_format=torch.channels_last)(x.to(memory_format=torch.channels_last))
    np.testing.assert_allclose(fast.numpy(), plain, rtol=0, atol=1e-5)
