"""Exports that are asked for: the engine itself with a small network, and what becomes of its events."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from django.contrib.auth.models import User

from nas.architecture import architecture_to_json
from nas.data.cache import ImageCache
from nas.export.load import save_state
from search_app.models import SearchRun, TrainedModel
from search_app.runner import export_one
from tests.factories import SearchRunFactory, make_candidate
from tests.unit.export.test_graph import settled
from tests.unit.networks.architectures import tiny

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run(owner: User, digit_cache: ImageCache, settings: Any) -> SearchRun:
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    made = SearchRunFactory(owner=owner, state=SearchRun.State.DONE)
    shutil.copytree(digit_cache.directory, made.dataset_version.cache_dir)
    (made.workdir / "weights").mkdir(parents=True)
    save_state(settled(tiny(16), digit_cache.n_classes), made.workdir / "weights/0.safetensors")
    make_candidate(made, 0, architecture=architecture_to_json(tiny(16)))
    return made


def kinds(run: SearchRun) -> list[str]:
    return [event.kind for event in run.events.order_by("seq")]


def test_a_model_appears_first_and_its_int8_verdict_follows(run: SearchRun) -> None:
    export_one(run.pk, 0)
    assert kinds(run) == ["model_exported", "model_completed"]
    model = TrainedModel.objects.get()
    assert model.int8["tried"] is True and model.int8["reason"]
    assert len(model.parity["rows"]) >= 3
    assert {file["name"] for file in model.files} == {
        path.name for path in (run.workdir / model.directory).iterdir()
    }
    export_one(run.pk, 0)
    assert len(kinds(run)) == 2  # there is nothing left to try


def test_int8_is_tried_later_for_a_model_of_an_earlier_version(run: SearchRun) -> None:
    export_one(run.pk, 0)
    model = TrainedModel.objects.get()
    onnx_file = run.workdir / model.directory / "model.onnx"
    written = onnx_file.stat().st_mtime_ns
    model.parity = {key: model.parity[key] for key in ("n_images", "agreement", "max_difference")}
    model.save()
    export_one(run.pk, 0)
    assert kinds(run)[2:] == ["model_completed"]
    assert TrainedModel.objects.get().int8["tried"] is True
    assert onnx_file.stat().st_mtime_ns == written


def test_an_export_that_fails_becomes_a_sentence(run: SearchRun) -> None:
    (run.workdir / "weights/0.safetensors").unlink()
    export_one(run.pk, 0)
    (event,) = run.events.all()
    assert event.kind == "log" and "Its weights are no longer there" in event.payload["message"]
