"""The faster layers compute what the plain ones do: results, gradients and statistics."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from nas.networks import build_network
from nas.training.fast import fast_layers
from nas.training.kernels import Relu6, depthwise_weight_gradient, strided_weight_gradient
from tests.unit.networks.architectures import every_feature, tiny


def copies(architecture, *, frozen: bool) -> tuple[nn.Module, nn.Module]:
    """Two equal networks in double precision, with statistics and scales as after some training."""
    torch.manual_seed(0)
    plain = build_network(architecture, 4, dropout=0.0).to(memory_format=torch.channels_last).double()
    for layer in plain.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.uniform_(layer.bias, -0.5, 0.5)
            layer.running_mean.uniform_(-0.5, 0.5)
            layer.running_var.uniform_(0.5, 2.0)
            layer.train(not frozen)
    return plain, copy.deepcopy(plain)


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("architecture", [tiny(), every_feature()], ids=["tiny", "all"])
def test_results_gradients_and_statistics_are_the_same(architecture, frozen: bool) -> None:
    plain, fast = copies(architecture, frozen=frozen)
    side = architecture.resolution
    x = torch.randn(4, 3, side, side, dtype=torch.float64).to(memory_format=torch.channels_last)
    y = torch.tensor([0, 1, 2, 3])
    expected = plain(x)
    F.cross_entropy(expected, y).backward()
    with fast_layers(fast):
        found = fast(x)
        F.cross_entropy(found, y).backward()
    torch.testing.assert_close(found, expected)
    for (name, one), other in zip(fast.named_parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, msg=lambda text, name=name: f"{name}: {text}")
    for one, other in zip(fast.buffers(), plain.buffers(), strict=True):
        torch.testing.assert_close(one, other)
    assert not [layer for layer in fast.modules() if "forward" in vars(layer)]


def test_norms_are_really_folded_and_only_where_nobody_looks() -> None:
    _, module = copies(tiny(), frozen=True)
    heard: list[torch.Tensor] = []
    module.blocks[0][0].bn1.register_forward_hook(lambda _, inputs, out: heard.append(out))
    plain_bn = module.blocks[0][0].bn1
    with fast_layers(module):
        assert "forward" in vars(module.bn1) and "forward" not in vars(plain_bn)
        x = torch.randn(2, 5, 8, 8, dtype=torch.float64)
        torch.testing.assert_close(module.bn2.forward(x.clone()), x.clamp(0, 6))  # no norm is left
        with torch.no_grad():
            module(torch.randn(2, 3, 32, 32, dtype=torch.float64))
    assert len(heard) == 1


def test_frozen_layers_are_folded_once_and_get_no_gradient() -> None:
    plain, fast = copies(tiny(), frozen=True)
    for module in (plain, fast):
        for parameter in (*module.conv_stem.parameters(), *module.bn1.parameters()):
            parameter.requires_grad_(False)
    x = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    with fast_layers(fast):
        torch.testing.assert_close(fast(x), plain(x))
        fast(x).sum().backward()
    assert fast.conv_stem.weight.grad is None and fast.bn1.weight.grad is None
    assert fast.conv_head.weight.grad is not None


@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize("size", [(2, 2), (4, 4), (3, 9), (12, 5)])
def test_the_weight_gradient_of_a_depthwise_kernel(kernel: int, size: tuple[int, int]) -> None:
    x = torch.randn(3, 16, *size).to(memory_format=torch.channels_last)
    grad = torch.randn(3, 16, *size).to(memory_format=torch.channels_last)
    weight = torch.zeros(16, 1, kernel, kernel, requires_grad=True)
    F.conv2d(x, weight, None, 1, kernel // 2, 1, 16).backward(grad)
    torch.testing.assert_close(depthwise_weight_gradient(x, grad, kernel), weight.grad, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kernel", [3, 5, 7])
def test_the_weight_gradient_of_a_depthwise_kernel_of_stride_2(kernel: int) -> None:
    x = torch.randn(3, 16, 6 + kernel, 8 + kernel).to(memory_format=torch.channels_last)
    grad = torch.randn(3, 16, 4, 5).to(memory_format=torch.channels_last)
    weight = torch.zeros(16, 1, kernel, kernel, requires_grad=True)
    F.conv2d(x, weight, None, 2, 0, 1, 16).backward(grad)
    torch.testing.assert_close(strided_weight_gradient(x, grad, kernel), weight.grad, atol=1e-4, rtol=1e-4)


def test_relu6_without_a_copy() -> None:
    values = torch.tensor([-1.0, 0.0, 1e-30, 3.0, 6.0, 7.0, float("nan")])
    one, other = values.clone().requires_grad_(), values.clone().requires_grad_()
    weights = torch.arange(1.0, 8.0)
    (F.relu6(one) * weights).sum().backward()
    out = Relu6.apply(other * 1)
    (out * weights).sum().backward()
    assert torch.equal(one.grad, other.grad)
    torch.testing.assert_close(out, F.relu6(values), equal_nan=True)
