"""A download in an environment that has never heard of this program."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nas.data.cache import ImageCache
from nas.data.decode import decode_image
from nas.export.onnx_model import OnnxClassifier
from tests.bundles import STORED, int8_bundle, small_bundle
from tests.unit.quantise.networks import trained_on_digits

NEEDED = ("onnxruntime", "numpy", "pillow")
LABELS = ["cardboard", "glass", "metal", "paper", "plastic"]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An interpreter with the three libraries that predict.py names, and nothing else."""
    home = tmp_path_factory.mktemp("empty")
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    wanted = [f"{name}=={importlib.metadata.version(name)}" for name in NEEDED]
    subprocess.run([str(home / "bin/python"), "-m", "pip", "install", "--quiet", *wanted], check=True)
    return home / "bin/python"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("run") / "models" / "net"
    small_bundle(directory, LABELS)
    return directory


def raw_photos(directory: Path) -> list[Path]:
    """Odd sizes, held sideways, grey, CMYK, transparent, 16 bits."""
    rng = np.random.default_rng(5)
    picture = Image.fromarray(rng.integers(0, 256, (9, 14, 3), dtype=np.uint8)).resize((1237, 701))
    held = Image.Exif()
    held[0x0112] = 8
    picture.save(directory / "large.jpg", quality=92)
    picture.resize((41, 67)).save(directory / "small.png")
    picture.save(directory / "held.jpg", exif=held)
    picture.convert("L").save(directory / "grey.jpg")
    picture.convert("CMYK").save(directory / "cmyk.jpg")
    clear = picture.copy()
    clear.putalpha(picture.convert("L"))
    clear.save(directory / "clear.png")
    Image.fromarray(rng.integers(0, 65536, (80, 50), dtype=np.uint16)).save(directory / "deep.png")
    return sorted(directory.iterdir())


def test_predict_gives_the_applications_answers_in_an_empty_environment(
    python: Path, bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "photos").mkdir()
    photos = raw_photos(tmp_path / "photos")
    command = [str(python), "-I", str(bundle / "predict.py")]
    answer = subprocess.run(
        [*command, *map(str, photos), "--json", "--top", "5"], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    application = OnnxClassifier(bundle / "model.onnx")
    for result, photo in zip(json.loads(answer.stdout), photos, strict=True):
        decoded = decode_image(photo.read_bytes(), STORED, 10**8)
        pixels = np.frombuffer(decoded.pixels, dtype=np.uint8).reshape(1, STORED, STORED, 3)
        expected = dict(zip(LABELS, application.predict(pixels)[0].tolist(), strict=True))
        found = {guess["label"]: guess["probability"] for guess in result["predictions"]}
        assert found == pytest.approx(expected, abs=1e-4), photo.name
        assert result["sure"] is (max(expected.values()) >= 0.3)
    checked = subprocess.run([*command, "--check"], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_the_int8_file_answers_there_as_it_does_in_the_application(
    python: Path, digit_cache: ImageCache, tmp_path: Path
) -> None:
    directory, _ = int8_bundle(tmp_path, *trained_on_digits(digit_cache), digit_cache)
    (tmp_path / "photos").mkdir()
    photos = raw_photos(tmp_path / "photos")
    command = [str(python), "-I", str(directory / "predict.py")]
    words = [*map(str, photos), "--json", "--top", "10", "--int8"]
    answer = subprocess.run([*command, *words], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    application = OnnxClassifier(directory / "model_int8.onnx")
    for result, photo in zip(json.loads(answer.stdout), photos, strict=True):
        side = digit_cache.cache_size
        decoded = decode_image(photo.read_bytes(), side, 10**8)
        pixels = np.frombuffer(decoded.pixels, dtype=np.uint8).reshape(1, side, side, 3)
        expected = dict(zip(digit_cache.classes, application.predict(pixels)[0].tolist(), strict=True))
        found = {guess["label"]: guess["probability"] for guess in result["predictions"]}
        assert found == pytest.approx(expected, abs=1e-4), photo.name
    checked = subprocess.run([*command, "--check"], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
    (directory / "model_int8.onnx").write_bytes((directory / "model.onnx").read_bytes())
    checked = subprocess.run([*command, "--check"], capture_output=True, text=True, check=False)
    assert checked.returncode == 1
    assert "model_int8.onnx is not the file" in checked.stderr


def test_the_environment_is_as_empty_as_it_says(python: Path) -> None:
    found = subprocess.run([str(python), "-I", "-c", "import torch"], capture_output=True, check=False)
    assert found.returncode != 0
