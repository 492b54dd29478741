"""What the ladder is told and what it gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from nas.quantise.images import CALIBRATION_IMAGES
from nas.quantise.layers import PORTABLE_WEIGHT_BITS
from nas.quantise.network import QuantNetwork
from nas.quantise.rounding import RoundingConfig
from nas.quantise.tuning import TuningConfig

RungName = Literal["after training", "statistics", "equalisation", "adaround", "tuning"]
RUNGS: tuple[RungName, ...] = ("after training", "statistics", "equalisation", "adaround", "tuning")
"""The rungs from below."""

CHEAP_RUNGS: RungName = "equalisation"
"""How far an export climbs: AdaRound and tuning take minutes."""

Ending = Literal["good enough", "time", "stopped", "top"]

MOST_LOST = 0.01
"""What quantising may cost: one point of validation accuracy."""


@dataclass(frozen=True)
class LadderConfig:
    """How to climb.

    Attributes:
        weight_bits: Width of weights. 7 by default: stored like 8, and two products with unsigned
            bytes fit into 16 bits (`nas.quantise.onnx_int8`).
        activation_bits: Width of activations.
        most_lost: Loss of validation accuracy at which it ends, fraction.
        seconds: Time for all rungs; None for no limit. The first calibration is done in any case, and a
            rung under way may exceed it by what cannot be cut short: an evaluation, or passes over the
            calibration images.
        n_images: Calibration images, of the training part.
        rounding: Of AdaRound. Its `seconds` are cut to what is left of those above, as are those of `tuning`.
        tuning: Of quantisation-aware training.
        top: Last rung that may be tried.
        climb_on: True tries every rung even if an earlier one is good enough, for benches.
        seed: Seed of everything random.
    """

    weight_bits: int = PORTABLE_WEIGHT_BITS
    activation_bits: int = 8
    most_lost: float = MOST_LOST
    seconds: float | None = None
    n_images: int = CALIBRATION_IMAGES
    rounding: RoundingConfig = field(default_factory=RoundingConfig)
    tuning: TuningConfig = field(default_factory=TuningConfig)
    top: RungName = "tuning"
    climb_on: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Rung:
    """What came of one rung.

    Attributes:
        name: Which.
        accuracy: Validation accuracy, fraction; None if the rung could not be tried.
        seconds: What it took.
        details: JSON-ready facts.
        skipped: Why it was not tried, a sentence; empty if it was.
    """

    name: RungName
    accuracy: float | None
    seconds: float
    details: dict[str, Any] = field(default_factory=dict)
    skipped: str = ""


@dataclass(frozen=True)
class Climb:
    """What came of the ladder.

    Attributes:
        network: The best quantised network.
        accuracy: Its validation accuracy, fraction.
        float_accuracy: That of the float network.
        best: The rung it is from.
        rungs: All rungs tried or skipped, in order.
        ending: Why it ended.
        reason: The same as a sentence.
        seconds: Wall clock.
        n_validation: Validation images that judged.
        simulated_only: True if the widths do not run as integers in ONNX Runtime.
    """

    network: QuantNetwork
    accuracy: float
    float_accuracy: float
    best: RungName
    rungs: tuple[Rung, ...]
    ending: Ending
    reason: str
    seconds: float
    n_validation: int
    simulated_only: bool

    @property
    def lost(self) -> float:
        """Validation accuracy lost, fraction; negative if it rose."""
        return self.float_accuracy - self.accuracy
