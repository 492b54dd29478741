import hashlib
import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

import numpy as np
import pytest
import torch
from PIL import Image

from nas.architecture import architecture_from_json
from nas.candidate import Candidate
from nas.data.cache import ImageCache
from nas.data.decode import decode_image
from nas.data.preprocess import preprocess
from nas.errors import ExportError
from nas.export import bundle as bundle_module
from nas.export.bundle import write_bundle
from nas.export.card import plain
from nas.export.load import load_network
from nas.export.onnx_model import OnnxClassifier
from nas.export.trust import Trust
from tests.bundles import METRICS, serving
from tests.unit.export.test_graph import settled
from tests.unit.networks.architectures import tiny

TRUST = Trust(2.5, 0.45, 0.8, 0.95, 0.1, 0.02, 200)


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
        trust=TRUST,
    )
    return directory, module, result


def predict(directory: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(directory / "predict.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_the_bundle_is_complete_and_its_sums_are_right(made) -> None:
    directory, _, result = made
    names = "SHA256SUMS architecture.json demo.html demo.js demo.json golden.json golden.png labels.json "
    names += "model.onnx model.pt2 model.py model.safetensors model_card.md ort-wasm-simd-threaded.wasm "
    names += "ort.wasm.bundle.min.mjs parity.json predict.py serve.py"
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
    monkeypatch.setattr(bundle_module, "export_onnx", lambda _, *rest, **named: real(other, *rest, **named))
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


def test_probabilities_are_calibrated_and_the_unsure_answer_says_so(made, photo_cache: ImageCache) -> None:
    directory, module, result = made
    images = torch.from_numpy(np.asarray(photo_cache.images[photo_cache.indices("val")]))
    with torch.inference_mode():
        expected = (module.eval()(preprocess(images, tiny().resolution)) / 2.5).softmax(dim=1).numpy()
    found = OnnxClassifier(directory / "model.onnx").predict(images.numpy())
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert result["trust"]["temperature"] == 2.5
    assert "temperature of 2.50 on 200 validation images" in (directory / "model_card.md").read_text()
    answer = predict(directory, directory / "golden.png", "--json")
    (said,) = json.loads(answer.stdout)
    assert said["sure"] is (said["predictions"][0]["probability"] >= 0.45)


def test_a_copy_proves_itself_and_a_changed_one_is_found_out(made, tmp_path: Path) -> None:
    directory, _, _ = made
    assert predict(directory, "--check").returncode == 0
    copy = tmp_path / "copy"
    shutil.copytree(directory, copy)
    answer = json.loads((copy / "golden.json").read_text())
    answer["probabilities"][0] += 0.1
    (copy / "golden.json").write_text(json.dumps(answer))
    found = predict(copy, "--check")
    assert found.returncode == 1 and "off by" in found.stderr
    (copy / "golden.png").unlink()
    found = predict(copy, "--check")
    assert found.returncode == 1 and "Download the model again" in found.stderr
    assert "Traceback" not in found.stderr


@pytest.fixture(scope="module")
def served(made) -> Iterator[str]:
    directory, _, _ = made
    with serving(directory) as address:
        yield address


def ask(url: str, body: bytes | None = None) -> tuple[int, Any]:
    direct = build_opener(ProxyHandler({}))  # other tests set proxies, which urllib's own opener remembers
    try:
        with direct.open(url, data=body, timeout=30) as response:
            return response.status, json.load(response)
    except HTTPError as error:
        return error.code, json.load(error)


def raw(address: str, request: str) -> str:
    """Sends bytes that urllib would have tidied up."""
    host, port = address.removeprefix("http://").strip("/").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as line:
        line.sendall(request.encode("latin-1"))
        return line.makefile("rb").read().decode("latin-1")


def test_the_server_answers_as_predict_does_and_refuses_plainly(made, served: str) -> None:
    directory, _, _ = made
    photo = directory / "golden.png"
    status, answer = ask(f"{served}predict", photo.read_bytes())
    (said,) = json.loads(predict(directory, photo, "--json", "--top", 5).stdout)
    assert status == 200
    assert answer["predictions"] == said["predictions"] and answer["sure"] == said["sure"]
    status, answer = ask(f"{served}predict", b"no picture")
    assert status == 422 and "not an image" in answer["error"]
    assert ask(f"{served}elsewhere", b"x")[0] == 404
    (directory.parent / "secret.json").write_text("{}")
    for path in ("../secret.json", str(directory.parent / "secret.json"), "..%2fsecret.json"):
        assert raw(served, f"GET /{path} HTTP/1.0\r\n\r\n").startswith("HTTP/1.0 404"), path
    (directory.parent / "secret.json").unlink()
    for length, status in (("²", 411), ("0", 411), ("9" * 5000, 413), ("60000000", 413)):
        said = raw(served, f"POST /predict HTTP/1.0\r\nContent-Length: {length}\r\n\r\n")
        assert said.startswith(f"HTTP/1.0 {status}"), length
    status, answer = ask(f"{served}predict", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    assert status == 422 and "not an image" in answer["error"]
    assert ask(f"{served}predict.py")[0] == 404
    assert ask(f"{served}golden.json")[1]["model"] == "model.onnx"


def test_names_of_users_are_harmless_in_the_card(made) -> None:
    directory, _, _ = made
    card = (directory / "model_card.md").read_text()
    assert "Net &lt;b&gt; S" in card and "<b>" not in card
    assert plain("<script>\n# x") == "&lt;script&gt; \\# x"
    assert len(plain("x" * 300)) == 80
