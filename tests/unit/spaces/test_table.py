from __future__ import annotations

import itertools
import random
from collections import Counter
from pathlib import Path

import pytest

from nas.errors import DataError, EvaluationError, SpaceError
from nas.evaluators.table import TableEvaluator
from nas.objectives import Objective
from nas.spaces.table import Table, TableSpace, read_table

GOOD = "d_op,d_k,m_acc,m_ms\nconv,3,0.5,1\nconv,5,0.6,2\npool,3,0.7,3\npool,5,0.8,4\n"


def table(tmp_path: Path, text: str | bytes) -> Table:
    path = tmp_path / "t.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_table(path)


def space_of(tmp_path: Path, text: str) -> TableSpace:
    return TableSpace(table(tmp_path, text))


def evaluator_of(tmp_path: Path, text: str, *names: str) -> tuple[TableSpace, TableEvaluator]:
    read = table(tmp_path, text)
    space = TableSpace(read)
    return space, TableEvaluator(read, space, [Objective(name, maximize=True) for name in names])


def test_any_categorical_value_becomes_a_choice_and_numbers_keep_their_order(tmp_path: Path) -> None:
    space = space_of(tmp_path, "d_a,d_b,note,m_x\n10,é,n,1\n9,,n,2\nbig,é,n,3\n")
    assert [one.name for one in space.decisions] == ["a", "b"]
    assert [one.choices for one in space.decisions] == [("9", "10", "big"), ("", "é")]
    assert space.size() == 3


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_delimiters_and_a_byte_order_mark_are_read(tmp_path: Path, delimiter: str) -> None:
    read = table(tmp_path, b"\xef\xbb\xbf" + GOOD.replace(",", delimiter).replace("\n", "\r\n\r\n").encode())
    assert (read.decisions, read.metrics, len(read.rows)) == (("op", "k"), ("m_acc", "m_ms"), 4)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "needs a header"),
        ("a,b\n1,2\n", "needs a header"),
        ("d_a,b\n1,2\n", "needs a header"),
        ("d_a,m_x\n", "no rows"),
        ("d_a,d_a,m_x\n1,2,3\n", "two columns called d_a"),
        ("d_a,m_x\n1,2\n1,2,3\n", "line 3 has 3 cells and the header 2"),
        (b"d_a,m_x\n\xff\xfe,2\n", "no CSV text"),
        (b"d_a,m_x\n\x00,2\n" + b'"' + b"x" * 200_000, "no CSV text"),
    ],
)
def test_bad_tables_are_refused_in_a_sentence(tmp_path: Path, text: str | bytes, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        table(tmp_path, text)


def test_missing_files_and_directories_are_refused_in_a_sentence(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(DataError, match="cannot be read"):
            read_table(path)


def test_metrics_that_are_missing_or_no_numbers_are_refused_with_their_place(tmp_path: Path) -> None:
    read = table(tmp_path, "d_a,m_x,m_word,m_empty\n1,2,good,\n2,3,bad,nan\n")
    with pytest.raises(DataError, match=r"no metric 'm_y'; its metrics are m_x, m_word, m_empty"):
        read.values("m_y")
    with pytest.raises(DataError, match=r"line 2, column m_word: 'good' is no number"):
        read.values("m_word")
    with pytest.raises(DataError, match="no number in the column m_empty"):
        read.values("m_empty")
    assert list(read.values("m_x").values()) == [2.0, 3.0]


def test_a_table_of_one_architecture_has_nothing_to_search(tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match="nothing to search"):
        space_of(tmp_path, "d_a,m_x\n1,2\n1,3\n")


def test_constant_columns_are_no_decisions(tmp_path: Path) -> None:
    space, evaluator = evaluator_of(tmp_path, "d_c,d_a,m_x\nq,1,5\nq,2,6\n", "m_x")
    assert [one.name for one in space.decisions] == ["a"]
    assert [evaluator.evaluate((index,)) for index in (0, 1)] == [{"m_x": 5.0}, {"m_x": 6.0}]


def test_repeated_rows_are_repetitions_whose_mean_counts(tmp_path: Path) -> None:
    space, evaluator = evaluator_of(tmp_path, "d_a,m_x\n1,2\n2,9\n1,4\n1,nan\n", "m_x")
    assert space.size() == 2
    assert evaluator.evaluate((0,)) == {"m_x": 3.0}


def test_cells_without_a_finite_number_are_failed_evaluations(tmp_path: Path) -> None:
    _, evaluator = evaluator_of(tmp_path, "d_a,m_x,m_y\n1,2,1\n2,NaN,1\n3,3,\n4,inf,1\n", "m_x", "m_y")
    assert evaluator.evaluate((0,)) == {"m_x": 2.0, "m_y": 1.0}
    for index in (1, 2, 3):
        with pytest.raises(EvaluationError):
            evaluator.evaluate((index,))
    assert evaluator.finite() == [(2.0, 1.0)]


def test_samples_and_mutations_of_a_table_with_gaps_always_have_a_row(tmp_path: Path) -> None:
    held = [(a, b, c) for a, b, c in itertools.product(range(4), repeat=3) if (a + b + c) % 3 != 1]
    space = space_of(tmp_path, "d_a,d_b,d_c,m_x\n" + "".join(f"{a},{b},{c},1\n" for a, b, c in held))
    rng = random.Random(0)
    reached = Counter(space.sample(rng) for _ in range(4000))
    assert set(reached) == set(held) == set(space.walk())
    assert min(reached.values()) > 4000 / len(held) / 2
    for _ in range(500):
        parent = space.sample(rng)
        child = space.mutate(parent, rng)
        assert space.holds(child)
        assert sum(x != y for x, y in zip(parent, child, strict=True)) == 1


def test_mutation_of_a_row_without_neighbours_jumps_to_another_row(tmp_path: Path) -> None:
    space = space_of(tmp_path, "d_a,d_b,m_x\n1,1,1\n2,2,1\n3,3,1\n")
    assert {space.mutate((0, 0), random.Random(seed)) for seed in range(30)} == {(0, 0), (1, 1), (2, 2)}


def test_rows_cannot_be_built(tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match="cannot be built"):
        space_of(tmp_path, GOOD).decode((0, 0))
