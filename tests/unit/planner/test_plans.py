"""Plans hold for every fact: from a handful of photos to a million, from a minute to a day."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.automatic import AUTO
from nas.errors import EvaluationError, SpaceError
from nas.evaluators import EVALUATORS, evaluator_refusal, precision_refusal
from nas.phases.plan import SHARES
from nas.planner import Facts, Plan, Wishes, make_plan, replan
from nas.planner.planner import LARGE_SET, ONE_SHOT, SECONDS_FOR_ONE_SHOT, TINY_SET
from nas.planner.situations import SITUATIONS, facts_of
from nas.spaces import SPACES
from nas.strategies import SEARCH_STRATEGIES, check_strategy

DAY = 24 * 3600.0


@st.composite
def any_facts(draw: st.DrawFn) -> Facts:
    n_classes = draw(st.integers(2, 1_000))
    a_class = draw(st.integers(3, max(3, 1_000_000 // n_classes)))
    n = n_classes * a_class
    n_val = max(1, round(0.15 * n))
    cores = draw(st.sampled_from((1, 2, 8, 64)))
    side = draw(st.sampled_from((32, 64, 96, 128, 224, 256)))
    return Facts(
        n_train=n - 2 * n_val,
        n_val=n_val,
        n_test=n_val,
        n_classes=n_classes,
        smallest_class=draw(st.integers(1, a_class)),
        largest_class=a_class,
        side=side,
        grey=draw(st.booleans()),
        cores=cores,
        seconds=draw(st.floats(0.0, DAY, allow_subnormal=False)),
        speed=draw(st.floats(1.0, 80.0, allow_subnormal=False)) * cores,
        speed_at=min(128, max(64, side)),
        first_accuracy=draw(st.one_of(st.none(), st.floats(0.0, 1.0, allow_subnormal=False))),
        goal=draw(st.sampled_from(("balanced", "accuracy", "speed"))),
        precision=draw(st.sampled_from(("fp32", "int8"))),
        limited=draw(st.booleans()),
        baselines=draw(st.booleans()),
        strategies=(*SEARCH_STRATEGIES, *draw(st.sampled_from(((), (ONE_SHOT,))))),
    )


def fitting(facts: Facts) -> Facts:
    """Facts whose strategies are those that this engine has: the supernet may not be one of them yet."""
    return replace(facts, strategies=SEARCH_STRATEGIES)


@settings(max_examples=60, deadline=None)
@given(any_facts())
def test_every_plan_can_be_carried_out(facts: Facts):
    plan = make_plan(fitting(facts))
    check_strategy(plan.strategy, plan.space)
    assert evaluator_refusal(plan.evaluator, plan.space, plan.strategy) is None
    assert precision_refusal(facts.precision, plan.space) is None
    assert list(plan.shares) == list(SHARES)
    assert sum(plan.shares.values()) == pytest.approx(1.0)
    assert all(share > 0.0 for share in plan.shares.values())
    assert 1 <= plan.finalists <= 6
    assert plan.networks >= (len(plan.resolutions) if plan.whole_only else 10)
    assert 0.0 <= plan.adaptation_seconds <= facts.seconds
    assert plan.train_sample is None or 2 <= plan.train_sample < facts.n_train
    assert plan.val_sample is None or 1 <= plan.val_sample < facts.n_val
    assert plan.folds == 0 or (2 <= plan.folds <= facts.n_train + facts.n_val and facts.n_images < TINY_SET)
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


@settings(max_examples=60, deadline=None)
@given(any_facts())
def test_whole_lite0s_span_what_the_images_allow(facts: Facts):
    rungs = make_plan(fitting(facts)).resolutions
    assert len(rungs) >= 3
    assert list(rungs) == sorted(set(rungs))
    assert rungs[0] == facts.resolutions[0]
    assert set(rungs) <= set(facts.resolutions)


@settings(max_examples=60, deadline=None)
@given(any_facts(), st.floats(0.0, DAY, allow_subnormal=False))
def test_more_minutes_never_mean_less(facts: Facts, seconds: float):
    less, more = sorted((facts.seconds, seconds))
    short, long = (make_plan(replace(fitting(facts), seconds=each)) for each in (less, more))
    assert short.finalists <= long.finalists
    assert short.adaptation_seconds <= long.adaptation_seconds
    assert len(short.resolutions) <= len(long.resolutions)


@settings(max_examples=60, deadline=None)
@given(any_facts(), st.integers(10, 1_000_000))
def test_more_images_never_promise_more_passes(facts: Facts, n_train: int):
    few, many = sorted((facts.n_train, n_train))

    def passes(n: int) -> float:
        plan = make_plan(replace(fitting(facts), n_train=n))
        return plan.shares["final_training"] * plan.seconds * facts.speed / plan.finalists / n

    def promised(n: int) -> int:
        return make_plan(replace(fitting(facts), n_train=n, n_val=10_000)).finalists

    assert promised(many) <= promised(few)  # each of fewer finalists gets longer, but in passes:
    if few >= LARGE_SET:
        assert passes(many) <= passes(few) + 1e-9


@settings(max_examples=60, deadline=None)
@given(
    any_facts(),
    st.sampled_from((AUTO, *SPACES)),
    st.sampled_from((AUTO, *SEARCH_STRATEGIES)),
    st.sampled_from((AUTO, *EVALUATORS)),
    st.one_of(st.none(), st.integers(1, 9)),
)
def test_what_people_choose_wins_and_the_plan_says_so(
    facts: Facts, space: str, strategy: str, evaluator: str, finalists: int | None
):
    wishes = Wishes(space, strategy, evaluator, finalists)
    try:
        plan = make_plan(fitting(facts), wishes)
    except (SpaceError, EvaluationError):
        assert (space, strategy, evaluator) != (AUTO, AUTO, AUTO)
        return
    for name, value in (("space", space), ("strategy", strategy), ("evaluator", evaluator)):
        if value != AUTO:
            assert getattr(plan, name) == value
            assert any(f"You chose the {name} {value} yourself" in reason for reason in plan.reasons)
    if finalists:
        assert plan.finalists == finalists
    assert plan.whole_only is False or (space, strategy, evaluator) == (AUTO, AUTO, AUTO)


def test_a_wish_is_refused_only_where_nothing_goes_with_it():
    facts = facts_of(SITUATIONS[4])
    assert make_plan(facts, Wishes(strategy="darts")).space == "cell"
    assert make_plan(facts, Wishes(evaluator="proxy")).space == "mbconv"
    assert make_plan(replace(facts, precision="int8"), Wishes()).space == "lite-elastic"
    assert make_plan(replace(facts, spaces=("mbconv",)), Wishes()).space == "mbconv"
    with pytest.raises(SpaceError, match="DARTS mixes"):
        make_plan(facts, Wishes(space="mbconv", strategy="darts"))
    with pytest.raises(EvaluationError, match="Proxies say nothing"):
        make_plan(facts, Wishes(space="lite-elastic", evaluator="proxy"))
    with pytest.raises(EvaluationError, match="cannot be quantised"):
        make_plan(replace(facts, precision="int8"), Wishes(strategy="darts"))


@pytest.mark.parametrize(("situation", "expected"), [(one, one.name) for one in SITUATIONS])
def test_situations_read_well(situation: Any, expected: str):
    plan = make_plan(facts_of(situation))
    assert len(plan.reasons) >= 4, expected
    for reason in plan.reasons:
        assert reason[0].isupper() or reason[0].isdigit()
        assert reason.endswith(".")
        assert "None" not in reason


def test_minutes_degrade_gracefully():
    short, usual, long = (make_plan(facts_of(SITUATIONS[place])) for place in (3, 4, 5))
    assert short.whole_only
    assert not usual.whole_only
    assert short.shares["final_training"] > usual.shares["final_training"] > 0.4
    assert short.finalists < usual.finalists <= long.finalists
    assert set(short.resolutions) <= set(usual.resolutions) <= set(long.resolutions)


def test_small_grey_images_are_also_searched_from_nothing_given_photos_and_minutes():
    grey = facts_of(SITUATIONS[11])
    assert make_plan(facts_of(SITUATIONS[10])).space == "lite-elastic"  # the minutes are too few
    assert make_plan(grey).space == "mbconv"
    assert make_plan(replace(grey, grey=False)).space == "lite-elastic"
    assert make_plan(replace(grey, side=105)).space == "lite-elastic"
    assert make_plan(replace(grey, n_train=2_000)).space == "lite-elastic"
    assert make_plan(replace(grey, seconds=60.0)).space == "lite-elastic"


def test_one_elastic_network_only_where_it_is_registered_and_the_run_is_long():
    long = replace(facts_of(SITUATIONS[5]), seconds=SECONDS_FOR_ONE_SHOT)
    others = tuple(name for name in SEARCH_STRATEGIES if name != ONE_SHOT)
    assert make_plan(replace(long, strategies=others)).strategy != ONE_SHOT
    assert make_plan(replace(long, strategies=SEARCH_STRATEGIES)).strategy == ONE_SHOT
    before = replace(long, seconds=SECONDS_FOR_ONE_SHOT - 1.0, strategies=(ONE_SHOT,))
    assert make_plan(before).strategy != ONE_SHOT


def test_a_plan_is_made_anew_only_when_the_clock_differs():
    facts = facts_of(SITUATIONS[4])
    plan = make_plan(facts)
    to_come = sum(plan.shares[phase] for phase in ("base_search", "scaling", "final_training"))
    assert replan(plan, replace(facts, seconds=plan.seconds * to_come), "base_search") is None
    late = replan(plan, replace(facts, seconds=0.1 * plan.seconds), "base_search")
    assert late is not None
    assert late.finalists < plan.finalists
    assert "longer than planned" in late.reasons[-2]
    assert late.reasons[-1].startswith("Now ")
    assert (late.space, late.strategy, late.resolutions) == (plan.space, plan.strategy, plan.resolutions)
    early = replan(late, replace(facts, seconds=2.0 * plan.seconds), "final_training")
    assert early is not None
    assert early.finalists >= late.finalists
    assert any("left" in reason for reason in early.reasons[len(late.reasons) :])
    yours = make_plan(facts, Wishes(finalists=5))
    kept = replan(yours, replace(facts, seconds=1.0), "final_training")
    assert kept is not None
    assert kept.finalists == 5
