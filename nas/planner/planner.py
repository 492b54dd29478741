"""The rules of the planner: pure functions from facts to a plan.

Every number here is a principle with its reason, none is fitted to a data set. What is known of short runs is
measured: docs/decisions/0007 and 0054.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from nas.automatic import AUTO
from nas.candidate import Phase
from nas.phases.plan import (
    ADAPTATION_SHARE,
    CANDIDATES_WANTED,
    LONGEST_TRAINING,
    SHARES,
    parent_resolution,
    short_training_seconds,
)
from nas.planner import words
from nas.planner.facts import Facts, Wishes
from nas.planner.options import possible_options
from nas.planner.plan import Plan, Strength
from nas.spaces import SPACES
from nas.spaces.lite_elastic import LiteElastic
from nas.spaces.mbconv import MBConvSpace
from nas.strategies import SEARCH_STRATEGIES

TINY_SET = 300
"""Below so many images a validation part of 15% is 45 photos, whose 95% interval is some ten points wide:
decisions are made by cross-validation instead."""

LARGE_SET = 20_000
"""Above so many images the search works on samples: no short training sees them all once."""

SMALL_SIDE = 48
"""Up to this side in pixels Lite0, whose features begin at 64 px, only enlarges what there is."""

ENOUGH_FROM_NOTHING = 5_000
"""Training images below which random weights cannot learn what ImageNet weights bring along."""

SEEN_FROM_NOTHING = 200_000
"""Images that final training must be able to show one of two networks: random weights need about ten times
what fine-tuning needs before they pass it, however small the images."""

SECONDS_FOR_CUT_NETWORKS = 12 * 60.0
"""Networks cut out of Lite0 have not caught up with whole ones in runs of about twelve minutes
(docs/decisions/0007): below, the base search holds whole ones alone."""

SECONDS_FOR_ONE_SHOT = 60 * 60.0
"""Sharing weights hurts the largest network first and pays only after many minutes: an elastic network is
trained where the base search's share is some twenty of them and final training keeps its own."""
ONE_SHOT = "one_shot"

FOREIGN = 0.8
"""Frozen ImageNet features that get less than this right are foreign to the photos: more of the network must
learn anew, so adaptation gets a larger share and fewer networks are trained fully."""

_SHORT, _LONG = 4 * 60.0, 40 * 60.0  # search and scaling grow to their full shares between these
_LEAST: dict[Phase, float] = {"base_search": 0.06, "scaling": 0.06}
_MORE_ADAPTATION = 0.08
_ONE_SHOT_SHARE = 0.40
_FINAL_FOR_ONE = 15.0  # seconds of final training that a second finalist does not halve
_MOST_FINALISTS = 6
_PASSES, _FOREIGN_PASSES = 2.0, 5.0  # that each finalist shall see at least
_FEWEST_RUNGS = 3
_STRONG_PASSES, _GENTLE_PASSES = 20.0, 1.0
_MANY_FOLDS, _FEWEST_FOR_FOLDS = 5, 6
_HALVING_SECONDS = 240.0
_MANY_NETWORKS = 60  # a surrogate learns from so many first
_FORWARD = 3.5  # forward passes that a training step costs
_OVERHEAD = 3.0


@dataclass(frozen=True)
class _Times:
    """Seconds of the phases, before strategy and space are known."""

    shares: dict[Phase, float]
    adaptation: float
    base: float
    final: float


def make_plan(facts: Facts, wishes: Wishes | None = None) -> Plan:
    """Returns the plan for some facts.

    Args:
        facts: About photos, machine and minutes.
        wishes: What people chose themselves; it is kept whatever the facts.

    Raises:
        SpaceError: If a wished strategy and space do not go together, or with the device.
        EvaluationError: If the wished evaluator or the precision does not go with them.
    """
    wishes = wishes or Wishes()
    times = _times(facts, _all_left(wishes))
    rungs = ladder(facts, times.adaptation, _finalists(facts, times.final))
    preferred = _preferred(facts, times)
    space, strategy, evaluator = possible_options(
        wishes, precision=facts.precision, spaces=facts.spaces, preferred=preferred
    )
    if wishes.strategy == AUTO and strategy == ONE_SHOT:
        times = _for_one_shot(times, facts.seconds)
    whole_only = _whole_only(facts, space, wishes)
    networks = len(rungs) if whole_only else len(rungs) + max(CANDIDATES_WANTED, _long_ones(times.base))
    finalists = wishes.finalists or _finalists(facts, times.final)
    plan = Plan(
        space=space,
        strategy=strategy,
        evaluator=evaluator,
        resolutions=rungs,
        shares=times.shares,
        seconds=facts.seconds,
        adaptation_seconds=times.adaptation,
        networks=networks,
        whole_only=whole_only,
        finalists=finalists,
        augmentation=_augmentation(facts, times, finalists),
        folds=folds_for(facts),
        train_sample=_train_sample(facts, times.base, networks),
        val_sample=_val_sample(facts, times.base, networks),
        yours=_yours(wishes),
    )
    return replace(plan, reasons=words.reasons(facts, plan))


def replan(plan: Plan, facts: Facts, phase: Phase) -> Plan | None:
    """Returns the plan for the phases to come, if the clock differs from what it was made for.

    Space, strategy, evaluator, folds and samples stay: candidates of one run must be comparable.

    Args:
        plan: As it stands.
        facts: With the seconds that are left now.
        phase: The one that is about to begin.
    """
    to_come = [each for each in SHARES if list(SHARES).index(each) >= list(SHARES).index(phase)]
    part = sum(plan.shares[each] for each in to_come)
    expected = plan.seconds * part
    if abs(facts.seconds - expected) <= max(_NOTICED_SECONDS, _NOTICED_PART * expected):
        return None
    final = facts.seconds * plan.shares["final_training"] / part
    base = facts.seconds * plan.shares["base_search"] / part if phase == "base_search" else 0.0
    finalists = plan.finalists if "finalists" in plan.yours else _finalists(facts, final)
    networks = plan.networks
    if phase == "base_search" and not plan.whole_only:
        networks = len(plan.resolutions) + max(CANDIDATES_WANTED, _long_ones(base))
    further = words.other_clock(facts.seconds - expected, plan.finalists, finalists)
    return replace(plan, finalists=finalists, networks=networks, reasons=(*plan.reasons, *further))


_NOTICED_SECONDS, _NOTICED_PART = 15.0, 0.1


def ladder(facts: Facts, adaptation: float, finalists: int) -> tuple[int, ...]:
    """Returns the resolutions of the whole Lite0s that are always candidates, ascending.

    At least three where the images allow, from small to one step above what the adaptation can train.
    """
    sides = facts.resolutions
    larger = [side for side in sides if side >= facts.speed_at] or [sides[-1]]
    n = facts.n_train
    parent = parent_resolution(larger, n, adaptation, speed_at=facts.speed_at, images_per_second=facts.speed)
    offered = sides[: max(_FEWEST_RUNGS, sides.index(parent) + 2)]
    wanted = min(len(offered), max(_FEWEST_RUNGS, finalists))
    last = len(offered) - 1
    places = {round(place * last / max(1, wanted - 1)) for place in range(wanted)}
    return tuple(sorted({*(offered[place] for place in places), parent}))


def _times(facts: Facts, all_left: bool) -> _Times:
    """Shares the seconds; a space or strategy of people's own gets the full share of a search at once."""
    grown = min(1.0, max(0.0, (facts.seconds - _SHORT) / (_LONG - _SHORT))) if all_left else 1.0
    shares: dict[Phase, float] = {
        phase: least + grown * (SHARES[phase] - least) for phase, least in _LEAST.items()
    }
    shares["baselines"] = SHARES["baselines"] + (_MORE_ADAPTATION if _foreign(facts) else 0.0)
    shares["final_training"] = 1.0 - sum(shares.values())
    ordered = {phase: shares[phase] for phase in SHARES}
    part = ADAPTATION_SHARE if facts.baselines else 1.0
    return _Times(
        ordered,
        adaptation=facts.seconds * ordered["baselines"] * part,
        base=facts.seconds * ordered["base_search"],
        final=facts.seconds * ordered["final_training"],
    )


def _for_one_shot(times: _Times, seconds: float) -> _Times:
    """Moves minutes from final training to the supernet; the number of finalists stays."""
    moved = _ONE_SHOT_SHARE - times.shares["base_search"]
    shares = {**times.shares, "base_search": _ONE_SHOT_SHARE}
    shares["final_training"] -= moved
    return replace(times, shares=shares, base=seconds * _ONE_SHOT_SHARE)


def _foreign(facts: Facts) -> bool:
    return facts.first_accuracy is not None and facts.first_accuracy < FOREIGN


def _from_nothing(facts: Facts, times: _Times) -> bool:
    """True where random weights have a chance against ImageNet's: small grey images, many, and minutes."""
    return (
        facts.grey
        and facts.side <= SMALL_SIDE
        and facts.n_train >= ENOUGH_FROM_NOTHING
        and times.final / 2 * facts.speed_of(facts.resolutions[-1]) >= SEEN_FROM_NOTHING
    )


def _preferred(facts: Facts, times: _Times) -> tuple[str, str, str]:
    space = MBConvSpace.name if _from_nothing(facts, times) else LiteElastic.name
    if space not in facts.spaces:
        space = next((name for name in SPACES if name in facts.spaces), space)
    strategy, evaluator = SEARCH_STRATEGIES[0], "training"
    if (
        space == LiteElastic.name
        and facts.seconds >= SECONDS_FOR_ONE_SHOT
        and ONE_SHOT in facts.strategies
        and not facts.limited
    ):
        strategy = ONE_SHOT
    elif _long_ones(times.base) >= _MANY_NETWORKS:
        strategy = "nsga2_surrogate"
    if space != LiteElastic.name and times.base >= _HALVING_SECONDS:
        evaluator = "halving"
    return space, strategy, evaluator


def _whole_only(facts: Facts, space: str, wishes: Wishes) -> bool:
    """True where the base search holds whole Lite0s alone; never against a choice of people."""
    tiny = facts.n_images < TINY_SET
    return (
        _all_left(wishes) and space == LiteElastic.name and (tiny or facts.seconds < SECONDS_FOR_CUT_NETWORKS)
    )


def _all_left(wishes: Wishes) -> bool:
    """True if people chose neither space nor strategy nor evaluator."""
    return wishes.space == AUTO and wishes.strategy == AUTO and wishes.evaluator == AUTO


def _long_ones(base_seconds: float) -> int:
    return int(base_seconds // LONGEST_TRAINING)


def _finalists(facts: Facts, final_seconds: float) -> int:
    """Returns how many networks the seconds can train for some passes each, never none."""
    passes = _FOREIGN_PASSES if _foreign(facts) else _PASSES
    one = max(1.0, passes * min(facts.n_train, LARGE_SET) / facts.speed)
    one *= 1.0 + folds_for(facts)
    fewest = 1 if final_seconds < _FINAL_FOR_ONE else 2
    return max(fewest, min(_MOST_FINALISTS, int(final_seconds / one)))


def folds_for(facts: Facts) -> int:
    """Returns the folds of a tiny set: three, or five where the smallest class has that many and time is.

    None for larger sets, and none where networks are judged after quantising: that needs photos which the
    kept network has not learnt from.
    """
    n = facts.n_train + facts.n_val
    if facts.n_images >= TINY_SET or n < _FEWEST_FOR_FOLDS or facts.precision != "fp32":
        return 0
    if facts.smallest_class >= _MANY_FOLDS and facts.seconds >= _SHORT:
        return _MANY_FOLDS
    return min(3, max(2, facts.smallest_class))


def _augmentation(facts: Facts, times: _Times, finalists: int) -> Strength:
    """Few passes overfit nothing, many over few images overfit soon."""
    passes = times.final / max(1, finalists) * facts.speed / max(1, facts.n_train)
    if passes < _GENTLE_PASSES:
        return "gentle"
    return "strong" if passes >= _STRONG_PASSES else "usual"


def _short_seconds(base_seconds: float, networks: int) -> float:
    return short_training_seconds(base_seconds, _OVERHEAD, networks)


def _train_sample(facts: Facts, base_seconds: float, networks: int) -> int | None:
    """Returns as many training images as a short training can see once, within reason."""
    if facts.n_images <= LARGE_SET:
        return None
    seen = int(_short_seconds(base_seconds, networks) * facts.speed)
    size = min(LARGE_SET, max(seen, 2_000, 20 * facts.n_classes))
    return size if size < facts.n_train else None


def _val_sample(facts: Facts, base_seconds: float, networks: int) -> int | None:
    """Returns as many validation images as a quarter of a short training can judge, within reason."""
    if facts.n_images <= LARGE_SET:
        return None
    judged = int(_FORWARD * facts.speed * max(1.0, _short_seconds(base_seconds, networks) / 4))
    size = min(3_000, max(judged, 1_000, 2 * facts.n_classes))
    return size if size < facts.n_val else None


def _yours(wishes: Wishes) -> tuple[str, ...]:
    named = {"space": wishes.space, "strategy": wishes.strategy, "evaluator": wishes.evaluator}
    chosen = [name for name, value in named.items() if value != AUTO]
    return (*chosen, *(["finalists"] if wishes.finalists else []))
