from typing import Any

from nas.benches.supernet_table import bars, judged, table_lines
from nas.benches.supernet_tuning import tuning_lines


def document(**changes: Any) -> dict[str, Any]:
    accuracies = [0.6, 0.62, 0.7, 0.75, 0.8]
    scores = {"supernet": [0.5, 0.51, 0.6, 0.62, 0.7], "macs": [5.0, 1.0, 2.0, 4.0, 3.0]}
    before = {"largest": 0.88, "smallest": 0.3, "random 0": 0.4, "random 1": 0.5, "random 2": 0.1}
    after = {"largest": 0.89, "smallest": 0.6, "random 0": 0.6, "random 1": 0.6, "random 2": 0.2}
    plain = {"teacher": 0.893, "before": before, "after": after, "table": judged(scores, accuracies, 0)}
    return {**plain, **changes}


def test_a_supernet_that_orders_all_pairs_keeps_every_bar():
    found = document()
    assert found["table"]["supernet"]["overall"]["value"] == 1.0
    assert found["table"]["supernet"]["overall"]["pairs"] == 10
    assert all(bars(found).values())


def test_each_bar_is_missed_by_its_own_failure():
    worse = {"largest": 0.88, "smallest": 0.3, "random 0": 0.1, "random 1": 0.1, "random 2": 0.1}
    missed = [words for words, kept in bars(document(after=worse)).items() if not kept]
    assert len(missed) == 4 and any("teacher" in words for words in missed)
    table = document()["table"]
    swapped = {"supernet": table["macs"], "macs": table["supernet"]}
    assert sum(not kept for kept in bars(document(table=swapped)).values()) == 2


def test_the_tables_name_every_score_and_start():
    lines = "\n".join(table_lines(document()))
    assert "| mean of 3 random | 33.3% | 46.7% |" in lines and "| macs |" in lines and "kept: tau" in lines
    row = {
        "name": "random 0",
        "start": "plain",
        "before": 0.5,
        "accuracy": 0.8,
        "steps": 9,
        "cpu_seconds": 1.2,
    }
    assert tuning_lines([row])[-1] == "| random 0 | plain | 50.0% | 80.0% | 9 | 1 |"
