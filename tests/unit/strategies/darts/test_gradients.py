"""Gradients against problems that can be solved by hand."""

from __future__ import annotations

import pytest
import torch

from nas.strategies.darts.gradients import largest_eigenvalue, unrolled_gradient


def quadratic(momentum: float = 0.0, weight_decay: float = 0.0) -> tuple[list[torch.Tensor], torch.Tensor]:
    """L_train = |w - A alpha|^2 / 2 and L_val = |w - b|^2 / 2 + c alpha: all derivatives are known."""
    torch.manual_seed(0)
    a, b, c = (torch.randn(*shape, dtype=torch.float64) for shape in ((3, 2), (3,), (2,)))
    w = torch.randn(3, dtype=torch.float64, requires_grad=True)
    alpha = torch.randn(2, dtype=torch.float64, requires_grad=True)
    buffer = torch.randn(3, dtype=torch.float64)
    rate, before = 0.1, w.detach().clone()
    found = unrolled_gradient(
        lambda: (w - a @ alpha).square().sum() / 2,
        lambda: (w - b).square().sum() / 2 + c @ alpha,
        [w],
        [alpha],
        rate=rate,
        momentum=[buffer],
        momentum_factor=momentum,
        weight_decay=weight_decay,
    )
    assert torch.equal(w.detach(), before)
    step = momentum * buffer + before - a @ alpha.detach() + weight_decay * before
    moved = before - rate * step
    expected = c + rate * a.T @ (moved - b)  # dw'/dalpha = rate * A
    return found, expected


def test_the_second_order_gradient_is_that_of_the_unrolled_step() -> None:
    found, expected = quadratic()
    torch.testing.assert_close(found[0], expected, rtol=1e-8, atol=1e-8)


def test_the_virtual_step_is_the_one_of_the_optimiser() -> None:
    found, expected = quadratic(momentum=0.9, weight_decay=0.3)
    torch.testing.assert_close(found[0], expected, rtol=1e-8, atol=1e-8)


def test_the_second_order_gradient_agrees_with_differentiating_the_step_itself() -> None:
    torch.manual_seed(1)
    x, y = torch.randn(2, 5, 3, dtype=torch.float64), torch.randn(2, 5, dtype=torch.float64)
    w = torch.randn(3, dtype=torch.float64, requires_grad=True)
    alpha = torch.randn(2, dtype=torch.float64, requires_grad=True)

    def loss(weights: torch.Tensor, part: int) -> torch.Tensor:
        mixture = alpha.softmax(0)
        z = x[part] @ weights
        return (mixture[0] * z + mixture[1] * torch.tanh(z) - y[part]).square().mean()

    (inner,) = torch.autograd.grad(loss(w, 0), w, create_graph=True)
    (exact,) = torch.autograd.grad(loss(w - 0.05 * inner, 1), alpha)
    (found,) = unrolled_gradient(lambda: loss(w, 0), lambda: loss(w, 1), [w], [alpha], rate=0.05)
    (first_order,) = torch.autograd.grad(loss(w, 1), alpha)
    torch.testing.assert_close(found, exact, rtol=1e-3, atol=1e-5)
    assert (first_order - exact).abs().max() > 10 * (found - exact).abs().max()


@pytest.mark.parametrize("steps", [7, 30])
def test_the_eigenvalue_is_that_of_the_exact_hessian(steps: int) -> None:
    torch.manual_seed(2)
    a, b = torch.randn(4, dtype=torch.float64), torch.randn(3, dtype=torch.float64)
    parameters = [a.requires_grad_(), b.requires_grad_()]

    def loss(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return (first.sum() * second).sin().sum() + first.square().square().sum() + (second**3).sum()

    blocks = torch.autograd.functional.hessian(loss, (a, b))
    exact = torch.cat([torch.cat(list(row), dim=1) for row in blocks])
    found = largest_eigenvalue(loss(*parameters), parameters, steps=steps)
    assert found == pytest.approx(float(torch.linalg.eigvalsh(exact)[-1]), rel=1e-6)


def test_few_steps_come_near_from_below() -> None:
    values = torch.cat([torch.linspace(-1, 1, 99), torch.tensor([8.0])]).double()
    turn = torch.linalg.qr(torch.randn(100, 100, generator=torch.Generator().manual_seed(0)).double()).Q
    hessian = turn @ values.diag() @ turn.T
    x = torch.zeros(100, dtype=torch.float64, requires_grad=True)
    found = largest_eigenvalue(x @ hessian @ x / 2, [x], steps=5)
    assert 7.9 < found <= 8.0 + 1e-9
