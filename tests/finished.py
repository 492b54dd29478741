"""A finished search as rows and files, without a training: what result pages show."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.contrib.auth.models import User

from nas.architecture import TimmArchitecture
from nas.candidate import HERE, Candidate, DeviceFigures
from nas.hardware.analytic import estimate
from nas.hardware.profile import load_profile, profile_names
from nas.pareto import front_of_candidates
from nas.phases.elsewhere import elsewhere
from nas.phases.export import worth_exporting
from nas.report import write_report
from search_app.models import SearchRun
from tests import factories
from tests.unit.report.records import run_record

CLASSES = 6


def finished(owner: User, *, like: SearchRun | None = None, device: str = HERE, **about: Any) -> SearchRun:
    """A finished run with its report; its networks are those of `run_record` that are made of blocks.

    Args:
        owner: Whose it is.
        like: A run of the same version of the photos.
        device: What was searched for; a profile gives the figures of its model.
        **about: Further fields of the row.
    """
    version = {} if like is None else {"dataset_version": like.dataset_version}
    run: SearchRun = factories.SearchRunFactory(
        owner=owner, state=SearchRun.State.DONE, device=device, name=f"For {device}", **version, **about
    )
    run.workdir.mkdir(parents=True)
    record = run_record()
    candidates = [
        _on_device(one, device)
        for one in record.candidates
        if not isinstance(one.architecture, TimmArchitecture)
    ]
    found = elsewhere(run.workdir, device, worth_exporting(candidates), n_classes=CLASSES, anchor_ms=0.1)
    front = front_of_candidates(candidates)
    write_report(run.workdir, replace(record, candidates=candidates, front=front, elsewhere=found))
    for one in candidates:
        factories.make_candidate(run, **one.to_json())
    return run


def _on_device(one: Candidate, device: str) -> Candidate:
    if one.metrics is None or device not in profile_names():
        return one
    profile = load_profile(device)
    cost = estimate(profile, one.architecture, CLASSES)
    figures = DeviceFigures(
        name=profile.title,
        how="profile",
        here_ms=one.metrics.latency_ms,
        **cost.figures(profile),
    )
    return replace(one, metrics=replace(one.metrics, latency_ms=cost.latency_ms, device=figures))
