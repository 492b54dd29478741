"""What a report says against itself: anytime curve, ledger, rank correlations, optimism, equal training."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import pytest

from nas.architecture import TimmArchitecture
from nas.candidate import Candidate
from nas.report import RunRecord
from nas.report.anytime import REFERENCE_COSTS, anytime, front_volume
from nas.report.document import build_document
from nas.report.page import render_page
from nas.report.ranking import rankings
from nas.report.verdict import baseline_of, warnings
from nas.spaces.lite import lite_architecture
from tests.unit.candidates import candidate
from tests.unit.report.records import run_record


def with_details(one: Candidate, **details: Any) -> Candidate:
    return replace(one, details={**one.details, **details})


def test_the_curve_rises_and_its_reference_does_not_move_with_the_points() -> None:
    found = anytime(run_record().candidates)
    assert found is not None
    assert found["reference"] == {"accuracy": 0.0, "cost": REFERENCE_COSTS["latency"]}
    seconds = [point["seconds"] for point in found["points"]]
    assert seconds == sorted(seconds) and seconds[0] == 45.0
    assert found["points"][0]["accuracy"] == 0.868
    assert found["points"][-1]["accuracy"] == 0.934
    for before, after in itertools.pairwise(found["points"]):
        assert after["hypervolume"] > before["hypervolume"] or after["accuracy"] != before["accuracy"]
    assert {one["label"] for one in found["baselines"]} == {
        "Fine-tuned Lite0 · 192 px",
        "ResNet-18 from scratch · 192 px",
    }
    slow = [*run_record().candidates, with_details(candidate(12, latency_ms=90.0), at_seconds=900.0)]
    again = anytime(slow)
    assert again is not None and again["reference"] == found["reference"]
    assert again["points"] == found["points"]  # a slow network that is beaten changes nothing


def test_hypervolume_is_accuracy_times_decades() -> None:
    alone = candidate(0, accuracy=0.8, latency_ms=10.0)
    assert front_volume([alone], "latency") == pytest.approx(
        0.8 * math.log10(REFERENCE_COSTS["latency"] / 10)
    )
    faster = candidate(1, accuracy=0.5, latency_ms=1.0)
    assert front_volume([alone, faster], "latency") == pytest.approx(0.8 + 0.5)
    assert front_volume([candidate(2, latency_ms=500.0)], "latency") == 0.0


def test_runs_of_earlier_versions_have_no_curve_and_their_page_still_renders() -> None:
    record = run_record()
    told = [
        {key: fact for key, fact in one.details.items() if key != "at_seconds"} for one in record.candidates
    ]
    earlier = [replace(one, details=facts) for one, facts in zip(record.candidates, told, strict=True)]
    document = build_document(replace(record, candidates=earlier))
    assert document["anytime"] is None
    assert "What the run had at each moment" not in render_page(document)
    assert "What the run had at each moment" in render_page(build_document(run_record()))


def ledger_record(**changes: Any) -> RunRecord:
    record = run_record()
    seconds = sum(phase["seconds"] for phase in record.phases)
    plan = {"setup_seconds": 3.0, **changes.pop("plan", {})}
    config = {**record.config, "import_seconds": 40.0, "plan": plan}
    return replace(record, config=config, spent_seconds=seconds + 43.0 + changes.pop("lost", 0.0), **changes)


def test_the_ledger_sums_every_second_to_what_was_spent() -> None:
    record = ledger_record()
    cost = build_document(record)["cost"]
    kinds = {row["kind"]: row["seconds"] for row in cost["by_kind"]}
    assert kinds["import"] == 40.0 and kinds["set_up"] == 3.0 and kinds["failed"] == 12.5
    assert kinds["short_trainings"] == 5 * 12.5 and kinds["final_trainings"] == 3 * 12.5
    assert sum(kinds.values()) == pytest.approx(record.spent_seconds, rel=0.02)
    assert cost["unbooked_share"] <= 0.02
    assert not any("ledger misses" in warning for warning in warnings(record))


def test_elastic_training_is_a_kind_of_its_own() -> None:
    cost = build_document(ledger_record(plan={"elastic_seconds": 30.0}))["cost"]
    kinds = {row["kind"]: row["seconds"] for row in cost["by_kind"]}
    assert kinds["elastic_training"] == 30.0
    assert cost["unbooked_share"] <= 0.02


def test_seconds_that_no_book_holds_are_said() -> None:
    record = ledger_record(lost=60.0)
    assert build_document(record)["cost"]["unbooked_share"] > 0.02
    assert any("ledger misses" in warning for warning in warnings(record))


def ranked(
    short: list[float], final: list[float], macs: list[int], **details: list[float]
) -> list[Candidate]:
    """Networks that were trained briefly, then fully."""
    found = []
    for place, (before, size) in enumerate(zip(short, macs, strict=True)):
        one = candidate(place, accuracy=before, resolution=64 + 16 * place)
        assert one.metrics is not None
        told = {name: values[place] for name, values in details.items()}
        found.append(
            with_details(replace(one, metrics=replace(one.metrics, macs=size, n_params=size)), **told)
        )
    n = len(short)
    for place, after in enumerate(final):
        one = candidate(
            n + place, accuracy=after, resolution=64 + 16 * place, fidelity="final", refines=place
        )
        assert one.metrics is not None
        found.append(replace(one, metrics=replace(one.metrics, macs=macs[place], n_params=macs[place])))
    return found


FINAL = [0.70, 0.74, 0.78, 0.82, 0.86]
SIZES = [50, 100, 105, 200, 400]


def rows_of(target: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["score"]: row for row in target["rows"]}


def test_short_trainings_stand_beside_size_and_are_warned_of_where_they_rank_worse() -> None:
    reversed_order = list(reversed(FINAL))
    target = rankings(ranked(reversed_order, FINAL, SIZES))[0]
    rows = rows_of(target)
    assert target["target"] == "final" and target["networks"] == 5
    assert rows["short_training"]["tau"] == -1.0 and rows["macs"]["tau"] == 1.0
    assert rows["short_training"]["in_band"] == -1.0 and rows["short_training"]["band_pairs"] == 1
    assert any("worse than their mere size" in sentence for sentence in target["sentences"])
    assert any("very uncertain" in sentence for sentence in target["sentences"])
    good = rankings(ranked(FINAL, FINAL, SIZES))[0]
    assert rows_of(good)["short_training"]["tau"] == 1.0 and good["sentences"] == []


def test_proxy_and_supernet_are_ranked_where_they_judged() -> None:
    told = ranked(FINAL, FINAL, SIZES, supernet_accuracy=list(FINAL))
    scored = [with_details(one, proxy={"name": "synflow", "score": -one.number}) for one in told[:5]]
    final, short = rankings([*scored, *told[5:]])
    assert rows_of(final)["supernet"]["tau"] == 1.0 and rows_of(final)["proxy"]["tau"] == -1.0
    assert short["target"] == "short" and "short_training" not in rows_of(short)
    assert any(sentence.startswith("The zero-cost proxy") for sentence in final["sentences"])


def test_two_networks_are_too_few_for_an_order() -> None:
    assert rankings(ranked(FINAL[:2], FINAL[:2], SIZES[:2])) == []


def test_optimism_is_flagged_beyond_two_standard_errors_only() -> None:
    assert build_document(run_record())["optimism"]["flagged"] is False
    record = run_record()
    poor = [
        {**one, "accuracy": 0.85, "accuracy_low": 0.81, "accuracy_high": 0.88}
        if one["candidate"] == 9
        else one
        for one in record.test
    ]
    found = build_document(replace(record, test=poor))["optimism"]
    assert found["difference"] == pytest.approx(0.084) and found["flagged"] is True
    assert found["standard_error"] == pytest.approx(
        math.hypot(math.sqrt(0.934 * 0.066 / 379), math.sqrt(0.85 * 0.15 / 367)), rel=1e-3
    )
    assert any("two standard errors" in warning for warning in warnings(replace(record, test=poor)))


def hashed(record: RunRecord, hashes: dict[int, str]) -> RunRecord:
    told = [
        with_details(one, config_hash=hashes[one.number]) if one.number in hashes else one
        for one in record.candidates
    ]
    return replace(record, candidates=told)


def test_equal_training_of_winner_and_baselines_is_shown_and_its_absence_is_warned_of() -> None:
    equal = build_document(hashed(run_record(), {1: "aa", 2: "aa", 9: "aa"}))["fairness"]
    assert equal["equal"] is True and {row["candidate"] for row in equal["rows"]} == {1, 2, 9}
    record = hashed(run_record(), {1: "aa", 2: "aa", 9: "bb"})
    assert build_document(record)["fairness"]["equal"] is False
    assert any("same configuration" in warning for warning in warnings(record))
    assert build_document(run_record())["fairness"]["equal"] is None


def test_resnet_50_is_compared_by_time_and_size_and_says_what_it_lacks() -> None:
    record = run_record()
    assert build_document(record)["resnet50"] is None
    scratch = replace(
        candidate(12, accuracy=0.5, latency_ms=30.5, source="baseline", fidelity="final"),
        architecture=TimmArchitecture(resolution=192, name="resnet50"),
        details={"initialisation": "from scratch"},
    )
    assert scratch.metrics is not None
    scratch = replace(scratch, metrics=replace(scratch.metrics, size_bytes=94_000_000))
    found = build_document(replace(record, candidates=[*record.candidates, scratch]))["resnet50"]
    assert found["latency_ratio"] == pytest.approx(5.0) and found["part"] == "validation"
    assert found["size_ratio"] == pytest.approx(94 / 13.6)
    assert found["headline"] == {"latency": 6.1, "size": 8.4} and "from scratch" in found["note"]
    loaded = with_details(scratch, initialisation="ImageNet")
    found = build_document(replace(record, candidates=[*record.candidates, loaded]))["resnet50"]
    assert "operator" in found["note"]


def test_a_fine_tuned_lite2_is_not_taken_for_the_lite0_baseline() -> None:
    record = run_record()
    larger = replace(
        candidate(12, source="baseline", fidelity="final"), architecture=lite_architecture(2, 160)
    )
    found = baseline_of(replace(record, candidates=[*record.candidates, larger]))
    assert found is not None and found.number == 1
