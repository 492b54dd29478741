from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nas.__main__ import main
from nas.errors import DataError
from nas.evaluators.imagenet import imagenet_parent
from nas.networks import build_network
from nas.spaces.lite import lite0_architecture
from nas.supernet.files import load_elastic
from nas.supernet.images import unlabelled_cache
from nas.supernet.transfer import adapted


def images(directory: Path, n: int = 9) -> Path:
    for number in range(n):
        (directory / str(number % 2)).mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 255, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(directory / str(number % 2) / f"{number}.png")
    (directory / "notes.txt").write_text("no image")
    Image.fromarray(pixels).save(directory / "loose.png")
    return directory


def test_any_images_make_elastic_weights_that_bring_a_fine_tuned_network_along(tmp_path: Path):
    out = tmp_path / "elastic.safetensors"
    given = [str(images(tmp_path / "photos")), "--out", str(out), "--minutes", "0.01", "--side", "64"]
    assert main(["pretrain-supernet", *given]) == 0
    elastic = load_elastic(out)
    assert elastic.n_classes == 1000
    before = imagenet_parent().state
    whole = build_network(lite0_architecture(64), 3)
    whole.load_state_dict(dict(before), strict=False)
    after = whole.state_dict()
    x = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    with torch.inference_mode():
        untuned = adapted(elastic, before, after).eval()
        elastic.network.classifier = untuned.network.classifier
        expected = elastic(x)
        torch.testing.assert_close(untuned(x), expected, atol=1e-3, rtol=1e-3)
        tuned = {**after, "classifier.bias": after["classifier.bias"] + 1}
        torch.testing.assert_close(
            adapted(elastic, before, tuned).eval()(x), expected + 1, atol=1e-3, rtol=1e-3
        )


def test_loose_images_count_and_a_folder_without_any_is_refused(tmp_path: Path):
    cache = unlabelled_cache(images(tmp_path / "photos"), tmp_path / "cache", side=32)
    assert len(cache.indices("train")) == 10 and cache.cache_size == 32
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("no image")
    with pytest.raises(DataError):
        unlabelled_cache(tmp_path / "empty", tmp_path / "none", side=32)
    assert not (tmp_path / "none").exists()


def test_names_and_minutes_that_cannot_be_are_refused(tmp_path: Path):
    folder = str(images(tmp_path / "photos", 2))
    assert main(["pretrain-supernet", folder, "--out", str(tmp_path / "x.pt")]) == 1
    assert (
        main(["pretrain-supernet", folder, "--out", str(tmp_path / "x.safetensors"), "--minutes", "0"]) == 1
    )
