"""`python -m nas table-bench`: figures against ones worked out by hand, any table, no torch."""

from __future__ import annotations

import itertools
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from nas.__main__ import main
from nas.benches.table import Judge, Row, bench, bootstrap_interval, p_below
from nas.errors import SpaceError
from nas.spaces.table import read_table
from nas.strategies import STRATEGIES


def write(path: Path, rows: list[tuple[object, ...]], n_decisions: int, metrics: str = "m_acc,m_ms") -> Path:
    header = ",".join([*(f"d_{index}" for index in range(n_decisions)), metrics])
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


@pytest.fixture
def smooth(tmp_path: Path) -> Path:
    """1,024 architectures with accuracies in 0..1 that add up, and a cost that contradicts them."""
    rows = []
    for choices in itertools.product("abcd", repeat=5):
        values = ["abcd".index(letter) for letter in choices]
        rows.append((*choices, sum((i + 1) * v for i, v in enumerate(values)) / 45, 1 + sum(values)))
    return write(tmp_path / "smooth.csv", rows, 5)


def rows_of(path: Path, minimize: str | None, names: tuple[str, ...], budgets: tuple[int, ...], seeds: int):
    judge = Judge(read_table(path), "m_acc", minimize)
    return list(bench(judge, names, budgets, seeds, processes=1))


def test_seeing_every_architecture_leaves_no_regret_and_the_whole_front(tmp_path: Path) -> None:
    rows = [(a, b, a + b / 10, 5 - a + b) for a in range(4) for b in range(3)]
    path = write(tmp_path / "t.csv", rows, 2)
    for row in rows_of(path, "m_ms", STRATEGIES, (12, 500), 2):
        assert row.mean_regret == 0
        assert row.hypervolume_ratio == pytest.approx(1.0)
        assert row.p_vs_random in (None, 1.0)


def test_regret_and_hypervolume_are_what_one_evaluation_gives_by_hand(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", [(0, 1.0, 1.0), (1, 3.0, 2.0), (2, 0.0, 4.0)], 1)
    judge = Judge(read_table(path), "m_acc", "m_ms")
    outcomes = {
        (round(run.regret, 6), round(run.hypervolume_ratio or 0.0, 6))
        for run in (judge.run("random", 1, seed) for seed in range(40))
    }
    # against the worst (0, 4): the points cover 3 and 6, together 7
    assert outcomes == {(2.0, round(3 / 7, 6)), (0.0, round(6 / 7, 6)), (3.0, 0.0)}


def test_evolution_is_told_apart_from_random_search_and_random_from_itself_is_not(smooth: Path) -> None:
    first, second = rows_of(smooth, None, ("random", "regularized_evolution"), (100,), 30)
    assert (first.strategy, first.p_vs_random, first.hypervolume_ratio) == ("random", None, None)
    assert second.mean_regret < first.mean_regret
    assert second.p_vs_random is not None and second.p_vs_random < 0.01
    assert second.ci95[0] <= second.mean_regret <= second.ci95[1]


def test_random_is_played_for_comparison_but_reported_only_if_asked(smooth: Path) -> None:
    [row] = rows_of(smooth, None, ("regularized_evolution",), (60,), 6)
    assert row.strategy == "regularized_evolution"
    assert row.p_vs_random is not None


def test_processes_change_no_figure(smooth: Path) -> None:
    def figures(rows: list[Row]) -> list[object]:
        return [(row.strategy, row.mean_regret, row.hypervolume_ratio, row.p_vs_random) for row in rows]

    judge = Judge(read_table(smooth), "m_acc", "m_ms")
    names = ("random", "regularized_evolution")
    alone, together = (list(bench(judge, names, (40,), 4, processes=n)) for n in (1, 2))
    assert figures(alone) == figures(together)


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_works_on_gaps_failures_and_uneven_decisions(tmp_path: Path, name: str) -> None:
    rng = random.Random(5)
    rows: list[tuple[object, ...]] = []
    for choices in itertools.product(["x"], ["p", "q"], range(7), ["a", "b", "c"], [8, 16, 32, 64]):
        if rng.random() < 0.6:
            accuracy = "nan" if rng.random() < 0.2 else f"{1e-4 * rng.random():.8f}"
            rows.append((*choices, accuracy, 1e9 * rng.random()))
    path = write(tmp_path / "gaps.csv", rows, 5)
    [row] = [row for row in rows_of(path, "m_ms", (name,), (30,), 3) if row.strategy == name]
    assert 0 <= row.mean_regret <= 1e-4
    assert row.hypervolume_ratio is not None and 0 < row.hypervolume_ratio <= 1


def test_strategies_survive_a_table_on_which_nearly_everything_failed(tmp_path: Path) -> None:
    rows: list[tuple[object, ...]] = [(a, b, "nan", 1) for a in range(6) for b in range(6)]
    rows[17] = (2, 5, 0.5, 1)
    for row in rows_of(write(tmp_path / "t.csv", rows, 2), None, STRATEGIES, (36,), 2):
        assert row.mean_regret == 0


def test_tables_without_a_complete_row_and_unknown_strategies_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", [(0, 1, "nan"), (1, "nan", 1)], 1)
    with pytest.raises(SpaceError, match="no row with all of the asked metrics"):
        Judge(read_table(path), "m_acc", "m_ms")
    with pytest.raises(SpaceError, match="no strategy called 'magic'"):
        rows_of(path, None, ("magic",), (5,), 1)


def test_p_values_follow_the_direction_of_the_difference() -> None:
    low, high = [0.1 * i for i in range(10)], [0.1 * i + 1 + 0.01 * i for i in range(10)]
    assert p_below(low, high) == pytest.approx(2**-10)
    assert p_below(high, low) == pytest.approx(1.0)
    assert p_below(low, low) == 1.0


def test_bootstrap_interval_holds_the_mean_and_shrinks_to_a_single_value() -> None:
    low, high = bootstrap_interval([0.0, 1.0, 0.0, 1.0, 0.5, 0.5] * 5)
    assert 0.3 < low < 0.5 < high < 0.7
    assert bootstrap_interval([2.0]) == (2.0, 2.0)


def test_command_line_writes_the_same_rows_as_json(
    smooth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "deep" / "out.json"
    words = ["table-bench", str(smooth), "--maximize", "m_acc", "--minimize", "m_ms", "--seeds", "2"]
    assert (
        main(
            [
                *words,
                "--strategies",
                "random,regularized_evolution",
                "--evaluations",
                "5,9",
                "--json",
                str(out),
            ]
        )
        == 0
    )
    rows = json.loads(out.read_text())
    assert [(row["strategy"], row["evaluations"]) for row in rows] == [
        (name, n) for n in (5, 9) for name in ("random", "regularized_evolution")
    ]
    keys = "strategy evaluations seeds mean_regret ci95 hypervolume_ratio p_vs_random seconds"
    assert all(set(row) == set(keys.split()) for row in rows)
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 5
    assert printed[1].split()[0] == "random"


def test_figure_is_drawn_with_and_without_a_second_objective(smooth: Path, tmp_path: Path) -> None:
    words = ["table-bench", str(smooth), "--maximize", "m_acc", "--strategies", "random", "--seeds", "1"]
    for second in ([], ["--minimize", "m_ms"]):
        out = tmp_path / f"{len(second)}" / "figure.svg"
        assert main([*words, *second, "--evaluations", "5,9", "--figure", str(out)]) == 0
        assert 1_000 < out.stat().st_size < 100_000
        assert "<svg" in out.read_text()


def test_command_line_says_what_is_wrong_in_a_sentence(
    smooth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["table-bench", str(smooth), "--seeds", "2", "--maximize"]
    assert main([*words, "m_none"]) == 1
    assert "no metric 'm_none'" in " ".join(capsys.readouterr().err.split())
    assert main([*words, "m_acc", "--strategies", "magic"]) == 1
    assert "no strategy called 'magic'" in " ".join(capsys.readouterr().err.split())
    for wrong in ("0", "x", "10,"):
        with pytest.raises(SystemExit):
            main([*words, "m_acc", "--evaluations", wrong])


def test_torch_is_never_loaded(smooth: Path) -> None:
    program = (
        "import sys; from nas.__main__ import main\n"
        f"words = ['table-bench', {str(smooth)!r}, '--maximize', 'm_acc', '--evaluations', '8']\n"
        "assert main([*words, '--seeds', '1']) == 0\n"
        "print([name for name in ('torch', 'timm', 'onnxruntime', 'django') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
