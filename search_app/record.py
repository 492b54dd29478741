"""Saves what the engine tells: event, candidate, model and progress in one fenced transaction."""

from __future__ import annotations

import math
import uuid
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from datasets_app.claims import Claim, FenceLostError
from nas.events import Event
from search_app.models import Candidate, SearchEvent, SearchRun, TrainedModel
from search_app.publish import publish_hint

PROGRESS_KINDS = frozenset({"candidate_finished", "model_exported", "model_completed"})
"""Events that prove that a claim got somewhere: they set the count of attempts back."""


def record_event(run_id: uuid.UUID, event: Event, held: Claim | None = None) -> int:
    """Saves one event and all that follows from it; returns its number.

    The number is taken by an UPDATE of the run's row, which locks the row until the commit: numbers become
    visible in order and without gaps, also when an export and a search write at once.

    Args:
        run_id: The run.
        event: What happened.
        held: The claim whose fence the write carries; None for exports, which need no claim.

    Raises:
        FenceLostError: If another worker has claimed the run, or the run was deleted. Nothing is written.
    """
    payload = json_ready(event.payload)
    rows = SearchRun.objects.filter(pk=run_id)
    if held is not None:
        rows = rows.filter(fence=held.fence)
    with transaction.atomic():
        if not rows.update(last_seq=F("last_seq") + 1, **_run_columns(event.kind, payload)):
            raise FenceLostError(f"run {run_id}")
        seq = SearchRun.objects.values_list("last_seq", flat=True).get(pk=run_id)
        SearchEvent.objects.create(run_id=run_id, seq=seq, kind=event.kind, payload=payload)
        if event.kind == "candidate_finished":
            _save_candidate(run_id, payload["candidate"])
        elif event.kind in {"model_exported", "model_completed"}:
            _save_model(run_id, payload["model"])
        publish_hint(run_id)
    return int(seq)


def json_ready(value: Any) -> Any:
    """Returns `value` with NaN and infinities replaced by None: neither PostgreSQL nor browsers read them."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(key): json_ready(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [json_ready(part) for part in value]
    return value


def _run_columns(kind: str, payload: dict[str, Any]) -> dict[str, Any]:
    """Returns the columns of the run that an event of this kind changes."""
    columns: dict[str, Any] = {}
    if kind in PROGRESS_KINDS:
        columns["attempt"] = 0
    if kind == "run_finished":
        columns["report"] = str(payload.get("report") or "")[:200]
    if kind in {"phase_started", "progress"}:
        columns["phase"] = str(payload.get("phase") or "")[:20]
        columns["message"] = str(payload.get("message") or "")[:500]
    if kind == "progress":
        columns["progress"] = min(1.0, max(0.0, payload.get("fraction") or 0.0))
        columns["spent_seconds"] = payload.get("spent_seconds") or 0.0
        columns["eta_seconds"] = payload.get("eta_seconds")
    return columns


def _save_candidate(run_id: uuid.UUID, data: dict[str, Any]) -> None:
    """Saves a candidate and takes it into the run's sums; others are not read: there may be thousands."""
    others = Candidate.objects.filter(run_id=run_id, accuracy__isnull=False).exclude(number=data["number"])
    values = Candidate.columns(data)
    _, new = Candidate.objects.update_or_create(run_id=run_id, number=data["number"], defaults=values)
    mine = SearchRun.objects.filter(pk=run_id)
    if new:
        mine.update(n_candidates=F("n_candidates") + 1)
    if values["accuracy"] is None:
        return
    fits = not (values["device"] or {}).get("broken_limits")
    # isnull, because None would mean a JSON null; here the first row answers.
    some_fit = others.filter(Q(device__isnull=True) | Q(device__broken_limits=[])).exists()
    if fits and not some_fit:  # what the device cannot hold counts only until something fits
        mine.update(best_accuracy=values["accuracy"])
    elif fits == some_fit:
        better = Q(best_accuracy=None) | Q(best_accuracy__lt=values["accuracy"])
        mine.filter(better).update(best_accuracy=values["accuracy"])


def _save_model(run_id: uuid.UUID, data: dict[str, Any]) -> None:
    TrainedModel.objects.update_or_create(
        run_id=run_id,
        name=data["name"],
        defaults={
            "candidate_number": data["candidate"],
            "directory": data["directory"],
            "files": data.get("files") or [],
            "parity": data.get("parity") or {},
        },
    )
