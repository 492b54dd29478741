"""The second pass of an export: int8 files beside fp32 files that are safe already."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nas.architecture import MBConvArchitecture
from nas.candidate import Candidate
from nas.data.cache import ImageCache
from nas.errors import EvaluationError, ExportError
from nas.events import Event, OnEvent, ShouldStop
from nas.export.browser_check import BROWSER_SECONDS, LEAST_BROWSER_SECONDS
from nas.export.bundle import ONNX_NAME, metadata_of
from nas.export.certificate import CertificateRow, browser_row, runtime_row
from nas.export.int8_bundle import INT8_NAME, add_int8
from nas.export.trust import Trust
from nas.phases.bundles import ExportSource, browser_time, open_source, trust_of, write_model
from nas.phases.context import RunContext
from nas.phases.evaluation import keep_validation_predictions
from nas.prediction import validation_rows
from nas.quantise.climb import CHEAP_RUNGS, Climb, LadderConfig, RungName
from nas.quantise.ladder import ladder
from nas.quantise.offer import TIE, Int8Offer, int8_offer

NO_TIME = "int8 was not tried: the minutes of the run were used up. A longer search tries it."
STOPPED = "int8 was not tried: the search was stopped before."
SWITCHED_OFF = "int8 was not tried: it was switched off."
BROKE_OFF = "int8 was not tried again: the search was interrupted while it was tried, more than once."

CALIBRATION_IMAGES = 128
"""In a run, where histograms take most of the time; exports that are asked for take as many as the ladder."""

# How many times longer an image takes than in ONNX Runtime: in PyTorch, for its histograms, simulated.
_FLOAT_SLOWER, _HISTOGRAMS_SLOWER, _SIMULATION_SLOWER = 3.2, 13.0, 7.5
_SCALES_SECONDS = 1.0  # scales of weights, ranges of activations
_MEASURING_SECONDS = 5.0
_MOST_ATTEMPTS = 2
_ANY_DIFFERENCE = 1.0  # rounding that falls the other way moves int8 probabilities; the classes are judged

Tried = tuple[dict[str, Any], list[CertificateRow]]


def export_candidate(
    data: Path,
    workdir: Path,
    candidate: Candidate,
    candidates: Sequence[Candidate],
    on_event: OnEvent,
    *,
    written: Mapping[str, Any] | None = None,
    top: RungName | None = CHEAP_RUNGS,
) -> None:
    """Exports one candidate that has weights, asks a browser and tries int8, however long that takes.

    The model is told as soon as its fp32 file is safe, and once more when int8 was tried.

    Args:
        data: Directory of the image cache of the run.
        workdir: The run's directory.
        candidate: What to export.
        candidates: All candidates of the run, for the words of the model card.
        on_event: Takes `model_exported` and `model_completed`.
        written: Facts of its bundle if that is there already: only int8 is tried then.
        top: Last rung of the ladder that is tried for int8; None tries no int8.

    Raises:
        ExportError: If there are no weights or the export does not agree with the network.
    """
    source = open_source(data, workdir, candidate, len(candidates))
    if written is None:
        model = write_model(workdir, source)
        on_event(Event("model_exported", {"model": model}))
    else:
        model = {**written, "trust": asdict(trust_of(source))}
    completed = complete(workdir, source, model, None if top is None else LadderConfig(top=top))
    on_event(Event("model_completed", {"model": completed}))
    keep_validation_predictions(workdir, completed, source.cache)


def add_int8_files(
    ctx: RunContext, ranked: Sequence[int], *, stopped: bool, still_needed: Callable[[Candidate], float]
) -> None:
    """Tries int8 for the models of a run that have not had their turn, while there is time.

    Args:
        ctx: The run; its models are all written.
        ranked: Numbers of candidates in the order in which they have their turn; others come last.
        stopped: True if the user wants what there is now.
        still_needed: Seconds that the end of the run takes, if a candidate gets an int8 file.
    """
    places = {model["candidate"]: place for place, model in enumerate(ctx.state.models)}
    order = dict.fromkeys((*ranked, *places))
    for number in (number for number in order if number in places):
        model = ctx.state.models[places[number]]
        if "int8" in model["parity"]:
            continue
        candidate = ctx.by_number(number)
        try:
            completed = _try(ctx, candidate, model, stopped, still_needed(candidate))
        except ExportError as error:  # weights gone, disk full: the fp32 file is as it was
            ctx.log(f"{candidate.label} stays without int8: {error}")
            continue
        ctx.emit("model_completed", model=completed)
        ctx.state.models[places[number]] = completed
        ctx.save()


def _try(
    ctx: RunContext, candidate: Candidate, model: Mapping[str, Any], stopped: bool, needed: float
) -> dict[str, Any]:
    source = open_source(ctx.config.data, ctx.config.workdir, candidate, len(ctx.candidates))
    room, float_ms = ctx.remaining() - needed, _float_ms(candidate)
    if ctx.config.int8_top is None:
        reason = SWITCHED_OFF
    elif stopped or ctx.should_stop():
        reason = STOPPED
    elif can_have_int8(candidate) and room < int8_seconds(ctx.cache, float_ms):
        reason = NO_TIME
    elif not _may_try(ctx, candidate):
        reason = BROKE_OFF
    else:
        ctx.now_doing(f"Trying int8 for {candidate.label}")
        config = LadderConfig(
            top=ctx.config.int8_top,
            seconds=max(0.1, room - _offer_seconds(ctx.cache, float_ms)),
            n_images=CALIBRATION_IMAGES,
            seed=ctx.config.seed,
        )
        return complete(
            ctx.config.workdir,
            source,
            model,
            config,
            should_stop=ctx.should_stop,
            browser_seconds=lambda: ctx.remaining() - needed,
        )
    return _write(ctx.config.workdir, source, model, _without(reason))


def _float_ms(candidate: Candidate) -> float:
    assert candidate.metrics is not None  # what is exported was measured
    return candidate.metrics.float_ms


def can_have_int8(candidate: Candidate) -> bool:
    """True if networks of this kind can be quantised."""
    return isinstance(candidate.architecture, MBConvArchitecture)


def int8_seconds(cache: ImageCache, float_ms: float) -> float:
    """Returns about how long the first rung and the offer take in a run; a quiet machine is faster.

    Args:
        cache: The images of the run.
        float_ms: Latency of the network in ONNX Runtime, milliseconds.
    """
    n_validation = len(validation_rows(cache))
    n_calibration = min(CALIBRATION_IMAGES, len(cache.indices("train")))
    judged = (_FLOAT_SLOWER + _SIMULATION_SLOWER) * n_validation
    until_judged = (_HISTOGRAMS_SLOWER * n_calibration + judged) * float_ms / 1000.0
    return _SCALES_SECONDS + until_judged + _offer_seconds(cache, float_ms)


def _offer_seconds(cache: ImageCache, float_ms: float) -> float:
    """Returns about how long it takes to judge and to measure the file, the browser included."""
    judged = (1.0 + _FLOAT_SLOWER) * len(validation_rows(cache)) * float_ms / 1000.0
    return judged + _MEASURING_SECONDS + LEAST_BROWSER_SECONDS


def _may_try(ctx: RunContext, candidate: Candidate) -> bool:
    """Counts attempts, on disk before each: one that takes the process down is not repeated for ever."""
    attempts = ctx.state.values.setdefault("int8_attempts", {})
    before = int(attempts.get(str(candidate.number), 0))
    attempts[str(candidate.number)] = before + 1
    ctx.save()
    return before < _MOST_ATTEMPTS


def complete(
    workdir: Path,
    source: ExportSource,
    model: Mapping[str, Any],
    config: LadderConfig | None,
    *,
    should_stop: ShouldStop = lambda: False,
    browser_seconds: Callable[[], float] = lambda: BROWSER_SECONDS,
) -> dict[str, Any]:
    """Tries int8 and puts the file, or the reason why there is none, into the bundle.

    Args:
        workdir: The run's directory.
        source: What was exported.
        model: The facts of its bundle.
        config: How the ladder is climbed; None tries no int8.
        should_stop: Polled while the ladder is climbed; the bundle then stays without int8.
        browser_seconds: Seconds that a browser gets, asked when the time has come; none below some seconds.

    Returns:
        The bundle's facts, see `nas.export.int8_bundle.add_int8`.

    Raises:
        ExportError: If the bundle cannot be written.
    """
    if config is None:
        return _write(workdir, source, model, _without(SWITCHED_OFF))
    directory = workdir / str(model["directory"])
    with tempfile.TemporaryDirectory(prefix=f".{directory.name}.", dir=directory.parent) as place:
        path = Path(place) / INT8_NAME
        try:
            int8, rows = _tried(
                source,
                model,
                path,
                config,
                should_stop=should_stop,
                browser_seconds=browser_seconds,
                runtime=directory,
            )
        except (ExportError, EvaluationError) as error:
            path.unlink(missing_ok=True)
            int8, rows = {"offered": False, "tried": True, "reason": str(error)}, []
        file = path if path.exists() else None
        return _write(workdir, source, model, int8, file=file, rows=rows)


def _tried(
    source: ExportSource,
    model: Mapping[str, Any],
    path: Path,
    config: LadderConfig,
    *,
    should_stop: ShouldStop,
    browser_seconds: Callable[[], float],
    runtime: Path,
) -> Tried:
    """Returns the facts and the rows of the certificate; the file is at `path` if it is offered.

    Args:
        source: What was exported.
        model: The facts of its bundle.
        path: Where the int8 file goes.
        config: As for `complete`, and so are `should_stop` and `browser_seconds`.
        runtime: The bundle, with the fp32 file and onnxruntime-web.
    """
    architecture, images = source.candidate.architecture, source.parity_images
    climb = ladder(source.module, architecture, source.cache, config, should_stop=should_stop)
    if should_stop():
        return _without(STOPPED), []
    trust = Trust(**model["trust"])
    offer = int8_offer(
        source.module,
        architecture,
        climb.network,
        source.cache,
        path,
        metadata=metadata_of(architecture, source.candidate, images.shape[1], source.facts, trust),
        temperature=trust.temperature,
        images_u8=images,
        most_lost=config.most_lost,
    )
    facts = _facts(climb, offer)
    if not offer.offered:
        return facts, []
    return facts, [
        runtime_row(path, images, offer.parity, "its simulation in PyTorch", fp32=runtime / ONNX_NAME),
        browser_row(
            path,
            runtime,
            images,
            tie=TIE,
            most_difference=_ANY_DIFFERENCE,
            seconds=browser_time(browser_seconds()),
        ),
    ]


def _without(reason: str) -> dict[str, Any]:
    return {"offered": False, "tried": False, "reason": reason}


def _facts(climb: Climb, offer: Int8Offer) -> dict[str, Any]:
    return {
        "offered": offer.offered,
        "tried": True,
        "reason": offer.reason,
        "rung": climb.best,
        "float_accuracy": offer.float_accuracy,
        "int8_accuracy": offer.int8_accuracy,
        "n_validation": offer.n_validation,
        "float_ms": offer.float_latency.p50_ms,
        "int8_ms": offer.int8_latency.p50_ms,
        "float_bytes": offer.float_bytes,
        "int8_bytes": offer.int8_bytes,
    }


def _write(
    workdir: Path,
    source: ExportSource,
    model: Mapping[str, Any],
    int8: Mapping[str, Any],
    *,
    file: Path | None = None,
    rows: Sequence[CertificateRow] = (),
) -> dict[str, Any]:
    return add_int8(
        workdir / str(model["directory"]),
        model,
        architecture=source.candidate.architecture,
        labels=source.cache.classes,
        candidate=source.candidate,
        facts=source.facts,
        int8=int8,
        file=file,
        rows=rows,
    )
