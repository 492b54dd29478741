"""A plan: what is searched, how, for how long, and why."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from nas.candidate import Phase

Strength = Literal["gentle", "usual", "strong"]


@dataclass(frozen=True)
class Plan:
    """What the planner settled; JSON-ready by `to_json`.

    Attributes:
        space: Search space.
        strategy: Search strategy.
        evaluator: How proposed networks are judged.
        resolutions: Of the whole Lite0s that are always among the candidates, in pixels, ascending.
        shares: Share of each phase in the time between the first model and the export; they sum to 1.
        seconds: That time, as it was known when the plan was made, >= 0.
        adaptation_seconds: Of it, for fine-tuning the Lite0 whose weights others inherit.
        networks: Networks that the base search aims at, the whole Lite0s included.
        whole_only: True if it holds whole Lite0s alone.
        finalists: Networks that are trained fully, >= 1.
        augmentation: How much training images are changed at random.
        folds: Folds of the cross-validation; 0 where one validation part is enough.
        train_sample: Training images that base search and scaling use; None for all.
        val_sample: Most validation images that judge a network; None for the engine's own bound.
        yours: Which of space, strategy, evaluator and finalists people chose themselves.
        reasons: Plain sentences: what was chosen, and why.
    """

    space: str
    strategy: str
    evaluator: str
    resolutions: tuple[int, ...]
    shares: dict[Phase, float]
    seconds: float
    adaptation_seconds: float
    networks: int
    whole_only: bool
    finalists: int
    augmentation: Strength
    folds: int = 0
    train_sample: int | None = None
    val_sample: int | None = None
    yours: tuple[str, ...] = ()
    reasons: tuple[str, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """Returns a JSON-ready dict; `from_json` is its inverse."""
        return {**asdict(self), **{name: list(getattr(self, name)) for name in _TUPLES}}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Plan:
        """Rebuilds a plan from `to_json`."""
        return cls(**{**data, **{name: tuple(data[name]) for name in _TUPLES}})


_TUPLES = ("resolutions", "yours", "reasons")
