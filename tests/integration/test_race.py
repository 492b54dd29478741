"""Two workers race for each of hundreds of rows, on SQLite and on PostgreSQL: one wins, always."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration import servers

ROUNDS = 300
Names = list[str]


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Returns the environment of workers that share one database."""
    environment = {"AUTOML_VAR_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "automl_site.settings"}
    with contextlib.ExitStack() as stack:
        if request.param == "postgresql":
            environment["DATABASE_URL"] = stack.enter_context(servers.postgres())
        yield environment


def _setup(environment: dict[str, str]) -> None:
    os.environ.update(environment)
    import django

    django.setup()


def prepare(environment: dict[str, str], answers: Any) -> None:
    """Makes the tables and the runs, in a process of its own."""
    _setup(environment)
    from django.core.management import call_command

    from tests.factories import DatasetVersionFactory, SearchRunFactory

    call_command("migrate", verbosity=0)
    version = DatasetVersionFactory()
    runs = SearchRunFactory.create_batch(ROUNDS, owner=version.dataset.owner, dataset_version=version)
    answers.put([str(run.pk) for run in runs])


def race(environment: dict[str, str], keys: Names, barrier: Any, answers: Any) -> None:
    """Claims each run at the same moment as the other racer; then both write with what they hold."""
    _setup(environment)
    from datasets_app.claims import Claim, claim, fenced_update
    from search_app.models import SearchRun

    won: Names = []
    written: Names = []
    for key in keys:
        barrier.wait(30)
        held = claim(SearchRun, key)
        if held is not None:
            won.append(key)
        barrier.wait(30)
        # The loser tries to write with the fence that was current before the winner came.
        if fenced_update(held or Claim(SearchRun, key, 0, 0), message="mine"):
            written.append(key)
    answers.put((won, written))


def test_one_of_two_racing_workers_wins_every_round(database: dict[str, str]) -> None:
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    maker = context.Process(target=prepare, args=(database, answers))
    maker.start()
    keys = answers.get(timeout=60)
    maker.join()
    barrier = context.Barrier(2)
    racers = [context.Process(target=race, args=(database, keys, barrier, answers)) for _ in range(2)]
    for racer in racers:
        racer.start()
    (first, first_wrote), (second, second_wrote) = (answers.get(timeout=120) for _ in racers)
    for racer in racers:
        racer.join()
    assert sorted(first + second) == sorted(keys), "each round has exactly one winner"
    assert (first_wrote, second_wrote) == (first, second), "only winners write"
    assert first and second, "both took part"
