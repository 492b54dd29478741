"""How often a graph is run, and for how long a device is measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """How often a network is run.

    Attributes:
        warm_up: Runs before the measured ones, >= 1.
        least: Measured runs of a network however slow it is, >= 1.
        fewest: Runs after which `seconds` may end the measurement.
        most: Runs after which it ends in any case.
        seconds: It goes on at least so long, if `most` is not reached.
        longest_seconds: A network so slow that `fewest` runs take longer gets fewer.
        settle_seconds: Rest before the first run: threads of a training spin for a moment after their work.
    """

    warm_up: int = 10
    least: int = 10
    fewest: int = 30
    most: int = 100
    seconds: float = 0.8
    longest_seconds: float = 4.0
    settle_seconds: float = 0.02


DEFAULT_EFFORT = Effort()
BLOCK_EFFORT = Effort(
    warm_up=3, least=5, fewest=10, most=40, seconds=0.03, longest_seconds=0.4, settle_seconds=0.0
)
NETWORK_EFFORT = Effort(
    warm_up=3, least=5, fewest=10, most=60, seconds=0.12, longest_seconds=1.0, settle_seconds=0.0
)
TABLE_SECONDS = 230.0
"""Time for a table, in which as many rounds are run as fit."""

MOST_BLOCKS = 600
"""Blocks of a space that are measured; spaces with fewer are measured whole."""

NETWORKS = 100
"""Whole networks of a space that are measured for the correction."""

MOST_SAMPLES = 80
"""Runs of a graph that another device sends, evenly spread over all of them."""

_MOST_NUMBERS = 160_000  # in a file of timings: 2.24 MB at 14 characters each, the most that one takes


def samples_sent(graphs: int) -> int:
    """Returns how many runs of a graph another device sends at most, so that its answer is not too large.

    Args:
        graphs: Number of graphs of its bundle, >= 1.
    """
    return min(MOST_SAMPLES, _MOST_NUMBERS // (2 * graphs))  # each run comes with one of the reference


@dataclass(frozen=True)
class Extent:
    """How much is measured.

    Attributes:
        blocks: Most blocks of a space.
        networks: Whole networks of a space.
        seconds: Time in which as many rounds are run as fit, at least one.
    """

    blocks: int
    networks: int
    seconds: float


EXTENTS: dict[str, Extent] = {
    "quick": Extent(150, 50, 60.0),
    "thorough": Extent(MOST_BLOCKS, NETWORKS, TABLE_SECONDS),
}
"""By name: enough for a first table, and what the benches measure."""
