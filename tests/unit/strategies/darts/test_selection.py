from __future__ import annotations

import pytest
import torch

from nas.cells import DARTS, NASBENCH201, Edge, count_skips
from nas.errors import SpaceError
from nas.networks.mixed import MixedNetwork
from nas.strategies.darts.options import DartsOptions
from nas.strategies.darts.search import growth_epoch
from nas.strategies.darts.selection import by_alphas, by_perturbation


def test_the_strongest_operation_wins_and_none_never_does() -> None:
    weights = torch.full((6, 5), 0.05)
    weights[:, 0] = 0.5  # none
    for edge, operation in enumerate([1, 2, 3, 4, 1, 3]):
        weights[edge, operation] = 0.3
    edges = by_alphas(NASBENCH201, {"normal": weights})["normal"]
    assert [NASBENCH201.operations.index(edge.op) for edge in edges] == [1, 2, 3, 4, 1, 3]
    assert [(edge.source, edge.target) for edge in edges] == list(NASBENCH201.pairs)
    assert count_skips(edges) == 2


def test_a_node_of_the_darts_cell_keeps_its_two_strongest_edges() -> None:
    weights = torch.full((14, 8), 0.1)
    strong = {(0, 3): 5, (2, 3): 4, (1, 5): 1, (4, 5): 7}
    for pair, operation in strong.items():
        weights[DARTS.pairs.index(pair), operation] = 0.6
    edges = by_alphas(DARTS, {"normal": weights, "reduction": weights})["reduction"]
    assert len(edges) == 8
    for pair, operation in strong.items():
        assert Edge(*pair, DARTS.operations[operation]) in edges


def rigged(name: str, values: dict[str, list[list[float]]]) -> tuple[MixedNetwork, list[int]]:
    """A network and a judge whose accuracy is a known sum over the operations that are still allowed."""
    network = MixedNetwork(name, 4, 1, 3)
    tables = {kind: torch.tensor(table) for kind, table in values.items()}
    tuned: list[int] = []

    def judge() -> tuple[float, float]:
        return sum(float((network.mixture()[k].detach() * tables[k]).sum()) for k in tables), 0.0

    network.judge = judge  # type: ignore[assignment]
    return network, tuned


def test_perturbation_keeps_what_hurts_most_when_it_is_gone() -> None:
    torch.manual_seed(0)
    worth = [[9.0 if op == wanted else float(op) for op in range(5)] for wanted in (1, 2, 3, 4, 2, 1)]
    network, tuned = rigged("nasbench201", {"normal": worth})
    with torch.no_grad():
        network.alphas["normal"][:, 3] += 1  # the largest alpha is another one
    cells = by_perturbation(network, network.judge, tuned.append, seed=0)  # type: ignore[arg-type]
    assert [NASBENCH201.operations.index(edge.op) for edge in cells["normal"]] == [1, 2, 3, 4, 2, 1]
    assert tuned == list(range(6))
    assert network.mixture()["normal"].max(dim=1).values.tolist() == [1.0] * 6


def test_perturbation_keeps_the_two_edges_of_a_node_that_matter() -> None:
    torch.manual_seed(0)
    worth = [[0.0] + [1.0 + source + (op == 4) for op in range(7)] for source, _ in DARTS.pairs]
    network, tuned = rigged("darts", {"normal": worth, "reduction": worth})
    cells = by_perturbation(network, network.judge, tuned.append, seed=1)  # type: ignore[arg-type]
    for edges in cells.values():
        assert [(edge.source, edge.target) for edge in edges] == [
            (0, 2), (1, 2), (1, 3), (2, 3), (2, 4), (3, 4), (3, 5), (4, 5),
        ]  # fmt: skip
        assert {DARTS.operations.index(edge.op) for edge in edges} == {5}


def test_a_growing_eigenvalue_ends_a_search_and_a_steady_one_does_not() -> None:
    watch = {"first": 0, "window": 5, "distance": 4, "factor": 1.3}
    assert growth_epoch([1.0] * 30, **watch) is None
    assert growth_epoch([1.0] * 20 + [3.0], **watch) == 20  # mean 1.4 against 1.0
    assert growth_epoch([1.0] * 20 + [2.0], **watch) is None
    assert growth_epoch([1.0] * 9 + [9.0], **watch) is None  # before epoch 10
    slowly = [1.05**epoch for epoch in range(30)]
    assert growth_epoch(slowly, **watch) is None
    faster = [1.08**epoch for epoch in range(30)]
    assert growth_epoch(faster, **watch) == 29


def test_epochs_with_frozen_alphas_do_not_count() -> None:
    values = [0.1] * 15 + [1.0] * 9
    assert growth_epoch(values[:-1], first=15, window=5, distance=4, factor=1.3) is None
    assert growth_epoch(values, first=15, window=5, distance=4, factor=1.3) is None
    earlier = values[:20]
    assert growth_epoch(earlier, first=15, window=5, distance=4, factor=1.3) is None
    assert growth_epoch(earlier, first=0, window=5, distance=4, factor=1.3) == 19


def test_the_two_forms_differ_in_the_remedies_only() -> None:
    plain, fixed = DartsOptions.plain(epochs=20), DartsOptions.fixed(epochs=20)
    differing = {key for key, value in vars(plain).items() if vars(fixed)[key] != value}
    assert differing == {
        "share", "frozen_epochs", "alpha_rate", "auxiliary_skip", "eigenvalue_stop", "selection",
    }  # fmt: skip
    assert fixed.frozen_epochs == 6 and plain.alpha_rate == 3e-4


@pytest.mark.parametrize(
    "wrong", [{"share": 3}, {"template": "x"}, {"epochs": 0}, {"eigenvalue_stop": True, "hessian_images": 0}]
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(SpaceError):
        DartsOptions(**wrong)  # type: ignore[arg-type]
