"""A space of cells through the whole pipeline: searched, left unscaled, trained further, exported."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from nas.candidate import Candidate
from nas.data.cache import ImageCache
from nas.data.importer import import_archive
from nas.events import Event
from nas.search import SearchConfig, run_search
from tests.images import photo_zip


def test_networks_of_cells_are_searched_trained_further_and_exported(tmp_path: Path):
    photo_zip(tmp_path / "photos.zip", n_per_class=40, size=32)
    import_archive(tmp_path / "photos.zip", tmp_path / "data", seed=0)
    events: list[Event] = []

    def found(phase: str) -> list[Candidate]:
        every = [
            Candidate.from_json(e.payload["candidate"]) for e in events if e.kind == "candidate_finished"
        ]
        return [one for one in every if one.phase == phase and one.architecture.kind == "cell"]

    config = SearchConfig(
        data=tmp_path / "data",
        workdir=tmp_path / "run",
        minutes=1.0,
        space="nasbench201",
        baselines=False,
        ladder=False,
        n_finalists=1,
    )
    enough = lambda: bool(found("final_training"))  # noqa: E731 - one line says it
    outcome = run_search(config, [], events.append, enough, None)
    assert outcome.finished
    messages = [event.payload["message"] for event in events if event.kind == "log"]
    assert any("not scaled" in message for message in messages)
    searched, [final] = found("base_search"), found("final_training")
    assert searched and all(one.choices is not None and one.metrics is not None for one in searched)
    assert final.refines in {one.number for one in searched}
    assert final.details["inheritance"] == "all weights of the same network"
    cache = ImageCache.open(tmp_path / "data")
    exported = [
        path.parent
        for path in (tmp_path / "run" / "models").glob("*/architecture.json")
        if json.loads(path.read_text())["kind"] == "cell"
    ]
    assert exported
    session = onnxruntime.InferenceSession(exported[0] / "model.onnx")
    images = np.ascontiguousarray(cache.images[cache.indices("val")])
    [probabilities] = session.run(["probabilities"], {"image": images})
    assert probabilities.sum(axis=1) == pytest.approx(1.0, abs=1e-4)
