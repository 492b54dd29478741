from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from nas.errors import ExportError
from nas.quantise.layers import Layer, Range

# No subnormal ones: hypothesis refuses them once the process flushes them, as sessions of ONNX Runtime do.
FINITE = st.floats(-100, 100, allow_nan=False, allow_subnormal=False, width=32)


def layer(weight: Tensor) -> Layer:
    return Layer(weight, torch.zeros(len(weight)))


@given(FINITE, FINITE)
@settings(max_examples=60, deadline=None)
def test_every_range_holds_zero_exactly_and_its_ends_to_half_a_step(low: float, high: float) -> None:
    given_range = Range()
    given_range.set(min(low, high), max(low, high))
    assert 0 <= given_range.zero_point <= 255
    ends = torch.tensor([0.0, given_range.low, given_range.high])
    rounded = given_range(ends)
    assert rounded[0] == 0.0
    assert (rounded - ends).abs().max() <= given_range.scale * 0.501


def test_a_range_rounds_to_its_levels_and_clips() -> None:
    given_range = Range()
    given_range.set(0.0, 6.0)
    given_range.bits = 4
    x = torch.linspace(-3, 9, 1000)
    rounded = given_range(x)
    assert len(rounded.unique()) == 16
    assert (float(rounded.min()), float(rounded.max())) == pytest.approx((0.0, 6.0))


def test_gradients_go_straight_through_inside_the_range_only() -> None:
    given_range = Range()
    given_range.set(0.0, 1.0)
    x = torch.tensor([-0.5, 0.3, 1.5], requires_grad=True)
    given_range(x).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0.0, 1.0, 0.0]


def test_sixteen_bits_take_the_whole_observed_range() -> None:
    given_range = Range()
    given_range.set(0.0, 1.0)
    given_range.observed = (0.0, 5.0)
    given_range.bits = 16
    assert float(given_range(torch.tensor(4.0))) == pytest.approx(4.0, abs=1e-4)


@pytest.mark.parametrize("bits", [2, 4, 7, 8])
def test_weights_lie_on_a_symmetric_grid_of_each_channel(bits: int) -> None:
    torch.manual_seed(0)
    made = layer(torch.randn(5, 16, 3, 3) * torch.tensor([0.01, 1, 3, 10, 100]).view(-1, 1, 1, 1))
    made.fit(bits)
    integers = made.rounded_weight() / made.scale.view(-1, 1, 1, 1)
    torch.testing.assert_close(integers, integers.round(), rtol=0, atol=1e-3)
    assert integers.abs().max() <= 2 ** (bits - 1) - 1 + 1e-3
    # each channel has its own scale, so the small one keeps its precision
    error = (made.rounded_weight() - made.weight).flatten(1).norm(dim=1) / made.weight.flatten(1).norm(dim=1)
    assert error.max() < 2.5 * error.min()


def test_fitted_scales_lose_less_than_those_of_the_largest_weight() -> None:
    torch.manual_seed(0)
    made = layer(torch.randn(8, 32, 3, 3))
    made.fit(3)
    fitted = (made.rounded_weight() - made.weight).square().flatten(1).sum(dim=1)
    made.scale.copy_(made.weight.detach().flatten(1).abs().amax(dim=1) / made.levels)
    widest = (made.rounded_weight() - made.weight).square().flatten(1).sum(dim=1)
    assert (fitted <= widest + 1e-6).all()
    assert fitted.sum() < 0.8 * widest.sum()


def test_the_bias_of_a_dead_channel_fits_into_32_bits() -> None:
    made = Layer(torch.zeros(2, 1, 1, 1), torch.tensor([3.0, 0.0]))
    made.fit(8)
    made.make_room_for_bias(0.02)
    integers = made.rounded_bias(0.02) / (made.scale * 0.02)
    assert integers.abs().max() < 2**31
    torch.testing.assert_close(made.rounded_bias(0.02), made.bias, rtol=1e-6, atol=0)


def test_a_width_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ExportError, match="9 bits cannot be simulated"):
        layer(torch.ones(1, 1, 1, 1)).fit(9)
