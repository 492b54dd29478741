"""Zero-cost proxies against values worked out by hand, and on every kind of network."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from nas.architecture import CellArchitecture, MBConvArchitecture
from nas.cost import macs, params
from nas.errors import EvaluationError
from nas.networks import build_network
from nas.proxies import PROXIES
from nas.proxies.gradients import grad_norm, snip, synflow
from nas.proxies.kernels import jacob_cov, naswot
from nas.proxies.scores import proxy_scores
from nas.spaces.cells import DartsCellSpace, NasBench201Space
from tests.unit.networks.architectures import every_feature, tiny

CLASSES = 3


def linear(weights: list[list[float]]) -> nn.Linear:
    layer = nn.Linear(len(weights[0]), len(weights), bias=False)
    layer.weight.data = torch.tensor(weights)
    return layer


def pixels(rows: list[list[float]]) -> Tensor:
    """(N, values) as N images of one pixel."""
    return torch.tensor(rows)[:, :, None, None]


class Squares(nn.Module):
    """Its Jacobian is twice the image."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1) ** 2


def test_synflow_of_two_linear_layers_is_twice_the_flow_of_absolute_weights() -> None:
    layers = nn.Sequential(nn.Flatten(), linear([[1.0, -2.0], [0.0, 3.0]]), linear([[1.0, -1.0]]))
    # |W2| |W1| 1 = 3 + 3, and each of the two layers carries all of it
    assert synflow(layers, pixels([[7.0, -7.0]])) == pytest.approx(12.0)


def test_synflow_knows_no_norm_and_no_cut_at_six() -> None:
    first, second = linear([[10.0, -20.0], [0.0, 30.0]]), linear([[1.0, -1.0]])
    norm = nn.BatchNorm1d(2)
    norm.running_mean.fill_(5.0)
    norm.weight.data.fill_(0.1)
    layers = nn.Sequential(nn.Flatten(), first, norm, nn.ReLU6(), second)
    assert synflow(layers, pixels([[1.0, 1.0]])) == pytest.approx(120.0)


def test_snip_and_grad_norm_of_one_layer_by_hand() -> None:
    # equal logits: the loss falls with the right class's logit and rises with the other's, by one half
    layers = nn.Sequential(nn.Flatten(), linear([[3.0], [3.0]]))
    images, labels = pixels([[2.0]]), torch.tensor([0])
    assert grad_norm(layers, images, labels) == pytest.approx(math.sqrt(2.0))
    assert snip(layers, images, labels) == pytest.approx(3.0 + 3.0)


def test_grad_norm_adds_the_norms_of_layers() -> None:
    layers = nn.Sequential(nn.Flatten(), linear([[1.0]]), linear([[3.0], [3.0]]))
    # the first layer's gradient is zero: both logits hang on it alike
    images, labels = pixels([[2.0]]), torch.tensor([0])
    assert grad_norm(layers, images, labels) == pytest.approx(math.sqrt(2.0))


def test_jacob_cov_is_minus_n_where_no_two_images_are_correlated() -> None:
    images = pixels([[1.0, -1.0, 1.0, -1.0], [1.0, 1.0, -1.0, -1.0], [1.0, -1.0, -1.0, 1.0]])
    k = 1e-5
    assert jacob_cov(Squares(), images) == pytest.approx(-3 * (math.log(1 + k) + 1 / (1 + k)))


def test_jacob_cov_falls_with_the_correlation_of_images() -> None:
    def pair(second: list[float]) -> float:
        return jacob_cov(Squares(), pixels([[1.0, -1.0, 0.0, 0.0], second]))

    free, near, equal = pair([0.0, 0.0, 1.0, -1.0]), pair([1.0, -0.5, 0.0, -0.5]), pair([2.0, -2.0, 0.0, 0.0])
    assert free > near > equal
    # eigenvalues 2 and 0
    assert equal == pytest.approx(-(math.log(2.0) + 0.5 + math.log(1e-5) + 1e5), rel=1e-4)


@pytest.mark.parametrize("activation", [nn.ReLU, nn.ReLU6, nn.SiLU, lambda: nn.ReLU6(inplace=True)])
def test_naswot_counts_units_that_agree(activation: Callable[[], nn.Module]) -> None:
    images = pixels([[1.0, 2.0, -1.0], [9.0, -2.0, -3.0]])
    layers = nn.Sequential(nn.Flatten(), activation())
    assert naswot(layers, images) == pytest.approx(math.log(3 * 3 - 2 * 2))


def test_what_is_no_number_is_none() -> None:
    layers = nn.Sequential(nn.Flatten(), nn.ReLU(), linear([[0.0, 0.0], [0.0, 0.0]]))
    images = pixels([[1.0, 1.0], [1.0, 1.0]])
    scores = proxy_scores(layers, images, torch.tensor([0, 1]), ("jacob_cov", "naswot", "synflow"))
    assert scores == {"jacob_cov": None, "naswot": None, "synflow": 0.0}
    huge = nn.Sequential(nn.Flatten(), *(linear([[1e38]]) for _ in range(9)))
    assert proxy_scores(huge, pixels([[1.0], [1.0]]), torch.tensor([0, 0]), ("synflow",)) == {"synflow": None}


def test_an_unknown_proxy_is_refused() -> None:
    with pytest.raises(EvaluationError, match="no proxy called 'magic'; choose one of synflow"):
        proxy_scores(nn.Flatten(), pixels([[1.0]]), torch.tensor([0]), ("magic",))


def networks() -> list[MBConvArchitecture | CellArchitecture]:
    found: list[MBConvArchitecture | CellArchitecture] = [tiny(), every_feature()]
    for kind in (DartsCellSpace, NasBench201Space):
        space = kind(resolutions=(16,), channels=4)
        found.append(space.decode(space.sample(random.Random(4))))
    return found


@pytest.mark.parametrize("architecture", networks(), ids=["relu6", "swish", "cell", "nasbench201"])
def test_every_network_is_scored_alike_each_time_and_left_as_it_was(
    architecture: MBConvArchitecture | CellArchitecture,
) -> None:
    torch.manual_seed(0)
    module = build_network(architecture, CLASSES).eval()
    images = torch.randn(8, 3, architecture.resolution, architecture.resolution)
    labels = torch.arange(8) % CLASSES
    before = {key: value.clone() for key, value in module.state_dict().items()}
    scores = proxy_scores(module, images, labels)
    assert tuple(scores) == PROXIES and None not in scores.values()
    assert scores["macs"] == macs(architecture, CLASSES) and scores["params"] == params(architecture, CLASSES)
    assert scores["synflow"] > 0
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())
    assert not module.training and all(parameter.grad is None for parameter in module.parameters())
    torch.manual_seed(99)  # nothing is drawn
    assert proxy_scores(module, images, labels) == scores


def test_a_network_that_ignores_its_images_is_scored_without_failing() -> None:
    module = build_network(CellArchitecture(16, "nasbench201", 4, 1, ()), CLASSES)
    scores = proxy_scores(module, torch.randn(4, 3, 16, 16), torch.tensor([0, 1, 2, 0]))
    assert scores["synflow"] is not None
    assert scores["params"] is not None and scores["params"] > 0
