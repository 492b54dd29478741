"""The demo's image set, figure, bundles and child process."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from automl_site.demo.bundles import unpack_bundle
from automl_site.demo.errors import DemoError
from automl_site.demo.figure import draw_front
from automl_site.demo.images import write_digits_zip, write_samples
from automl_site.demo.stack import LINK


def candidate(
    number: int, source: str, accuracy: float, latency_ms: float, label: str = "x"
) -> dict[str, Any]:
    metrics = {"accuracy": accuracy, "latency_ms": latency_ms}
    return {"number": number, "source": source, "status": "finished", "label": label, "metrics": metrics}


def test_zip_holds_every_digit_in_its_class_folder(tmp_path: Path) -> None:
    archive = tmp_path / "digits.zip"
    assert write_digits_zip(archive) == 1797
    with zipfile.ZipFile(archive) as opened:
        names = opened.namelist()
        first = Image.open(io.BytesIO(opened.read(names[0])))
        assert first.size == (32, 32)
        # Shrunk back to 8x8 it is the digit of the package.
        small = np.asarray(first.resize((8, 8), Image.Resampling.BOX), dtype=float) * 16 / 255
        assert np.abs(small - load_digits().images[0]).mean() < 1.0
    counts = Counter(name.split("/")[1] for name in names)
    assert counts == Counter(str(label) for label in load_digits().target)


def test_zip_is_the_same_on_every_run(tmp_path: Path) -> None:
    write_digits_zip(tmp_path / "a.zip")
    write_digits_zip(tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_samples_are_one_of_each_class(tmp_path: Path) -> None:
    samples = write_samples(tmp_path)
    assert [label for label, _ in samples] == list(range(10))
    assert all(path.is_file() for _, path in samples)


def test_front_is_drawn_with_labels_that_look_like_mathematics(tmp_path: Path) -> None:
    report = {
        "candidates": [
            candidate(0, "first_model", 0.8, 2.0),
            candidate(1, "baseline", 0.9, 3.0, label="$\\frac{$ <script>"),
            candidate(2, "scaled", 0.95, 1.0),
            {"number": 3, "source": "scaled", "status": "failed", "label": "x", "metrics": None},
        ],
        "front": [1, 2],
    }
    assert draw_front(report, tmp_path / "front.png") == 3
    assert Image.open(tmp_path / "front.png").size == (1300, 780)


def test_report_without_points_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match="no measured candidate"):
        draw_front({"candidates": [], "front": []}, tmp_path / "front.png")


@pytest.mark.parametrize("name", ["../escape.txt", "/absolute.txt", "a/b/c.txt"])
def test_bundle_with_a_foreign_path_is_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "bundle.zip", "w") as archive:
        archive.writestr(name, "x")
    with pytest.raises(DemoError, match="unexpected name"):
        unpack_bundle(tmp_path / "bundle.zip", tmp_path / "model")
    assert not (tmp_path / "escape.txt").exists()


def test_link_is_found_in_a_prefixed_line() -> None:
    line = "up      | Sign in: http://127.0.0.1:8123/welcome/a-B_9:x/\n"
    match = LINK.search(line)
    assert match is not None and match.group() == "http://127.0.0.1:8123/welcome/a-B_9:x/"
