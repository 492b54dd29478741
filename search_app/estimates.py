"""What a search of so many minutes will bring, computed from what earlier searches took on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count, Q

from nas.phases.plan import (
    CANDIDATES_WANTED,
    LARGEST_RESERVE,
    LONGEST_TRAINING,
    SHARES,
    SHORTEST_TRAINING,
    short_training_seconds,
)
from nas.strategies import DARTS, ONE_SHOT
from search_app.models import Candidate, SearchEvent, SearchRun

LOOKED_AT = 20
"""Newest like searches that are taken into account."""
LIKE_FACTOR = 4.0
"""Searches of up to so many times more or fewer photos count as like ones."""


@dataclass(frozen=True)
class Plan:
    """What is asked for.

    Attributes:
        minutes: Of the whole search.
        space: Search space.
        evaluator: How networks are judged.
        strategy: How they are proposed; DARTS tries as many whatever the minutes.
        baselines: Whether well-known networks are trained for comparison.
        n_images: Photos of the data set, None if it is not chosen.
    """

    minutes: float
    space: str
    evaluator: str
    strategy: str
    baselines: bool
    n_images: int | None


@dataclass(frozen=True)
class Estimate:
    """What like searches say about a plan.

    Attributes:
        networks: Fewest and most networks that will be tried; None if no like search came to its base search.
        first_model_seconds: Shortest and longest time until the first usable model.
        n_runs: Searches that it is computed from.
        like_photos: True if they had about as many photos.
    """

    networks: tuple[int, int] | None
    first_model_seconds: tuple[float, float]
    n_runs: int
    like_photos: bool


@dataclass(frozen=True)
class _Past:
    """One finished search: photos, minutes, networks of the base search and others, seconds of phases."""

    n_images: int
    minutes: float
    n_base: int
    n_other: int
    base_seconds: float
    first_seconds: float


def estimate(plan: Plan) -> Estimate | None:
    """Returns what to expect; None if this machine has finished no search of the kind yet.

    Searches of all people count: they are about the machine, and nothing of them but sums is told.
    Three queries.
    """
    past = _past(plan)
    near = [one for one in past if plan.n_images and _near(one.n_images, plan.n_images)]
    used = near or past
    if not used:
        return None
    counts = [count for one in used if one.n_base and one.base_seconds for count in _networks(plan, one)]
    firsts = [one.first_seconds for one in used]
    networks = (min(counts), max(counts)) if counts else None
    return Estimate(networks, (min(firsts), max(firsts)), len(used), bool(near))


def _near(a: int, b: int) -> bool:
    return max(a, b) <= LIKE_FACTOR * max(1, min(a, b))


def _networks(plan: Plan, past: _Past) -> tuple[int, int]:
    """Returns the fewest and most networks of the plan, judging by one earlier search."""
    if plan.strategy == DARTS:
        return past.n_base + past.n_other, past.n_base + past.n_other
    bounds = [
        count
        for seconds in _base_seconds(plan, past)
        for count in (
            _trained(seconds, past)
            if plan.evaluator == "training" and plan.strategy != ONE_SHOT
            else [past.n_base * seconds / past.base_seconds]
        )
    ]
    return int(min(bounds)) + past.n_other, round(max(bounds)) + past.n_other


def _base_seconds(plan: Plan, past: _Past) -> tuple[float, float]:
    """Returns the least and most seconds of the base search.

    Of each minute more it gets its share, or that of the three quarters which the reserve for exports leaves
    of a short search.
    """
    further = 60.0 * (plan.minutes - past.minutes)
    least, most = (share * SHARES["base_search"] for share in (1.0 - LARGEST_RESERVE, 1.0))
    return max(0.0, past.base_seconds + least * further), max(0.0, past.base_seconds + most * further)


def _trained(seconds: float, past: _Past) -> list[float]:
    """Returns how many networks are trained in so many seconds, as bounds.

    What a network takes besides its training is known only from searches that had no time for all the
    networks they aimed at: there each got the shortest training. Elsewhere it lies between nothing and what
    the shortest training leaves of a network's time.
    """
    each = past.base_seconds / past.n_base
    most = max(0.0, each - SHORTEST_TRAINING)
    least = most if past.n_base < CANDIDATES_WANTED else max(0.0, each - LONGEST_TRAINING)
    return [seconds / (short_training_seconds(seconds, one) + one) for one in (least, most)]


def _past(plan: Plan) -> list[_Past]:
    like = SearchRun.objects.filter(
        state=SearchRun.State.DONE,
        space=plan.space,
        evaluator="supernet" if plan.strategy == ONE_SHOT else plan.evaluator,
        baselines=plan.baselines,
        minutes__gt=0,
    )
    own = (DARTS, ONE_SHOT)  # their phase spends its time otherwise
    like = like.filter(strategy=plan.strategy) if plan.strategy in own else like.exclude(strategy__in=own)
    runs = like.order_by("-finished_at").values_list("pk", "minutes", "dataset_version__n_images")[:LOOKED_AT]
    rows = list(runs)
    keys = [pk for pk, *_ in rows]
    base = Count("pk", filter=Q(phase="base_search"))
    grouped = Candidate.objects.filter(run__in=keys).order_by().values("run")
    counts = {row["run"]: row for row in grouped.annotate(base=base, whole=Count("pk"))}
    seconds = _phase_seconds(keys)
    found = []
    for pk, minutes, n_images in rows:
        told, count = seconds.get(pk, {}), counts.get(pk)
        if count and "base_search" in told and "first_model" in told:
            other = count["whole"] - count["base"]
            phases = (told["base_search"], told["first_model"])
            found.append(_Past(n_images, minutes, count["base"], other, *phases))
    return found


def _phase_seconds(keys: Sequence[object]) -> dict[object, dict[str, float]]:
    events = SearchEvent.objects.filter(run__in=keys, kind="phase_finished")
    found: dict[object, dict[str, float]] = {}
    for run, payload in events.values_list("run", "payload"):
        found.setdefault(run, {})[str(payload.get("phase"))] = float(payload.get("seconds") or 0.0)
    return found
