"""Figures of the benches with real trainings against ones worked out by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from nas.__main__ import main
from nas.benches.cells import compare
from nas.benches.contest import Contest, refuse_other_settings
from nas.benches.strategies import curve, summarise, summary_line, t_interval
from nas.errors import DataError
from nas.files import append_json_line, read_json_lines


def run(strategy: str, seed: int, anew: float) -> dict[str, object]:
    return {
        "strategy": strategy,
        "seed": seed,
        "evaluated": 9,
        "best_reward": anew + 0.1,
        "anew_reward": anew,
    }


def test_gain_is_of_equal_seeds_with_a_t_interval() -> None:
    runs = [run("random", 0, 0.1), run("random", 1, 0.5), run("random", 2, 0.9)]
    runs += [run("reinforce", 0, 0.2), run("reinforce", 1, 0.6), run("reinforce", 2, 1.3)]
    summary = summarise("reinforce", runs)
    assert summary["anew_reward_gain"] == pytest.approx(0.2)
    # Gains 0.1, 0.1, 0.4: spread sqrt(0.03), half width 4.3027 * sqrt(0.03 / 3).
    low, high = summary["anew_reward_gain_ci95"]
    assert (low, high) == pytest.approx((0.2 - 0.43027, 0.2 + 0.43027), abs=1e-4)
    assert "indistinguishable" in summary_line("reinforce", summary)


@pytest.mark.parametrize(("shift", "word"), [(0.2, ": better"), (-0.2, ": worse")])
def test_a_gain_beyond_its_interval_is_called_so(shift: float, word: str) -> None:
    runs = [run("random", seed, 0.5) for seed in range(3)]
    runs += [run("reinforce", seed, 0.5 + shift + 0.001 * seed) for seed in range(3)]
    assert summary_line("reinforce", summarise("reinforce", runs)).endswith(word)


def test_one_seed_has_no_interval() -> None:
    summary = summarise("reinforce", [run("random", 0, 0.1), run("reinforce", 0, 0.2)])
    assert t_interval([0.1]) is None and "anew_reward_gain" not in summary
    assert summary_line("reinforce", summary).endswith("(one seed)")


def test_curve_has_each_improvement_at_its_second() -> None:
    rewards = [None, 0.3, 0.2, 0.5, 0.5]
    rows = [{"seconds": 2.0, "reward": reward} for reward in rewards]
    assert curve(rows) == [(4.0, 0.3), (8.0, 0.5)]


def test_winner_is_compared_by_its_mean_and_the_spread_of_its_seeds() -> None:
    found = compare([0.6, 0.7, 0.8], [0.5, 0.72, 0.4])
    assert found["lead"] == pytest.approx(0.7 - 0.54) and found["noise"] == pytest.approx(0.1)
    assert found["random_above"] == 1


def test_torn_last_line_is_cut_off_the_ledger(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    append_json_line(ledger, {"number": 0})
    with ledger.open("a") as file:
        file.write('{"number": 1, "rew')
    assert read_json_lines(ledger) == [{"number": 0}]
    append_json_line(ledger, {"number": 1})
    assert [row["number"] for row in read_json_lines(ledger)] == [0, 1]


def test_results_of_other_settings_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "out" / "settings.json"
    refuse_other_settings(path, {"minutes": 1})
    refuse_other_settings(path, {"minutes": 1})
    with pytest.raises(DataError, match="Name another directory"):
        refuse_other_settings(path, {"minutes": 2})
    assert json.loads(path.read_text()) == {"minutes": 1}


def test_score_leaves_latency_out_or_joins_it() -> None:
    alone = Contest(Path(), "cell", 1, 1, reward="accuracy", target_ms=2.0)
    joined = Contest(Path(), "cell", 1, 1, reward="absolute", target_ms=2.0)
    assert alone.score(0.8, 3.0) == 0.8
    assert math.isclose(joined.score(0.8, 3.0), 0.8 - 0.05)


def test_a_strategy_that_does_not_exist_is_refused_before_anything_is_imported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "strategy-bench",
        "photos.zip",
        "--out",
        str(tmp_path / "out"),
        "--strategies",
        "random,evolutoin",
    ]
    assert main(words) == 1
    assert "There is no strategy called 'evolutoin'" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "out").exists()
