"""The prepared images: opened only whole, the test part only with the report's token."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from PIL import Image

from nas.data.cache import ImageCache, read_thumbnail
from nas.data.importer import import_archive
from nas.data.sealed import ReportToken, open_seal, record_result
from nas.errors import DataError, SealedTestError
from tests.images import photo_zip


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("import")
    import_archive(photo_zip(root / "a.zip", 10, 32, 2), root / "cache", seed=0)
    return root / "cache"


def test_parts_do_not_overlap_and_the_test_part_is_sealed(directory: Path, tmp_path: Path) -> None:
    cache = ImageCache.open(directory)
    train, val = cache.indices("train"), cache.indices("val")
    with pytest.raises(SealedTestError):
        cache.indices("test")  # type: ignore[arg-type]
    with pytest.raises(SealedTestError):
        cache.open_test(None)  # type: ignore[arg-type]
    test = cache.open_test(open_seal(tmp_path, ["best"]))
    assert sorted([*train, *val, *test]) == list(range(20)) and len(test) == 4
    assert set(cache.labels[test]) == {0, 1} and not cache.images.flags.writeable


def test_seal_opens_once_for_one_list_of_models(tmp_path: Path) -> None:
    token = open_seal(tmp_path, ["best", "small"])
    assert open_seal(tmp_path, ["best", "small"]).models == token.models  # after a crash
    with pytest.raises(SealedTestError, match="other models"):
        open_seal(tmp_path, ["better"])
    record_result(token, {"best": 0.9})
    with pytest.raises(SealedTestError, match="has been used"):
        open_seal(tmp_path, ["best", "small"])
    written = json.loads((tmp_path / "test_opening.json").read_text())
    assert written["models"] == ["best", "small"] and written["results"] == {"best": 0.9}


def test_tokens_cannot_be_made_by_hand(tmp_path: Path) -> None:
    with pytest.raises(SealedTestError):
        ReportToken(object(), tmp_path, ("best",))


@pytest.mark.parametrize(
    "damage", ["no manifest", "short pixels", "torn index", "other version", "alien label"]
)
def test_damaged_cache_does_not_open(directory: Path, tmp_path: Path, damage: str) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in directory.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    if damage == "no manifest":
        (copy / "manifest.json").unlink()
    elif damage == "short pixels":
        (copy / "images.u8").write_bytes((copy / "images.u8").read_bytes()[:-1])
    elif damage == "torn index":
        (copy / "index.jsonl").write_text((copy / "index.jsonl").read_text()[:-20])
    elif damage == "other version":
        manifest = json.loads((copy / "manifest.json").read_text())
        (copy / "manifest.json").write_text(json.dumps({**manifest, "schema_version": 99}))
    else:
        (copy / "index.jsonl").write_text((copy / "index.jsonl").read_text().replace('"flower"', '"rose"'))
    with pytest.raises(DataError, match="Import the data again"):
        ImageCache.open(copy)


def test_thumbnails_have_the_original_proportions(directory: Path) -> None:
    cache = ImageCache.open(directory)
    assert Image.open(io.BytesIO(cache.thumbnail(3, 64))).size == (64, 64)
    assert Image.open(io.BytesIO(read_thumbnail(directory, 3, width=300, height=100, size=90))).size == (
        90,
        30,
    )
    with pytest.raises(DataError):
        read_thumbnail(directory, 20, width=1, height=1)
