"""Downloads of single candidates: weights become an ONNX file with a parity certificate."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from torch import nn

import nas
from nas.candidate import Candidate
from nas.data.cache import ImageCache
from nas.errors import ExportError
from nas.export.bundle import write_bundle
from nas.export.load import load_network
from nas.export.trust import Trust, fit_trust
from nas.phases.context import RunContext
from nas.prediction import predict_batches, validation_rows

_PARITY_IMAGES = 64
TRUST_IMAGES = 512
"""Validation images that temperature and bar of an export are fitted on, at most."""


def export_model(ctx: RunContext, candidate: Candidate, *, form_seconds: float) -> None:
    """Writes the bundle of one candidate; a refused export is said and the others go on."""
    try:
        model = export_candidate(
            ctx.config.data, ctx.config.workdir, candidate, ctx.candidates, form_seconds=form_seconds
        )
    except ExportError as error:
        ctx.log(f"{candidate.label} is not offered for download: {error}")
        return
    ctx.emit("model_exported", model=model)  # first: a crash in between exports it again, and loses nothing
    ctx.state.models.append(model)
    ctx.save()


def export_candidate(
    data: Path,
    workdir: Path,
    candidate: Candidate,
    candidates: Sequence[Candidate],
    *,
    form_seconds: float = math.inf,
) -> dict[str, Any]:
    """Exports one candidate that has weights.

    Args:
        data: Directory of the image cache of the run.
        workdir: The run's directory.
        candidate: What to export.
        candidates: All candidates of the run, for the words of the model card.
        form_seconds: Time for the forms that take seconds, see `nas.export.forms`.

    Returns:
        The bundle's facts, see `nas.export.bundle.write_bundle`, with `source` and `label`.

    Raises:
        ExportError: If there are no weights or the export does not agree with the network.
    """
    if candidate.weights is None or not (workdir / candidate.weights).is_file():
        raise ExportError("Its weights are no longer there; train it again to export it.")
    cache = ImageCache.open(data)
    module = load_network(workdir / candidate.weights, candidate.architecture, cache.n_classes)
    val = cache.indices("val")  # of all classes: they lie one after the other
    rows = val[np.unique(np.linspace(0, len(val) - 1, _PARITY_IMAGES).astype(int))]
    bundle = write_bundle(
        workdir / "models" / model_name(candidate),
        module=module,
        architecture=candidate.architecture,
        labels=cache.classes,
        candidate=candidate,
        trust=_trust(module, cache, candidate.architecture.resolution),
        form_seconds=form_seconds,
        parity_images=torch.from_numpy(np.ascontiguousarray(cache.images[rows])),
        facts={
            "data_hash": cache.content_hash,
            "n_train": len(cache.indices("train")),
            "n_val": len(validation_rows(cache)),
            "n_candidates": len(candidates),
            "versions": _versions(),
        },
    )
    return {**bundle, "source": candidate.source, "label": candidate.label}


def _trust(module: nn.Module, cache: ImageCache, resolution: int) -> Trust:
    """Fits temperature and bar on validation images; the test part stays sealed."""
    rows = validation_rows(cache)
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, TRUST_IMAGES).astype(int))]
    logits = [found for found, _ in predict_batches(module, cache, rows, resolution)]
    return fit_trust(torch.cat(logits).numpy(), np.asarray(cache.labels[rows]))


def model_name(candidate: Candidate) -> str:
    """Returns a directory name that is unique within the run and says what the network is."""
    words = re.sub(r"[^a-z0-9]+", "-", candidate.label.lower()).strip("-")
    return f"{words}-{candidate.number}"


def _versions() -> dict[str, str]:
    return {"engine": nas.__version__, "torch": torch.__version__, "timm": timm.__version__}
