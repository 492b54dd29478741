"""The cell computed node by node against the same cell computed edge by edge."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from nas.networks.mixed import MixedNetwork


@pytest.fixture(autouse=True)
def _exactly() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def network(**remedies: object) -> MixedNetwork:
    torch.manual_seed(0)
    made = MixedNetwork("nasbench201", 4, 1, 3, **remedies)  # type: ignore[arg-type]
    if remedies.get("auxiliary"):
        made.get_buffer("beta").fill_(0.7)
    with torch.no_grad():
        for parameter in (*made.alphas.values(), *made.betas.values()):
            parameter.normal_()
    return made


def computed(made: MixedNetwork, *, fuses: bool) -> list[torch.Tensor]:
    """Returns the outputs and the gradients of all parameters."""
    bodies = [module for module in made.modules() if hasattr(module, "fuses")]
    assert len(bodies) == 3
    for body in bodies:
        body.fuses = fuses  # type: ignore[assignment]
    made.zero_grad()
    x = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    logits = made(x)
    logits.square().sum().backward()
    zero = torch.zeros(())
    return [logits.detach(), *(zero if p.grad is None else p.grad.clone() for p in made.parameters())]


def assert_equal(made: MixedNetwork) -> None:
    for fused, apart in zip(computed(made, fuses=True), computed(made, fuses=False), strict=True):
        torch.testing.assert_close(fused, apart.expand_as(fused), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    "remedies",
    [
        {},
        {"auxiliary": True},
        {"edge_normalisation": True},
        {"share": 2, "auxiliary": True, "edge_normalisation": True},
    ],
)
def test_all_operations_at_once_are_the_sum_edge_by_edge(remedies: dict[str, object]) -> None:
    assert_equal(network(**remedies))


def test_settled_and_emptied_edges_are_the_sum_edge_by_edge() -> None:
    made = network(share=2)
    for edge, operation in enumerate((0, 1, 2, 3, 4)):
        made.allowed("normal")[edge] = torch.arange(5) == operation
    made.present("normal")[5, 3] = False
    assert_equal(made)


def test_a_cell_of_zeros_is_zero() -> None:
    made = network()
    made.allowed("normal")[:] = torch.arange(5) == 0
    assert_equal(made)
    assert not computed(made, fuses=True)[0].std(dim=0).any()  # no image reaches the classifier
