"""The value by which people leave a choice to the planner."""

from __future__ import annotations

AUTO = "auto"
"""Value of space, strategy and evaluator; `nas.planner` puts a concrete one in its place."""
