"""A full house: hundreds of data sets and searches, tens of thousands of networks; for speed and queries."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from datasets_app.models import Dataset, DatasetVersion
from nas.architecture import MBConvArchitecture, Stage, architecture_to_json
from search_app.fronts import front_points
from search_app.models import Candidate, SearchEvent, SearchRun
from tests import factories

SOURCES = (("base_search", "short"), ("base_search", "frozen"), ("scaled", "final"), ("baseline", "final"))
EVENTS_A_RUN = 40
BATCH = 2000


@dataclass(frozen=True)
class House:
    """What was built; `running` and `finished` are the two largest searches."""

    owner: User
    dataset: Dataset
    running: SearchRun
    finished: SearchRun


def build(
    owner: User, *, datasets: int = 500, runs: int = 200, candidates: int = 50_000, largest: int = 20_000
) -> House:
    """Fills the database.

    Args:
        owner: Whose everything is.
        datasets: Data sets with a version each.
        runs: Searches on them, all but every tenth ended.
        candidates: Networks of all searches together.
        largest: Of the two largest searches together; the others share the rest evenly.
    """
    sets = Dataset.objects.bulk_create(
        [factories.DatasetFactory.build(owner=owner, name=f"Photos of series {n}") for n in range(datasets)]
    )
    versions = DatasetVersion.objects.bulk_create(
        [factories.DatasetVersionFactory.build(dataset=one) for one in sets]
    )
    made = SearchRun.objects.bulk_create(
        [_run(owner, versions[n % len(versions)], n, runs) for n in range(runs)]
    )
    running, finished = made[-1], made[-2]
    counts = [(candidates - largest) // max(1, runs - 2)] * (runs - 2) + [largest // 2, largest // 2]
    draw = random.Random(7)
    for run, count in zip(made, counts, strict=True):
        fill(run, count, draw)
    _report(finished)
    return House(owner, sets[(runs - 1) % len(sets)], running, finished)


def _report(run: SearchRun) -> None:
    """Writes the part of a finished search's report that tells its front."""
    run.workdir.mkdir(parents=True)
    front = [point["number"] for point in front_points(run, "latency")]
    (run.workdir / "report.json").write_text(json.dumps({"front": front}), encoding="utf-8")


def _run(owner: User, version: DatasetVersion, number: int, runs: int) -> SearchRun:
    state = SearchRun.State.DONE if number % 10 or number == runs - 2 else SearchRun.State.RUNNING
    state = SearchRun.State.RUNNING if number == runs - 1 else state
    run: SearchRun = factories.SearchRunFactory.build(
        owner=owner,
        dataset_version=version,
        name=f"Search {number}",
        state=state,
        report="report.json",
        lease_until=timezone.now() + timedelta(days=1),  # no worker takes it up
    )
    return run


def fill(run: SearchRun, count: int, draw: random.Random | None = None) -> None:
    """Gives a search its networks, and events as a running one has them."""
    draw = draw or random.Random(7)
    rows = [
        Candidate(run=run, number=number, **Candidate.columns(network(number, draw)))
        for number in range(count)
    ]
    Candidate.objects.bulk_create(rows, batch_size=BATCH)
    last = EVENTS_A_RUN + count // 10
    events = [SearchEvent(run=run, seq=seq, **_event(seq, count)) for seq in range(1, last)]
    SearchEvent.objects.bulk_create(events, batch_size=BATCH)
    best = max((row.accuracy for row in rows if row.accuracy is not None), default=None)
    SearchRun.objects.filter(pk=run.pk).update(
        last_seq=len(events), n_candidates=count, best_accuracy=best, spent_seconds=300.0, progress=0.5
    )


def _event(seq: int, count: int) -> dict[str, Any]:
    if seq % 3 == 0:
        return {"kind": "log", "payload": {"message": f"Tried {seq} of {count} networks."}}
    values = {"mean_accuracy": seq / (seq + 10), "best_accuracy": seq / (seq + 5)}
    return {"kind": "method", "payload": {"strategy": "nsga2", "step": seq, "values": values, "shares": {}}}


def network(number: int, draw: random.Random) -> dict[str, Any]:
    """Returns a candidate as the engine tells it, with figures that lie around a front."""
    source, fidelity = SOURCES[0 if number > 20 else number % len(SOURCES)]
    if number % 50 == 49:
        return factories.candidate_json(
            number, status="failed", metrics=None, weights=None, error="The network ran out of memory."
        )
    latency = draw.lognormvariate(1.0, 0.8)
    accuracy = min(0.99, max(0.05, 0.75 + 0.08 * draw.gauss(0, 1) + 0.03 * latency / (1 + latency)))
    stages = tuple(
        Stage("ir", draw.choice((3, 5, 7)), draw.choice((3, 4, 6)), 0, 2, channels, draw.choice((1, 2, 3, 4)))
        for channels in (24, 40, 80, 112, 192)
    )
    architecture = MBConvArchitecture(
        resolution=draw.choice((96, 128, 160, 192, 224)), stem_channels=32, head_channels=1280, stages=stages
    )
    one = factories.candidate_json(
        number, source=source, fidelity=fidelity, architecture=architecture_to_json(architecture)
    )
    figures = {"accuracy": accuracy, "accuracy_low": accuracy - 0.03, "accuracy_high": accuracy + 0.03}
    return {
        **one,
        "metrics": {**one["metrics"], **figures, "latency_ms": latency, "latency_p95_ms": 1.2 * latency},
    }
