"""The plan for a set of photos, and a table of plans for the documentation: a command that trains nothing."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from nas.automatic import AUTO
from nas.errors import DataError
from nas.evaluators import EVALUATORS
from nas.phases.plan import assumed_export_reserve
from nas.planner.facts import Facts, Wishes
from nas.planner.planner import make_plan
from nas.planner.situations import SITUATIONS, table
from nas.spaces import SPACES
from nas.strategies import SEARCH_STRATEGIES


def add_choices(parser: argparse.ArgumentParser) -> None:
    """Adds the options that may be left to the planner."""
    for name, values in (
        ("space", SPACES),
        ("strategy", SEARCH_STRATEGIES),
        ("evaluator", tuple(EVALUATORS)),
    ):
        words = f"{AUTO} leaves it to the planner, who says why"
        parser.add_argument(f"--{name}", choices=(AUTO, *values), default=AUTO, help=words)


def add_plan_command(commands: Any) -> None:
    """Adds the parser of `plan` to the sub-commands of the command line."""
    parser = commands.add_parser("plan", help="what the planner would choose for photos, without training")
    parser.add_argument("data", type=Path, nargs="?", help="folder, zip, tar or tar.gz of images")
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument(
        "--speed", type=float, help="training images a second of Lite0 at 128 px, where it is known"
    )
    parser.add_argument("--json", action="store_true", help="print the plan as JSON")
    parser.add_argument("--table", action="store_true", help="print what is chosen in a table of situations")
    add_choices(parser)


def plan_command(options: argparse.Namespace) -> int:
    """Prints plan and reasons for a set, or the table of situations.

    Raises:
        DataError: If no data is given, or none of it can be used.
    """
    console = Console(soft_wrap=True, highlight=False, markup=False)
    if options.table:
        console.print(table(SITUATIONS))
        return 0
    if options.data is None:
        raise DataError("Name a folder or archive of images, or ask for --table.")
    facts = _facts(options)
    plan = make_plan(facts, Wishes(options.space, options.strategy, options.evaluator))
    if options.json:
        console.print(json.dumps(plan.to_json(), indent=1))
        return 0
    for name in ("space", "strategy", "evaluator", "resolutions", "networks", "finalists", "augmentation"):
        console.print(f"{name:13} {getattr(plan, name)}")
    console.print(
        f"{'shares':13} " + ", ".join(f"{phase} {share:.0%}" for phase, share in plan.shares.items())
    )
    console.print(*plan.reasons, sep="\n")
    if not facts.speed_measured:
        console.print(
            "The speed of this machine is assumed; a search measures it first and may plan differently."
        )
    return 0


def _facts(options: argparse.Namespace) -> Facts:
    from nas.data.cache import ImageCache
    from nas.data.importer import import_archive
    from nas.phases.planning import facts_of_cache

    with tempfile.TemporaryDirectory() as scratch:
        prepared = options.data
        if not (prepared / "manifest.json").exists():
            prepared = Path(scratch) / "data"
            import_archive(options.data, prepared, seed=0)
        seconds = 60.0 * options.minutes
        facts = facts_of_cache(ImageCache.open(prepared))
    left = max(0.0, seconds - assumed_export_reserve(seconds))
    facts = replace(facts, seconds=left)
    return facts if options.speed is None else replace(facts, speed=options.speed, speed_measured=True)


PLAN_COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {"plan": plan_command}
