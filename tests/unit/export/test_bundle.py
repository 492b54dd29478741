import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nas.architecture import architecture_from_json
from nas.candidate import Candidate, Metrics
from nas.data.cache import ImageCache
from nas.data.decode import decode_image
from nas.errors import ExportError
from nas.export import bundle as bundle_module
from nas.export.bundle import write_bundle
from nas.export.card import plain
from nas.export.load import load_network
from nas.export.onnx_model import OnnxClassifier
from tests.unit.export.test_graph import settled
from tests.unit.networks.architectures import tiny

METRICS = Metrics(0.9, 0.8, 0.95, 1.5, 1.9, 1000, 10_000, 4000)


def candidate() -> Candidate:
    return Candidate(
        3, "final_training", "base_search", "final", "finished", "Net <b> S", tiny(), 9.0, metrics=METRICS
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, photo_cache: ImageCache):
    directory = tmp_path_factory.mktemp("run") / "models" / "net-s"
    module = settled(tiny(), photo_cache.n_classes)
    images = torch.from_numpy(np.asarray(photo_cache.images[photo_cache.indices("val")]))
    result = write_bundle(
        directory,
        module=module,
        architecture=tiny(),
        labels=photo_cache.classes,
        candidate=candidate(),
        parity_images=images,
        facts={"data_hash": "abc", "n_val": len(images), "versions": {"torch": "2"}},
    )
    return directory, module, result


def predict(directory: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(directory / "predict.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_bundle_is_complete_and_its_sums_are_right(made) -> None:
    directory, _, result = made
    names = "SHA256SUMS architecture.json labels.json model.onnx model.safetensors "
    names += "model_card.md parity.json predict.py"
    assert sorted(path.name for path in directory.iterdir()) == names.split()
    assert result["name"] == "net-s" and result["candidate"] == 3 and result["directory"] == "models/net-s"
    for file in result["files"]:
        content = (directory / file["name"]).read_bytes()
        assert file["bytes"] == len(content) and file["sha256"] == hashlib.sha256(content).hexdigest()
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=directory, check=True)
    assert json.loads((directory / "parity.json").read_text())["agreement"] == 1.0
    assert [path.name for path in directory.parent.iterdir()] == ["net-s"]  # nothing half done is left


def test_the_weights_load_again(made, photo_cache: ImageCache) -> None:
    directory, module, _ = made
    architecture = architecture_from_json(json.loads((directory / "architecture.json").read_text()))
    loaded = load_network(directory, architecture, photo_cache.n_classes)
    x = torch.rand(2, 3, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(loaded(x), module(x))
    with pytest.raises(ExportError, match="another network"):
        load_network(directory, architecture, 99)


def test_predict_reads_photos_as_the_import_does(made, tmp_path: Path, photo_cache: ImageCache) -> None:
    directory, _, _ = made
    rng = np.random.default_rng(1)
    pixels = rng.integers(0, 256, (50, 90, 4), dtype=np.uint8)
    tmp_path = tmp_path / "photos"
    tmp_path.mkdir()
    Image.fromarray(pixels[..., :3]).save(tmp_path / "plain.png")
    Image.fromarray(pixels).save(tmp_path / "alpha.png")
    Image.fromarray(pixels[..., 0]).save(tmp_path / "grey.jpg")
    Image.fromarray(rng.integers(0, 65536, (40, 30), dtype=np.uint16)).save(tmp_path / "deep.png")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels[..., :3]).save(tmp_path / "turned.jpg", exif=exif)
    files = sorted(tmp_path.iterdir())
    answer = predict(directory, *files, "--json", "--top", 99)
    assert answer.returncode == 0, answer.stderr
    classifier = OnnxClassifier(directory / "model.onnx")
    side = photo_cache.cache_size
    for result, path in zip(json.loads(answer.stdout), files, strict=True):
        decoded = decode_image(path.read_bytes(), side, 10**7)
        image = np.frombuffer(decoded.pixels, dtype=np.uint8).reshape(1, side, side, 3)
        expected = dict(zip(classifier.labels, classifier.predict(image)[0].tolist(), strict=True))
        got = {guess["label"]: guess["probability"] for guess in result["predictions"]}
        assert got == pytest.approx(expected, abs=1e-4), path.name


def test_predict_says_plainly_what_is_wrong(made, tmp_path: Path) -> None:
    directory, _, _ = made
    (tmp_path / "text.jpg").write_text("hello")
    Image.new("RGB", (60, 60)).save(tmp_path / "whole.png")
    (tmp_path / "torn.png").write_bytes((tmp_path / "whole.png").read_bytes()[:-40])
    answer = predict(directory, tmp_path / "text.jpg", tmp_path / "no.jpg", tmp_path, tmp_path / "torn.png")
    assert answer.returncode == 1 and "Traceback" not in answer.stderr
    for words in ("not an image", "no such file", "a directory", "damaged"):
        assert words in answer.stderr
    good = predict(directory, tmp_path / "whole.png", "--top", 2)
    assert good.returncode == 0 and good.stdout.count("%") == 2


def test_a_refused_export_leaves_nothing_behind(tmp_path, photo_cache: ImageCache, monkeypatch) -> None:
    module = settled(tiny(), photo_cache.n_classes)
    other = settled(tiny(), photo_cache.n_classes)
    with torch.no_grad():
        other.classifier.weight.mul_(-30)
    real = bundle_module.export_onnx
    monkeypatch.setattr(bundle_module, "export_onnx", lambda _, *rest: real(other, *rest))
    images = torch.from_numpy(np.asarray(photo_cache.images[photo_cache.indices("val")]))
    with pytest.raises(ExportError, match="not offered"):
        write_bundle(
            tmp_path / "models" / "m",
            module=module,
            architecture=tiny(),
            labels=photo_cache.classes,
            candidate=candidate(),
            parity_images=images,
            facts={},
        )
    assert list((tmp_path / "models").iterdir()) == []


def test_names_of_users_are_harmless_in_the_card(made) -> None:
    directory, _, _ = made
    card = (directory / "model_card.md").read_text()
    assert "Net &lt;b&gt; S" in card and "<b>" not in card
    assert plain("<script>\n# x") == "&lt;script&gt; \\# x"
    assert len(plain("x" * 300)) == 80
