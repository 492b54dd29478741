from __future__ import annotations

import itertools
import random

import pytest

from nas.architecture import CellArchitecture
from nas.cells import DARTS, NASBENCH201, Edge, benchmark_form, cell_text, graph_form, live_edges
from nas.errors import SpaceError
from nas.spaces import make_space
from nas.spaces.base import SearchSpace
from nas.spaces.cells import CellSpace, DartsCellSpace, NasBench201Space
from tests.unit.spaces.contract import SpaceContract

EVERY_CELL = list(itertools.product(NASBENCH201.operations, repeat=6))


class TestNasBench201Space(SpaceContract):
    def make(self) -> SearchSpace:
        return make_space("nasbench201", max_resolution=48)


class TestDartsCellSpace(SpaceContract):
    def make(self) -> SearchSpace:
        return make_space("cell", max_resolution=100)


def nasbench(*operations: str) -> tuple[int, ...]:
    names = {"0": "none", "s": "skip_connect", "1": "nor_conv_1x1", "3": "nor_conv_3x3", "p": "avg_pool_3x3"}
    return tuple(NASBENCH201.operations.index(names[each]) for each in operations)


def test_the_benchmark_counts_its_cells_as_published() -> None:
    assert len(EVERY_CELL) == 15_625
    assert len({benchmark_form(cell, zeros=False) for cell in EVERY_CELL}) == 12_751
    assert len({benchmark_form(cell) for cell in EVERY_CELL}) == 6_466


def test_our_forms_only_merge_what_the_benchmark_holds_apart() -> None:
    by_benchmark: dict[str, set[str]] = {}
    for cell in EVERY_CELL:
        by_benchmark.setdefault(benchmark_form(cell), set()).add(graph_form(cell))
    assert all(len(ours) == 1 for ours in by_benchmark.values())
    assert len(set().union(*by_benchmark.values())) == 4_930


def test_a_walk_visits_each_different_cell_once() -> None:
    space = NasBench201Space(resolutions=(32,))
    cells = [space.decode(choices) for choices in space.walk()]
    assert len(cells) == len(set(cells)) == 4_930


def test_a_skip_is_the_node_it_comes_from() -> None:
    space = NasBench201Space(resolutions=(32,))
    through_node_1 = nasbench("s", "0", "0", "0", "3", "0")  # 0 -skip-> 1 -conv-> 3
    direct = nasbench("0", "0", "0", "3", "0", "0")  # 0 -conv-> 3
    twice = nasbench("s", "0", "0", "3", "3", "0")  # the sum of two convolutions is another network
    assert space.canonical(through_node_1) == space.canonical(direct) != space.canonical(twice)


def test_edges_that_carry_nothing_cost_nothing() -> None:
    space = NasBench201Space(resolutions=(32,))
    from_nowhere = nasbench("0", "0", "3", "1", "3", "3")  # nodes 1 and 2 are zero
    to_nowhere = nasbench("3", "3", "3", "1", "0", "0")  # nothing leaves nodes 1 and 2
    expected = (Edge(0, 3, "nor_conv_1x1"),)
    assert space.decode(from_nowhere).normal == space.decode(to_nowhere).normal == expected


def test_swapped_inputs_of_a_node_are_the_same_cell() -> None:
    space, rng = DartsCellSpace(resolutions=(32,)), random.Random(3)
    for _ in range(50):
        choices = space.sample(rng)
        swapped = list(choices)
        for start in range(0, len(swapped), 4):
            swapped[start : start + 4] = [*choices[start + 2 : start + 4], *choices[start : start + 2]]
        assert space.canonical(tuple(swapped)) == space.canonical(choices)
        assert space.decode(tuple(swapped)) == space.decode(choices)


def test_the_input_of_a_none_edge_does_not_matter() -> None:
    space = DartsCellSpace(resolutions=(32,))
    choices = list(space.sample(random.Random(1)))
    choices[13] = DARTS.operations.index("none")  # node 5 of the normal cell, its first operation
    forms = set()
    for source in range(5):
        choices[12] = source
        forms.add(space.canonical(tuple(choices)))
    assert len(forms) == 1


def test_all_nodes_of_a_darts_cell_reach_its_output() -> None:
    edges = [Edge(0, 2, "sep_conv_3x3"), Edge(1, 3, "skip_connect"), Edge(4, 5, "sep_conv_3x3")]
    assert live_edges(DARTS, edges) == tuple(edges[:2])  # nothing enters node 4


def test_a_cell_is_written_as_its_authors_write_it() -> None:
    edges = [Edge(0, 1, "nor_conv_3x3"), Edge(1, 2, "skip_connect"), Edge(0, 3, "avg_pool_3x3")]
    assert cell_text(NASBENCH201, [*edges, Edge(2, 3, "nor_conv_3x3")]) == (
        "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|none~1|nor_conv_3x3~2|"
    )


@pytest.mark.parametrize("space", [NasBench201Space, DartsCellSpace])
def test_what_cannot_be_built_is_refused(space: type[NasBench201Space] | type[DartsCellSpace]) -> None:
    for wrong in ({"resolutions": ()}, {"resolutions": (8,)}, {"resolutions": (33,)}, {"channels": 0}):
        with pytest.raises(SpaceError, match="needs at least one"):
            space(**wrong)


@pytest.mark.parametrize("name", ["nasbench201", "cell"])
def test_a_derived_cell_has_the_choices_that_decode_to_it(name: str) -> None:
    space, rng = make_space(name, max_resolution=64), random.Random(5)
    assert isinstance(space, CellSpace)
    for _ in range(20):
        choices = space.canonical(space.sample(rng))
        assert space.encode(space.decode(choices)) == choices


def test_a_cell_of_another_family_or_side_is_refused() -> None:
    cell = DartsCellSpace(resolutions=(32,)).decode((0,) * 32)
    for space in (NasBench201Space(resolutions=(32,)), DartsCellSpace(resolutions=(48,))):
        with pytest.raises(SpaceError, match="holds no such cell"):
            space.encode(cell)


def test_small_images_are_not_enlarged_far() -> None:
    assert NasBench201Space(max_resolution=28).resolutions == (32,)
    assert NasBench201Space(max_resolution=224).resolutions == (32, 48, 64)
    sample = make_space("cell", max_resolution=28)
    assert isinstance(sample.decode(sample.sample(random.Random(0))), CellArchitecture)
