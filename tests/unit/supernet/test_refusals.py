from pathlib import Path

import pytest

from nas.__main__ import main
from nas.errors import SpaceError
from nas.evaluators import evaluator_refusal
from nas.strategies import ONE_SHOT, STRATEGIES, check_strategy


def test_a_supernet_judges_what_any_strategy_proposes_in_its_space():
    for strategy in (*STRATEGIES, ONE_SHOT):
        assert evaluator_refusal("supernet", "lite-elastic", strategy) is None
    assert evaluator_refusal("training", "lite-elastic", ONE_SHOT) is None


@pytest.mark.parametrize("space", ["mbconv", "cell", "nasbench201"])
def test_other_spaces_are_refused_with_the_next_step(space: str):
    words = evaluator_refusal("supernet", space, "random")
    assert words is not None and f"not those of {space}; choose that space" in words
    with pytest.raises(SpaceError, match=f"it searches lite-elastic, not {space}"):
        check_strategy(ONE_SHOT, space)


def test_elastic_weights_are_read_before_minutes_are_spent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    given = ["search", "--data", str(tmp_path), "--minutes", "1", "--out", str(tmp_path / "out")]
    given += ["--elastic-weights", str(tmp_path / "none.safetensors")]
    assert main(given) == 1 and main([*given, "--strategy", "one_shot"]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "Only a supernet uses --elastic-weights" in said and "no elastic weights" in said
    assert not (tmp_path / "out").exists()


def test_other_evaluators_do_not_go_with_a_one_shot_search():
    words = evaluator_refusal("halving", "lite-elastic", ONE_SHOT)
    assert words is not None and "choose the evaluator 'supernet'" in words
    assert evaluator_refusal("proxy", "lite-elastic", ONE_SHOT) is not None
