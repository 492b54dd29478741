"""The try-it page: what its script is told, who may load what, and that nothing leaves by itself."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from datasets_app.changes import change_create
from datasets_app.models import Image
from nas.data.cache import ImageCache
from nas.export.maps import maps_file
from nas.phases.bundles import write_model
from search_app.models import SearchRun, TrainedModel
from tests.bundles import source_of
from tests.finished import evaluated
from tests.unit.export.test_graph import settled
from tests.unit.networks.architectures import tiny

ROOT = Path(__file__).resolve().parents[3]
ClientOf = Callable[[User | None], Client]
TRY_QUERIES = 7

pytestmark = pytest.mark.django_db


@pytest.fixture
def model(owner: User) -> TrainedModel:
    run = evaluated(owner, n_test=24, side=16)
    found: TrainedModel = run.models.get(candidate_number=9)
    return found


def address(model: TrainedModel, name: str = "try/") -> str:
    return f"/searches/{model.run_id}/models/{model.id}/{name}"


def facts_of(text: str, name: str = "facts") -> Any:
    found = re.search(rf'<script id="{name}" type="application/json">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def listed(model: TrainedModel, **contents: str) -> None:
    """Adds files to a model's directory and row."""
    for key, content in contents.items():
        name = key.replace("__", ".")
        (model.run.workdir / model.directory / name).write_text(content)
        model.files = [*model.files, {"name": name, "bytes": len(content), "sha256": "0" * 64}]
    model.save(update_fields=["files"])


def test_the_script_is_told_what_the_download_says(
    client_of: ClientOf, owner: User, model: TrainedModel, django_assert_num_queries: Any
) -> None:
    listed(model, model__onnx="o", model_int8__onnx="i", demo__json='{"threshold": 0.4}')
    client = client_of(owner)
    with django_assert_num_queries(TRY_QUERIES):
        answer = client.get(address(model))
    facts = facts_of(answer.content.decode())
    version = model.run.dataset_version
    assert facts["labels"] == version.classes and facts["side"] == version.cache_size
    assert facts["threshold"] == 0.4 and facts["number"] == 9
    assert facts["files"]["maps"] is None
    for name in ("fp32", "int8"):
        assert client.get(facts["files"][name]).status_code == 200
    assert client.get(facts["dataset"]["page"]).status_code == 200
    assert 9 in [point["number"] for point in facts["points"]]


def test_the_page_compiles_wasm_and_is_isolated_and_says_that_nothing_is_uploaded(
    client_of: ClientOf, owner: User, model: TrainedModel
) -> None:
    answer = client_of(owner).get(address(model))
    assert "'wasm-unsafe-eval'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert b"Nothing is uploaded" in answer.content


def test_a_model_without_its_files_has_a_page_all_the_same(
    client_of: ClientOf, owner: User, model: TrainedModel
) -> None:
    facts = facts_of(client_of(owner).get(address(model)).content.decode())
    assert facts["files"] == {"fp32": None, "int8": None, "maps": None} and facts["threshold"] == 0.0


def test_classes_to_choose_from_are_those_of_now(
    client_of: ClientOf, owner: User, model: TrainedModel
) -> None:
    dataset = model.run.dataset_version.dataset
    change_create(dataset=dataset, kind="rename", labels=["glass"], label="bottle")
    rows = list(Image.objects.filter(dataset=dataset, label="metal").values_list("row", flat=True))
    change_create(dataset=dataset, kind="exclude", rows=rows)
    text = client_of(owner).get(address(model)).content.decode()
    assert facts_of(text, "classes") == ["bottle", "cardboard", "paper", "plastic", "trash"]


def test_maps_are_for_the_owner_and_only_where_there_are_some(
    client_of: ClientOf, owner: User, stranger: User, model: TrainedModel
) -> None:
    client = client_of(owner)
    assert client.get(address(model, "maps.onnx")).status_code == 404
    path = maps_file(model.run.workdir, model.name)
    path.parent.mkdir()
    path.write_bytes(b"maps")
    answer = client.get(address(model, "maps.onnx"))
    assert answer.status_code == 200 and answer.headers["Content-Disposition"].startswith("attachment")
    assert facts_of(client.get(address(model)).content.decode())["files"]["maps"] == address(
        model, "maps.onnx"
    )
    for name in ("maps.onnx", "try/"):
        assert client_of(stranger).get(address(model, name)).status_code == 404


def test_a_model_of_another_run_is_not_found(client_of: ClientOf, owner: User, model: TrainedModel) -> None:
    other = evaluated(owner, n_test=24, side=16)
    assert client_of(owner).get(f"/searches/{other.id}/models/{model.id}/try/").status_code == 404
    assert SearchRun.objects.count() == 2


def test_an_export_leaves_maps_beside_the_run_and_not_in_the_download(
    tmp_path: Path, photo_cache: ImageCache
) -> None:
    network = tiny(64)
    source = source_of(tmp_path, settled(network, photo_cache.n_classes), network, photo_cache)
    bundle = write_model(tmp_path, source, form_seconds=0, browser_seconds=0)
    assert maps_file(tmp_path, bundle["name"]).is_file()
    assert not [file["name"] for file in bundle["files"] if "map" in file["name"]]


@pytest.mark.parametrize("name", ["cubic", "taps", "squash"])
def test_photos_are_squashed_as_on_the_page_of_the_download(name: str) -> None:
    texts = []
    for path in ("static/js/lib/squash.js", "nas/export/templates/demo.js"):
        found = re.search(
            rf"function {name}\(.*?\n}}\n", (ROOT / path).read_text(encoding="utf-8"), re.DOTALL
        )
        assert found is not None
        texts.append(found[0])
    assert texts[0] == texts[1]
