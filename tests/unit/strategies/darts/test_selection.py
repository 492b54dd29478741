from __future__ import annotations

import pytest
import torch

from nas.cells import DARTS, NASBENCH201, Edge, count_skips
from nas.errors import SpaceError
from nas.networks.mixed import MixedNetwork
from nas.strategies.darts.options import DartsOptions
from nas.strategies.darts.search import growth_epoch
from nas.strategies.darts.selection import by_alphas, by_masks, reopen_skips, settle


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


def test_of_too_many_skips_the_strongest_stay() -> None:
    weights = torch.full((6, 5), 0.1)
    weights[:, 1] = torch.tensor([0.5, 0.3, 0.6, 0.4, 0.2, 0.05])
    weights[:, 3] = 0.15
    cells = by_alphas(NASBENCH201, {"normal": weights}, most_skips=2)
    assert [NASBENCH201.operations.index(edge.op) for edge in cells["normal"]] == [1, 3, 1, 3, 3, 3]
    assert weights[1, 1] == pytest.approx(0.3)  # what was handed over is as it was


def test_the_factor_of_an_edge_counts_where_a_node_chooses() -> None:
    weights = torch.full((14, 8), 0.1)
    factors = torch.full((14,), 0.25)
    factors[DARTS.pairs.index((3, 5))] = factors[DARTS.pairs.index((4, 5))] = 0.5
    edges = by_alphas(DARTS, {"normal": weights}, {"normal": factors})["normal"]
    assert [edge.source for edge in edges if edge.target == 5] == [3, 4]


class Rigged:
    """A network, and a judge whose accuracy is a known sum over the operations that are in the mixture."""

    def __init__(self, name: str, values: dict[str, list[list[float]]]) -> None:
        torch.manual_seed(0)
        self.network = MixedNetwork(name, 4, 1, 3)
        self.tables = {kind: torch.tensor(table) for kind, table in values.items()}
        self.tuned: list[int] = []

    def judge(self) -> tuple[float, float]:
        mixture = {
            kind: w.detach() * self.network.present(kind) for kind, w in self.network.mixture().items()
        }
        return sum(float((mixture[kind] * table).sum()) for kind, table in self.tables.items()), 0.0

    def settle(self, seed: int = 0) -> None:
        settle(self.network, self.judge, self.tuned.append, seed=seed)

    def operations(self) -> list[int]:
        return [int(row.int().argmax()) for row in self.network.allowed("normal")]


def wanting(*operations: int) -> list[list[float]]:
    return [[9.0 if op == wanted else float(op) for op in range(5)] for wanted in operations]


def test_perturbation_keeps_what_hurts_most_when_it_is_gone() -> None:
    rigged = Rigged("nasbench201", {"normal": wanting(1, 2, 3, 4, 2, 1)})
    rigged.settle()
    cells = by_masks(rigged.network, rigged.judge)
    assert [NASBENCH201.operations.index(edge.op) for edge in cells["normal"]] == [1, 2, 3, 4, 2, 1]
    assert rigged.tuned == list(range(6))
    assert rigged.network.mixture()["normal"].max(dim=1).values.tolist() == [1.0] * 6
    assert rigged.network.present("normal").all()


def test_what_is_removed_leaves_its_weight_to_nobody() -> None:
    """With the weight handed on, removing what is bad would count for the good that grows in its place."""
    rigged = Rigged("nasbench201", {"normal": [[0.0, -10.0, 1.0, 0.0, 0.0]] * 6})
    rigged.settle()
    assert rigged.operations() == [2] * 6


def test_a_selection_goes_on_with_the_edges_that_are_not_settled() -> None:
    whole = Rigged("nasbench201", {"normal": wanting(1, 2, 3, 4, 2, 1)})
    whole.settle()
    rigged = Rigged("nasbench201", {"normal": wanting(1, 2, 3, 4, 2, 1)})
    with pytest.raises(KeyboardInterrupt):
        settle(rigged.network, rigged.judge, lambda number: stop_at(3, number, rigged.tuned), seed=0)
    rigged.settle()
    assert rigged.tuned == whole.tuned == list(range(6))
    assert rigged.operations() == whole.operations()


def stop_at(last: int, number: int, tuned: list[int]) -> None:
    if number == last:
        raise KeyboardInterrupt
    tuned.append(number)


def test_the_skips_that_matter_most_stay_and_the_others_become_something_else() -> None:
    worth = wanting(1, 1, 1, 1, 3, 1)
    for edge, value in ((0, 20.0), (3, 30.0)):
        worth[edge][1] = value
    rigged = Rigged("nasbench201", {"normal": worth})
    rigged.settle()
    assert rigged.operations() == [1, 1, 1, 1, 3, 1]
    reopen_skips(rigged.network, rigged.judge, 2)
    assert not rigged.network.mixture()["normal"][[1, 2, 5], 1].any()
    rigged.settle()
    assert rigged.operations() == [1, 4, 4, 1, 3, 4]
    reopen_skips(rigged.network, rigged.judge, 2)  # nothing is left to take
    assert rigged.operations() == [1, 4, 4, 1, 3, 4]


def test_perturbation_keeps_the_two_edges_of_a_node_that_matter() -> None:
    worth = [[0.0] + [1.0 + source + (op == 4) for op in range(7)] for source, _ in DARTS.pairs]
    rigged = Rigged("darts", {"normal": worth, "reduction": worth})
    rigged.settle(seed=1)
    for edges in by_masks(rigged.network, rigged.judge).values():
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
        "share", "edge_normalisation", "frozen_epochs", "alpha_rate",
        "auxiliary_skip", "eigenvalue_stop", "selection",
    }  # fmt: skip
    assert fixed.frozen_epochs == 6 and plain.alpha_rate == 3e-4
    limited = DartsOptions.limited(epochs=20)
    assert {key for key, value in vars(fixed).items() if vars(limited)[key] != value} == {"most_skips"}


def test_equal_texts_are_equal_settings() -> None:
    assert DartsOptions(epochs=50).text() == DartsOptions().text() == "[]"
    assert DartsOptions(epochs=49).text() != DartsOptions(epochs=48).text()


@pytest.mark.parametrize(
    "wrong",
    [
        {"share": 3},
        {"template": "x"},
        {"epochs": 0},
        {"eigenvalue_stop": True, "hessian_images": 0},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(SpaceError):
        DartsOptions(**wrong)  # type: ignore[arg-type]
