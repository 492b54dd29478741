"""Plans a search: from facts about photos, machine and minutes to a plan with reasons. No torch here."""

from __future__ import annotations

from nas.automatic import AUTO
from nas.planner.facts import Facts, Wishes
from nas.planner.plan import Plan
from nas.planner.planner import make_plan, replan

__all__ = ["AUTO", "Facts", "Plan", "Wishes", "make_plan", "replan"]
