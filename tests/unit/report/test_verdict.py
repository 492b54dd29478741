from __future__ import annotations

from dataclasses import replace
from typing import Any

from nas.candidate import Candidate, DeviceFigures
from nas.pareto import current_candidates
from nas.report.record import RunRecord
from nas.report.verdict import baseline_of, judge, warnings
from nas.statistics import wilson_interval
from tests.unit.report.records import run_record


def with_right(record: RunRecord, **right: int) -> RunRecord:
    """Returns the record with other numbers of right answers, e.g. m9=300 for candidate 9."""
    test: list[dict[str, Any]] = []
    for result in record.test:
        hits = right.get(f"m{result['candidate']}")
        if hits is None:
            test.append(result)
            continue
        low, high = wilson_interval(hits, result["n_images"])
        accuracy = hits / result["n_images"]
        test.append({**result, "accuracy": accuracy, "accuracy_low": low, "accuracy_high": high})
    return replace(record, test=test)


def test_headline_tells_test_accuracy_and_latency() -> None:
    headline = judge(run_record()).headline
    assert (
        headline
        == "Scaled L · 176 px is right on 92.6% of 367 images it had never seen, and answers in 6.10 ms."
    )


def test_overlapping_intervals_are_called_indistinguishable() -> None:
    verdict = judge(run_record())
    assert verdict.comparison == "indistinguishable"
    assert (
        "indistinguishable from the fine-tuned Lite0 baseline, 92.6% (89.5–94.9%) against"
        in verdict.sentences[0]
    )
    assert "1.1 times as fast" in verdict.sentences[0]


def test_clear_win_and_clear_loss_are_said() -> None:
    assert "It beats the fine-tuned Lite0" in judge(with_right(run_record(), m9=365)).sentences[0]
    lost = judge(with_right(run_record(), m9=250))
    assert lost.comparison == "worse"
    assert "take the baseline where accuracy matters most" in lost.sentences[0]


def test_recommendation_does_not_move_with_test_results() -> None:
    assert judge(with_right(run_record(), m9=100, m10=367)).headline.startswith(
        "Scaled L · 176 px is right on 27.2%"
    )


def on_board(record: RunRecord, too_large: set[int]) -> RunRecord:
    """The same run, searched for a board that cannot hold some of its networks."""

    def there(one: Candidate) -> Candidate:
        if one.metrics is None:
            return one
        sentence = "Its weights need 4,000,000 bytes; this device allows at most 1,048,576."
        broken = (sentence,) if one.number in too_large else ()
        figures = DeviceFigures("A board <i>", "profile", 1.5, 2.0, 500.0, 1000, 4000, broken)
        return replace(one, metrics=replace(one.metrics, device=figures))

    return replace(record, candidates=[there(one) for one in record.candidates])


def test_a_baseline_that_the_device_cannot_hold_is_not_advised() -> None:
    record = with_right(run_record(), m9=250)
    baseline = baseline_of(record)
    assert baseline is not None
    assert "take the baseline" in " ".join(judge(record).sentences)
    said = " ".join(judge(on_board(record, {baseline.number})).sentences)
    assert "take the baseline" not in said and "the device cannot hold it" in said
    assert "beyond them are" in said and "not measured" in said


def test_where_nothing_fits_it_is_said_with_the_limit() -> None:
    record = run_record()
    everything = {one.number for one in record.candidates}
    said = " ".join(judge(on_board(record, everything)).sentences)
    assert "No network fits the device. Its weights need 4,000,000" in said
    models = {model["candidate"] for model in record.models}
    some = everything - {
        next(one.number for one in current_candidates(record.candidates) if one.number not in models)
    }
    assert "No exported network fits" in " ".join(judge(on_board(record, some)).sentences)


def test_recommended_baseline_is_admitted() -> None:
    verdict = judge(run_record(best="model-1"))
    assert verdict.comparison == "is_baseline"
    assert "nothing more accurate than the hand-made" in verdict.sentences[0]


def test_faster_model_within_one_point_on_validation_is_named() -> None:
    record = run_record()
    candidates = [
        replace(one, metrics=replace(one.metrics, accuracy=0.93)) if one.number == 10 and one.metrics else one
        for one in record.candidates
    ]
    sentences = judge(replace(record, candidates=candidates)).sentences
    assert any(
        "If speed matters more, Search 2 · 128 px" in text and "1.8 times" in text for text in sentences
    )
    assert not any("If speed matters" in text for text in judge(record).sentences)


def test_stopped_and_untested_and_empty_runs_have_a_verdict() -> None:
    stopped = judge(run_record(stopped=True, test=[]))
    assert "of the validation images" in stopped.headline
    assert any("was stopped after 11 min 42 s of 12 min" in text for text in stopped.sentences)
    empty = judge(run_record(best=None, models=[], test=[], candidates=[], front=[]))
    assert empty.headline == "This run ended without a model."


def test_warnings_say_what_weakens_the_figures() -> None:
    assert warnings(run_record()) == ["1 network failed; the reasons stand in the table of candidates."]
    config = {**run_record().config, "baselines": False}
    small = [{**result, "n_images": 40} for result in run_record().test]
    found = warnings(run_record(config=config, test=small, spent_seconds=800.0, warnings=["Own words."]))
    assert found[0] == "Own words."
    assert any("Only 40 test images" in text for text in found)
    assert any("baselines were switched off" in text for text in found)
    assert any("13 min 20 s, more than the promised 12 min" in text for text in found)
    assert any(
        "more than two standard errors less" in text for text in warnings(with_right(run_record(), m9=200))
    )
