"""Runs all checks on a finished cache; one that fails does not lose the others."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from nas.checks.balance import find_imbalance
from nas.checks.copies import find_copies_to_name
from nas.checks.quality import find_bad_photos
from nas.checks.report import CheckReport, ImageFinding, OnProgress
from nas.checks.subject import CheckSkippedError, ChecksStopped, Subject
from nas.data.cache import read_manifest
from nas.files import write_atomically
from nas.memory import give_back_memory

if TYPE_CHECKING:
    from nas.checks.features import Network

__all__ = ["CheckReport", "ImageFinding", "run_checks"]

MAP_FILE: Final = "map.f32"
FACTS_FILE: Final = "facts.json"

log = logging.getLogger(__name__)

_WORDS: Final = {
    "copies": "The search for copies",
    "imbalance": "The comparison of class sizes",
    "quality": "The check of light and sharpness",
    "shortcuts": "The search for shortcuts",
    "features": "The description of the photos",
    "labels": "The search for wrong classes",
    "leak": "The measurement of what copies do",
    "map": "The map",
}

Found = tuple[list[ImageFinding], Any]


def run_checks(
    cache_dir: Path,
    *,
    on_progress: OnProgress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> CheckReport:
    """Looks for copies, bad photos, wrong labels and shortcuts and lays the images out on a map.

    Writes `map.f32` (N x 2 little-endian float32, NaN for images that are left out) and `facts.json` beside
    the images, each whole or not at all.

    Args:
        cache_dir: A finished cache.
        on_progress: Called with (stage in words, done, total), total 0 when it cannot be said. What it raises
            ends the checks.
        should_stop: Asked between blocks of images. Then the report holds what was found until then, and
            `facts["stopped"]` is true.

    Raises:
        DataError: The cache is missing or damaged.
    """
    run = _Run(on_progress)
    network = _network(run, cache_dir)
    subject = Subject.open(cache_dir, run.tell, should_stop)
    report = run.report
    report.facts |= {"images": len(subject), "classes": subject.n_classes}
    report.map = np.full((len(subject.cache), 2), np.nan, dtype=np.float32)
    try:
        if len(subject):
            _check(run, subject, network)
    except ChecksStopped:
        report.facts["stopped"] = True
    write_atomically(cache_dir / MAP_FILE, report.map.astype("<f4").tobytes())
    facts = json.dumps(report.facts, ensure_ascii=False, allow_nan=False)
    write_atomically(cache_dir / FACTS_FILE, facts.encode())
    return report


def _network(run: _Run, cache_dir: Path) -> Network:
    """The pretrained network, before anything else is in memory.

    The process that makes its file is as large as PyTorch, and what the checks hold of many images would come
    on top of that.
    """
    from nas.checks.features import load_network

    manifest = read_manifest(cache_dir)
    run.tell("Getting ready", 0, 0)
    give_back_memory()  # what an import that ran before has freed
    return load_network(int(manifest["cache_size"]), int(manifest["n_images"]))


def _check(run: _Run, subject: Subject, network: Network) -> None:
    run.do("copies", lambda: find_copies_to_name(subject))
    run.do("imbalance", lambda: find_imbalance(subject))
    run.do("quality", lambda: find_bad_photos(subject))
    run.do("shortcuts", lambda: _shortcuts(subject))
    run.do("features", lambda: _with_features(run, subject, network))


def _shortcuts(subject: Subject) -> Found:
    from nas.checks.shortcuts import find_shortcuts

    return find_shortcuts(subject)


def _with_features(run: _Run, subject: Subject, network: Network) -> Found:
    """The checks that need a description of each image, which is made once."""
    from nas.checks.features import describe
    from nas.checks.labels import find_wrong_labels, measure_leak, predict_by_others
    from nas.checks.places import lay_out

    features = describe(subject, network)

    def judge_labels() -> Found:
        scores = predict_by_others(subject, features)
        predicted = scores.argmax(axis=1)
        run.do("leak", lambda: ([], measure_leak(subject, features, predicted)))
        return find_wrong_labels(subject, scores)

    def place() -> Found:
        run.report.map[subject.rows] = lay_out(subject, features)
        return [], None

    run.do("labels", judge_labels)
    run.do("map", place)
    return [], features.facts


class _Run:
    """Collects what the checks find, and survives those that fail.

    Args:
        on_progress: Of the caller; what it raises is passed on.
    """

    def __init__(self, on_progress: OnProgress | None) -> None:
        self.report = CheckReport(facts={"seconds": {}, "failed": []})
        self._on_progress = on_progress
        self._raised: Exception | None = None

    def tell(self, stage: str, done: int, total: int) -> None:
        if self._on_progress is None:
            return
        try:
            self._on_progress(stage, done, total)
        except Exception as error:
            self._raised = error
            raise

    def do(self, name: str, check: Callable[[], Found]) -> None:
        started = time.monotonic()
        inner = sum(self.report.facts["seconds"].values())
        try:
            findings, facts = check()
        except ChecksStopped:
            raise
        except CheckSkippedError as error:
            self.report.facts["failed"] += [str(error)] if str(error) else []
        except Exception as error:  # MemoryError is one of them
            if error is self._raised:
                raise
            log.exception("check %s could not be done", name)
            memory = isinstance(error, MemoryError)
            why = "there was not enough memory" if memory else f"of an error ({type(error).__name__})"
            self.report.facts["failed"].append(
                f"{_WORDS[name]} could not be done because {why}; the other checks are complete."
            )
        else:
            self.report.findings += findings
            if facts:
                self.report.facts[name] = facts
        inner = sum(self.report.facts["seconds"].values()) - inner
        self.report.facts["seconds"][name] = round(time.monotonic() - started - inner, 2)
