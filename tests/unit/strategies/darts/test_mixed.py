from __future__ import annotations

import torch

from nas.cells import DARTS, NASBENCH201
from nas.networks.mixed import MixedEdge, MixedNetwork, shuffle_channels
from nas.networks.operations import make_operation


def one_hot(index: int, n: int) -> torch.Tensor:
    return torch.eye(n)[index]


def plain_edge(operations: tuple[str, ...] = NASBENCH201.operations) -> MixedEdge:
    torch.manual_seed(0)
    return MixedEdge(operations, 4, 1, share=1, auxiliary=False)


def test_a_mixture_is_the_weighted_sum_of_its_operations() -> None:
    for operations in (NASBENCH201.operations, DARTS.operations):
        edge, x = plain_edge(operations), torch.randn(3, 4, 8, 8)
        weights = torch.randn(len(operations)).softmax(0)
        named = list(zip(operations, weights, strict=True))[1:]
        expected = sum(weight * edge.ops[name](x) for name, weight in named)
        for layout in (torch.contiguous_format, torch.channels_last):
            found = edge(x.contiguous(memory_format=layout), weights, torch.tensor(0.0))
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_the_gradient_of_a_weight_is_the_operation_it_weighs() -> None:
    edge, x = plain_edge(), torch.randn(3, 4, 8, 8).contiguous(memory_format=torch.channels_last)
    weights = torch.full((5,), 0.2, requires_grad=True)
    toward = torch.randn(3, 4, 8, 8)
    (gradient,) = torch.autograd.grad((edge(x, weights, torch.tensor(0.0)) * toward).sum(), weights)
    for name, found in list(zip(NASBENCH201.operations, gradient, strict=True))[1:]:
        torch.testing.assert_close(found, (edge.ops[name](x) * toward).sum(), rtol=1e-3, atol=1e-3)
    assert gradient[0] == 0


def test_none_alone_is_zero_and_a_skip_alone_is_the_input() -> None:
    edge, x = plain_edge(), torch.randn(2, 4, 6, 6)
    assert not edge(x, one_hot(0, 5), torch.tensor(0.0)).any()
    torch.testing.assert_close(edge(x, one_hot(1, 5), torch.tensor(0.0)), x)


def test_partial_channels_leave_the_others_as_they_are_and_shuffle() -> None:
    edge = MixedEdge(NASBENCH201.operations, 8, 1, share=4, auxiliary=False)
    x = torch.randn(2, 8, 6, 6)
    skipped = edge(x, one_hot(1, 5), torch.tensor(0.0))
    torch.testing.assert_close(skipped, shuffle_channels(x, 4))
    pooled = edge(x, one_hot(4, 5), torch.tensor(0.0))
    changed = [i for i in range(8) if not torch.equal(pooled[:, i], skipped[:, i])]
    assert changed == [0, 4]  # channels 0 and 1, after the shuffle
    convolution = edge.ops["nor_conv_3x3"][1]
    assert convolution.in_channels == convolution.out_channels == 2


def test_the_auxiliary_skip_is_weighed_by_beta_alone() -> None:
    edge = MixedEdge(NASBENCH201.operations, 4, 1, share=1, auxiliary=True)
    x, weights = torch.randn(2, 4, 6, 6), torch.full((5,), 0.2)
    without, half = (edge(x, weights, torch.tensor(beta)) for beta in (0.0, 0.5))
    torch.testing.assert_close(half - without, 0.5 * x, rtol=1e-4, atol=1e-5)


def test_a_forbidden_operation_has_no_weight_and_the_rest_sums_to_one() -> None:
    for name in ("nasbench201", "darts"):
        network = MixedNetwork(name, 4, 1, 3)
        for kind in network.alphas:
            network.allowed(kind)[2, 1] = False
        for weights in network.mixture().values():
            assert weights[2, 1] == 0 and weights[1, 1] > 0
            torch.testing.assert_close(weights.sum(dim=1), torch.ones(len(weights)))


def test_a_removed_operation_leaves_its_weight_to_nobody() -> None:
    network, x = MixedNetwork("nasbench201", 4, 1, 3), torch.randn(4, 3, 16, 16)
    before = network.mixture()["normal"].clone()
    whole = network(x)
    network.present("normal")[2, 1] = False
    assert torch.equal(network.mixture()["normal"], before)
    assert not torch.allclose(network(x), whole)


def test_the_edges_into_a_node_are_weighed_and_sum_to_one() -> None:
    for name in ("nasbench201", "darts"):
        network = MixedNetwork(name, 4, 1, 3, edge_normalisation=True)
        assert set(network.betas) == set(network.alphas)
        with torch.no_grad():
            network.betas["normal"].normal_()
        factors = network.edge_factors()["normal"]
        for target in network.template.targets:
            into = [i for i, pair in enumerate(network.template.pairs) if pair[1] == target]
            torch.testing.assert_close(factors[into].sum(), torch.tensor(1.0))
    assert not MixedNetwork("nasbench201", 4, 1, 3).edge_factors()


def test_the_weights_of_edges_learn() -> None:
    network = MixedNetwork("nasbench201", 4, 1, 3, edge_normalisation=True)
    network(torch.randn(4, 3, 16, 16)).square().mean().backward()
    gradient = network.betas["normal"].grad
    assert gradient is not None and gradient[1:].any()
    assert gradient[0] == 0  # the only edge into its node


def test_the_factor_of_an_edge_leaves_the_auxiliary_skip_alone() -> None:
    edge = MixedEdge(NASBENCH201.operations, 4, 1, share=2, auxiliary=True)
    x, weights, beta = torch.randn(2, 4, 6, 6), torch.full((5,), 0.2), torch.tensor(0.5)
    halved, whole = (edge(x, weights, beta, torch.tensor(factor)) for factor in (0.5, 1.0))
    torch.testing.assert_close(halved - 0.5 * x, 0.5 * (whole - 0.5 * x), rtol=1e-4, atol=1e-5)


def test_alphas_and_weights_are_apart_and_both_learn() -> None:
    for name, kinds in (("nasbench201", ["normal"]), ("darts", ["normal", "reduction"])):
        network = MixedNetwork(name, 4, 1, 3, share=2, auxiliary=True)
        assert list(network.alphas) == kinds
        ids = {id(parameter) for parameter in network.weights()}
        assert not ids & {id(alpha) for alpha in network.alphas.values()}
        network(torch.randn(4, 3, 16, 16)).square().mean().backward()
        assert all(alpha.grad is not None and alpha.grad.any() for alpha in network.alphas.values())
        assert all(weight.grad is not None for weight in network.weights())


def test_operations_of_a_mixture_equal_those_of_a_network() -> None:
    edge, x = plain_edge(DARTS.operations), torch.randn(2, 4, 8, 8)
    alone = make_operation("sep_conv_5x5", 4, 1, searching=True)
    alone.load_state_dict(edge.ops["sep_conv_5x5"].state_dict())
    found = edge(x, one_hot(DARTS.operations.index("sep_conv_5x5"), 8), torch.tensor(0.0))
    torch.testing.assert_close(found, alone(x), rtol=1e-4, atol=1e-5)
