"""What the planner would choose, as far as it can be told before a search: an outline of its plan."""

from __future__ import annotations

import os

import numpy as np

from datasets_app.models import DatasetVersion
from nas.automatic import AUTO
from nas.data.cache import read_pixels
from nas.errors import DataError, EvaluationError, SpaceError
from nas.phases.plan import assumed_export_reserve
from nas.planner import Facts, Wishes, make_plan
from nas.planner.facts import ASSUMED_AT, ASSUMED_SPEED
from nas.planner.grey import looks_grey, spread_rows
from nas.strategies import SEARCH_STRATEGIES
from search_app.estimates import Plan

_LOOKED_AT = 24  # photos: few, for the page is asked for again with each answer


def outline_of(version: DatasetVersion, asked: Plan) -> tuple[str, ...]:
    """Returns the planner's reasons for a data set and minutes; none where nothing is left to it.

    The speed of the machine and how well ImageNet's features fit are measured by the search itself, which may
    therefore plan differently.

    Args:
        version: The photos.
        asked: The answers given so far.
    """
    wishes = Wishes(asked.space or AUTO, asked.strategy or AUTO, asked.evaluator or AUTO)
    if AUTO not in (wishes.space, wishes.strategy, wishes.evaluator):
        return ()
    try:
        return make_plan(_facts(version, asked), wishes).reasons
    except (SpaceError, EvaluationError):
        return ()  # the form says so when it is sent


def _facts(version: DatasetVersion, asked: Plan) -> Facts:
    parts = {part: version.counts.get(part) or {} for part in ("train", "val", "test")}
    n_train, n_val, n_test = (sum(classes.values()) for classes in parts.values())
    sizes = [parts["train"].get(name, 0) + parts["val"].get(name, 0) for name in version.classes] or [0]
    seconds, cores = 60.0 * asked.minutes, os.cpu_count() or 1
    return Facts(
        n_train=n_train,
        n_val=n_val,
        n_test=n_test,
        n_classes=max(1, len(version.classes)),
        smallest_class=min(sizes),
        largest_class=max(sizes),
        side=version.cache_size,
        grey=_grey(version),
        cores=cores,
        seconds=max(0.0, seconds - assumed_export_reserve(seconds)),
        speed=ASSUMED_SPEED * cores,
        speed_at=ASSUMED_AT,
        speed_measured=False,
        baselines=asked.baselines,
        strategies=SEARCH_STRATEGIES,
    )


def _grey(version: DatasetVersion) -> bool:
    side = version.cache_size
    try:
        squares = read_pixels(version.cache_dir, spread_rows(version.n_images, _LOOKED_AT).tolist())
    except DataError:  # a page must not fail for an outline
        return False
    return looks_grey(np.stack([np.frombuffer(one, np.uint8).reshape(side, side, 3) for one in squares]))
