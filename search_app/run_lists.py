"""Lists of searches: filtered, sorted and cut into pages by what stands in the address."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.core.paginator import Page, Paginator
from django.db.models import Case, F, QuerySet, When
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from datasets_app.models import Dataset
from search_app.models import SearchRun
from search_app.selectors import search_runs_of_user

PER_PAGE = 25
ACTIVE = "active"
STATES = (
    (ACTIVE, _("Running or waiting")),
    (SearchRun.State.DONE.value, _("Finished")),
    (SearchRun.State.STOPPED.value, _("Stopped")),
    (SearchRun.State.FAILED.value, _("Failed")),
)
_ORDERS: dict[str, tuple[Any, ...]] = {
    "new": ("-created_at",),
    "old": ("created_at",),
    "best": (F("best_accuracy").desc(nulls_last=True), "-created_at"),
    "networks": ("-n_candidates", "-created_at"),
    "name": ("name", "-created_at"),
}
SORTS = (
    ("new", _("Newest first")),
    ("old", _("Oldest first")),
    ("best", _("Most accurate first")),
    ("networks", _("Most networks first")),
    ("name", _("By name")),
)
assert {value for value, _name in SORTS} == set(_ORDERS)


@dataclass(frozen=True)
class Row:
    """A search as lists show it.

    Attributes:
        run: The search, with its data set at hand.
        queue_position: How many wait before it, plus one; None if it does not wait.
    """

    run: SearchRun
    queue_position: int | None

    @property
    def dataset_name(self) -> str:
        """Name of the data set."""
        return self.run.dataset_version.dataset.name

    @property
    def shows_result(self) -> bool:
        """True if its result is more telling than its live page."""
        ended = self.run.state in (SearchRun.State.DONE, SearchRun.State.STOPPED)
        return ended and self.run.n_candidates > 0

    @property
    def comparable(self) -> bool:
        """True if there is something to compare."""
        return self.run.n_candidates > 0


@dataclass(frozen=True)
class Choice:
    """What the address asks for; what it asks wrongly is left out.

    Attributes:
        state: One of `STATES`, or "" for all.
        dataset: Id of a data set of the user, or "" for all.
        sort: One of `SORTS`.
    """

    state: str
    dataset: str
    sort: str

    @property
    def filtered(self) -> bool:
        """True if some searches may be hidden."""
        return bool(self.state or self.dataset)


def choice_of(query: QueryDict, datasets: Iterable[tuple[str, str]]) -> Choice:
    """Reads filters and order from an address.

    Args:
        query: The address's parameters `state`, `dataset` and `sort`.
        datasets: Ids and names of the data sets that may be asked for.
    """

    def known(name: str, values: Iterable[str], default: str = "") -> str:
        given = query.get(name, "")
        return given if given in set(values) else default

    return Choice(
        known("state", [value for value, _name in STATES]),
        known("dataset", [key for key, _name in datasets]),
        known("sort", _ORDERS, "new"),
    )


def searched_datasets(user: User | AnonymousUser) -> list[tuple[str, str]]:
    """Returns id and name of each data set that the user has searched on, by name. One query."""
    used = search_runs_of_user(user).order_by().values("dataset_version__dataset")
    found = Dataset.objects.filter(pk__in=used).order_by("name").values_list("pk", "name")
    return [(str(pk), name) for pk, name in found]


def page_of_runs(user: User | AnonymousUser, choice: Choice, number: str | None) -> Page[SearchRun]:
    """Returns one page of the user's searches; a number that does not exist gives the nearest page."""
    runs = search_runs_of_user(user)
    if choice.state == ACTIVE:
        runs = runs.exclude(state__in=SearchRun.ended_states)
    elif choice.state:
        runs = runs.filter(state=choice.state)
    if choice.dataset:
        runs = runs.filter(dataset_version__dataset__pk=choice.dataset)
    return Paginator(runs.order_by(*_ORDERS[choice.sort]), PER_PAGE).get_page(number)


def active_runs(user: User | AnonymousUser) -> QuerySet[SearchRun]:
    """Returns the searches that have not ended, the running ones first."""
    runs = search_runs_of_user(user).exclude(state__in=SearchRun.ended_states)
    waits = Case(When(state=SearchRun.State.QUEUED, then=1), default=0)
    return runs.order_by(waits, "created_at")


def rows_of(chosen: Iterable[SearchRun]) -> list[Row]:
    """Returns rows of a list with the places in the queue: one query more, if one of them waits."""
    runs = list(chosen)
    places: dict[Any, int] = {}
    if any(run.state == SearchRun.State.QUEUED for run in runs):
        waiting = SearchRun.objects.filter(state=SearchRun.State.QUEUED).order_by("created_at")
        places = {pk: place for place, pk in enumerate(waiting.values_list("pk", flat=True), 1)}
    return [Row(run, places.get(run.pk)) for run in runs]
