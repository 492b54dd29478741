"""Situations whose plans stand in docs/planner.md, and the table of them."""

from __future__ import annotations

from dataclasses import dataclass

from nas.phases.plan import assumed_export_reserve
from nas.planner.facts import Facts
from nas.planner.planner import make_plan
from nas.strategies import SEARCH_STRATEGIES


@dataclass(frozen=True)
class Situation:
    """Photos, minutes and a machine.

    Attributes:
        name: For people.
        n_images: Photos, 70% of them to train on.
        n_classes: Of equal size.
        side: Of the photos in pixels.
        grey: True without colour.
        minutes: Of the whole run.
        speed: Training images a second of Lite0 at 128 px; two cores manage about 68.
        first_accuracy: Of frozen features.
    """

    name: str
    n_images: int
    n_classes: int
    side: int
    grey: bool
    minutes: float
    speed: float = 68.0
    first_accuracy: float = 0.87


SITUATIONS = (
    Situation("a handful", 60, 4, 224, False, 6),
    Situation("few photos", 250, 5, 224, False, 20),
    Situation("photos, a first look", 2_500, 6, 224, False, 2),
    Situation("photos, short", 2_500, 6, 224, False, 6),
    Situation("photos, usual", 2_500, 6, 224, False, 20),
    Situation("photos, long", 2_500, 6, 224, False, 60),
    Situation("photos, over night", 2_500, 6, 224, False, 600),
    Situation("photos, one slow core", 2_500, 6, 224, False, 20, speed=20.0),
    Situation("many classes of drawings", 3_000, 150, 105, True, 20, first_accuracy=0.55),
    Situation("small coloured images", 50_000, 10, 32, False, 20),
    Situation("small grey images", 70_000, 10, 28, True, 20, first_accuracy=0.93),
    Situation("small grey images, long", 70_000, 10, 28, True, 60, first_accuracy=0.93),
    Situation("very many photos", 1_000_000, 1_000, 256, False, 240, first_accuracy=0.6),
)


def table(situations: tuple[Situation, ...]) -> str:
    """Returns a Markdown table of what is chosen."""
    rows = [
        "| situation | photos, classes, side | minutes | space | strategy, evaluator | whole Lite0s, px "
        "| adapt / search / scale / final | finalists | further |",
        "|---|---|---|---|---|---|---|---|---|",
        *(_row(one) for one in situations),
    ]
    return "\n".join(rows)


def facts_of(one: Situation) -> Facts:
    """Returns the facts of a situation as a run would know them after its first model."""
    n_train = round(0.7 * one.n_images)
    n_val = round(0.15 * one.n_images)
    smallest = (n_train + n_val) // one.n_classes
    seconds = 60.0 * one.minutes
    side = min(256, -(-one.side // 32) * 32)  # as the import stores them
    speed_at = min(128, max(64, side))
    return Facts(
        n_train=n_train,
        n_val=n_val,
        n_test=one.n_images - n_train - n_val,
        n_classes=one.n_classes,
        smallest_class=smallest,
        largest_class=smallest,
        side=side,
        grey=one.grey,
        cores=2,
        seconds=max(0.0, seconds - assumed_export_reserve(seconds)),
        speed=one.speed * (128 / speed_at) ** 2,
        speed_at=speed_at,
        first_accuracy=one.first_accuracy,
        strategies=SEARCH_STRATEGIES,
    )


def _row(one: Situation) -> str:
    plan = make_plan(facts_of(one))
    further = [
        *([f"{plan.folds} folds"] if plan.folds else []),
        *([f"searches on {plan.train_sample:,}"] if plan.train_sample else []),
        *([f"judges on {plan.val_sample:,}"] if plan.val_sample else []),
    ]
    cells = (
        one.name,
        f"{one.n_images:,}, {one.n_classes:,}, {one.side} px{', grey' if one.grey else ''}",
        f"{one.minutes:g}",
        f"{plan.space}{', whole ones only' if plan.whole_only else ''}",
        f"{plan.strategy}, {plan.evaluator}",
        ", ".join(map(str, plan.resolutions)),
        " / ".join(f"{share:.0%}" for share in plan.shares.values()),
        str(plan.finalists),
        ", ".join(further) or "–",
    )
    return f"| {' | '.join(cells)} |"
