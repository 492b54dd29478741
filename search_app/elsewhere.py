"""What the choices of a finished search cost in the places that a user may see, by its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasets_app.words.engine import said
from nas.candidate import Candidate
from nas.errors import DeviceError
from nas.hardware.elsewhere import PlaceCost, cost_by_table
from nas.report.elsewhere import HOW, Choice, choices_of, consequence, recommended_of
from search_app.devices import Place, shown_title
from search_app.models import SearchRun

if TYPE_CHECKING:
    from nas.hardware.target import TableTarget


@dataclass(frozen=True)
class PlaceRow:
    """A network's cost in one place.

    Attributes:
        place: The place.
        cost: What one photo costs there.
        how: How it is known, in words.
        searched: True for the place that was searched for.
    """

    place: Place
    cost: PlaceCost
    how: str
    searched: bool


@dataclass(frozen=True)
class NetworkCosts:
    """A network with its cost in all places.

    Attributes:
        choice: The network.
        recommended: True for the one that the report recommends.
        rows: One for each place.
    """

    choice: Choice
    recommended: bool
    rows: tuple[PlaceRow, ...]


@dataclass(frozen=True)
class Elsewhere:
    """What the result page says of other devices.

    Attributes:
        home: The place that was searched for.
        places: All places that the user may see, that one first.
        choices: Networks of the front and fully trained ones, the most accurate first; their costs are named
            by `Place.value`.
        mine: The recommended one; None if none is recommended.
    """

    home: Place
    places: tuple[Place, ...]
    choices: tuple[Choice, ...]
    mine: Choice | None

    @property
    def words(self) -> list[tuple[Place, str]]:
        """What the recommended network means in each other place, where anything is known of it."""
        if self.mine is None:
            return []
        return [
            (
                place,
                said(consequence(self.mine, self.choices, place.value, self.home.value, in_words(self.home))),
            )
            for place in self.places
            if place is not self.home
        ]

    @property
    def networks(self) -> list[NetworkCosts]:
        """The networks with a row for each place."""
        return [
            NetworkCosts(one, one is self.mine, tuple(self._row(one, place) for place in self.places))
            for one in self.choices
        ]

    def _row(self, one: Choice, place: Place) -> PlaceRow:
        cost = one.at(place.value)
        return PlaceRow(place, cost, said(HOW[cost.how]), place is self.home)


def elsewhere_of(run: SearchRun, report: Mapping[str, Any], places: Sequence[Place]) -> Elsewhere | None:
    """Returns what a run's networks cost in some places; None for reports without figures.

    Args:
        run: The search.
        report: Its report.json.
        places: Places of whoever is looking, see `places_of`: nothing is told of others, but for the one that
            the run itself was made for.
    """
    choices = choices_of(report)
    if not choices:
        return None
    found = report["elsewhere"]
    home = next((place for place in places if place.value == run.device), None)
    if home is None:  # a device that was deleted since
        home = Place(run.device, shown_title(run.device, run.device_title), "", "cpu")
    tables = {place.value: table for place in places if place is not home and (table := _table_of(place))}
    known = {place["name"] for place in found["places"]} | set(tables)
    choices = [
        replace(one, costs=_costs(one, report, found, tables) | {home.value: one.at(found["searched"])})
        for one in choices
    ]
    others = [place for place in places if place is not home and place.value in known]
    return Elsewhere(home, (home, *others), tuple(choices), recommended_of(dict(report), choices))


def in_words(place: Place) -> str:
    """Returns what a place is called within a sentence; people's own names stay as they are."""
    own = place.value.startswith("device:")
    return place.title if own else place.title[:1].lower() + place.title[1:]


def _costs(
    one: Choice, report: Mapping[str, Any], found: Mapping[str, Any], tables: Mapping[str, TableTarget]
) -> dict[str, PlaceCost]:
    """Returns the costs of the report, and those that the user's own device tables predict."""
    costs = dict(one.costs)
    if tables:
        data = next(each for each in report["candidates"] if each["number"] == one.number)
        candidate = Candidate.from_json(data)
        assert candidate.metrics is not None
        here_ms, anchor_ms = candidate.metrics.float_ms, found["anchor_ms"]
        for name, table in tables.items():
            costs[name] = cost_by_table(table, candidate.architecture, here_ms, anchor_ms)
    return costs


def _table_of(place: Place) -> TableTarget | None:
    """Returns the device table of a place; None if it has none or it cannot be read any more."""
    if place.table is None:
        return None
    try:
        return _load(place.table, place.table.stat().st_mtime_ns)
    except (OSError, DeviceError):
        return None


@lru_cache(maxsize=16)
def _load(path: Path, _changed: int) -> TableTarget:
    from nas.hardware.device_table import load_table
    from nas.hardware.target import TableTarget  # loads onnx

    return TableTarget(load_table(path))
