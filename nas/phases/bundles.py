"""Downloads of single candidates: weights become an ONNX file with a parity certificate."""

from __future__ import annotations

import math
import re
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from torch import Tensor, nn

import nas
from nas.candidate import Candidate
from nas.data.cache import ImageCache
from nas.errors import ExportError
from nas.evaluators.cross_validation import load_out_of_fold
from nas.export.browser_check import BROWSER_SECONDS, LEAST_BROWSER_SECONDS
from nas.export.bundle import ONNX_NAME, write_bundle
from nas.export.cam import write_cam
from nas.export.load import load_network
from nas.export.maps import maps_file
from nas.export.trust import Trust, fit_trust
from nas.phases.context import RunContext
from nas.prediction import predict_batches, validation_rows

EXPORT_SECONDS = "export_seconds"
"""Value of a run: how long its newest export took that had neither other forms nor a browser."""
_PARITY_IMAGES, _MAP_IMAGES = 64, 4
TRUST_IMAGES = 512
_LEAST_PROBABILITY = 1e-12
"""Validation images that temperature and bar of an export are fitted on, at most."""


@dataclass(frozen=True)
class ExportSource:
    """What an export is made of.

    Attributes:
        cache: The images of the run.
        weights: File of the trained weights.
        candidate: What the run knows about it.
        parity_images: (N, C, C, 3) uint8 validation images as they are stored, of all classes.
        facts: For the model card, see `nas.export.bundle.write_bundle`.
    """

    cache: ImageCache
    weights: Path
    candidate: Candidate
    parity_images: Tensor
    facts: dict[str, Any]

    @cached_property
    def module(self) -> nn.Module:
        """The trained network, loaded at the first use.

        Raises:
            ExportError: If the weights are damaged.
        """
        return load_network(self.weights, self.candidate.architecture, self.cache.n_classes)


def export_model(
    ctx: RunContext, candidate: Candidate, *, form_seconds: float, browser_seconds: float
) -> None:
    """Writes the bundle of one candidate; a refused export is said and the others go on.

    Args:
        ctx: The run.
        candidate: What to export.
        form_seconds: Time for the forms that take seconds, see `nas.export.forms`.
        browser_seconds: Time that a browser gets; it is asked only if that is enough to begin.
    """
    started = time.monotonic()
    browser_seconds = browser_time(browser_seconds)
    try:
        source = open_source(ctx.config.data, ctx.config.workdir, candidate, len(ctx.candidates))
        model = write_model(
            ctx.config.workdir, source, form_seconds=form_seconds, browser_seconds=browser_seconds
        )
    except ExportError as error:
        ctx.log(f"{candidate.label} is not offered for download: {error}")
        return
    ctx.emit("model_exported", model=model)  # first: a crash in between exports it again, and loses nothing
    ctx.state.models.append(model)
    if not form_seconds and not browser_seconds:
        ctx.state.values[EXPORT_SECONDS] = time.monotonic() - started
    ctx.save()


def browser_time(left: float) -> float:
    """Returns the seconds that a browser gets out of those that are left, 0 if it is better not to begin."""
    return min(left, BROWSER_SECONDS) if left >= LEAST_BROWSER_SECONDS else 0.0


def open_source(data: Path, workdir: Path, candidate: Candidate, n_candidates: int) -> ExportSource:
    """Returns what an export of a candidate needs.

    Raises:
        ExportError: If it has no weights.
    """
    if candidate.weights is None or not (workdir / candidate.weights).is_file():
        raise ExportError("Its weights are no longer there; train it again to export it.")
    cache = ImageCache.open(data)
    val = cache.indices("val")  # of all classes: they lie one after the other
    rows = val[np.unique(np.linspace(0, len(val) - 1, _PARITY_IMAGES).astype(int))]
    return ExportSource(
        cache=cache,
        weights=workdir / candidate.weights,
        candidate=candidate,
        parity_images=torch.from_numpy(np.ascontiguousarray(cache.images[rows])),
        facts={
            "data_hash": cache.content_hash,
            "n_train": len(cache.indices("train")),
            "n_val": len(validation_rows(cache)),
            "n_candidates": n_candidates,
            "versions": _versions(),
        },
    )


def write_model(
    workdir: Path,
    source: ExportSource,
    *,
    form_seconds: float = math.inf,
    browser_seconds: float = BROWSER_SECONDS,
) -> dict[str, Any]:
    """Writes a bundle without int8 file.

    Args:
        workdir: The run's directory.
        source: What to export.
        form_seconds: Time for the forms that take seconds, see `nas.export.forms`.
        browser_seconds: Time that a browser gets; 0 asks none.

    Returns:
        The bundle's facts, see `nas.export.bundle.write_bundle`, with `source` and `label`.

    Raises:
        ExportError: If the weights are damaged or the export does not agree with the network.
    """
    candidate = source.candidate
    bundle = write_bundle(
        workdir / "models" / model_name(candidate),
        module=source.module,
        architecture=candidate.architecture,
        labels=source.cache.classes,
        candidate=candidate,
        trust=trust_of(source),
        parity_images=source.parity_images,
        facts=source.facts,
        form_seconds=form_seconds,
        browser_seconds=browser_seconds,
    )
    images = source.parity_images[:_MAP_IMAGES].numpy()
    write_cam(workdir / bundle["directory"] / ONNX_NAME, maps_file(workdir, bundle["name"]), images)
    return {**bundle, "source": candidate.source, "label": candidate.label}


def trust_of(source: ExportSource) -> Trust:
    """Fits temperature and bar on validation images; the test part stays sealed.

    Of a cross-validated network on the folds' answers: the network itself has learnt from these images.
    """
    if (kept := load_out_of_fold(source.weights)) is not None:
        return fit_trust(np.log(np.maximum(kept.probabilities, _LEAST_PROBABILITY)), kept.labels)
    cache, resolution = source.cache, source.candidate.architecture.resolution
    rows = validation_rows(cache)
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, TRUST_IMAGES).astype(int))]
    logits = [found for found, _ in predict_batches(source.module, cache, rows, resolution)]
    return fit_trust(torch.cat(logits).numpy(), np.asarray(cache.labels[rows]))


def model_name(candidate: Candidate) -> str:
    """Returns a directory name that is unique within the run and says what the network is."""
    words = re.sub(r"[^a-z0-9]+", "-", candidate.label.lower()).strip("-")
    return f"{words}-{candidate.number}"


def _versions() -> dict[str, str]:
    return {"engine": nas.__version__, "torch": torch.__version__, "timm": timm.__version__}
