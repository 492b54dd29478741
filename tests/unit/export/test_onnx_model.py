import numpy as np
import pytest
import torch

from nas.data.cache import ImageCache
from nas.data.preprocess import preprocess
from nas.errors import ExportError
from nas.export import onnx_model
from nas.export.builder import GraphBuilder
from nas.export.onnx_model import OnnxClassifier, export_onnx
from nas.export.parity import check_parity
from tests.unit.export.test_graph import settled
from tests.unit.networks.architectures import every_feature, tiny

LABELS = ["cat", "<script>", "x" * 300, "ünï", "dog"]


@pytest.mark.parametrize("size", [(37, 501), (501, 37), (16, 16), (45, 45), (1, 1), (300, 200)])
def test_any_photo_size_gives_the_probabilities_of_the_network(tmp_path, size: tuple[int, int]) -> None:
    architecture = every_feature(45)
    module = settled(architecture)
    export_onnx(module, architecture, LABELS, tmp_path / "m.onnx", {"a": "b"})
    classifier = OnnxClassifier(tmp_path / "m.onnx")
    images = np.random.default_rng(0).integers(0, 256, (3, *size, 3), dtype=np.uint8)
    with torch.inference_mode():
        expected = module(preprocess(torch.from_numpy(images), 45)).softmax(1).numpy()
    got = classifier.predict(images)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-4)
    np.testing.assert_allclose(classifier.predict(images[:1]), got[:1], rtol=0, atol=1e-6)
    assert classifier.labels == tuple(LABELS)


def test_resizing_antialiases() -> None:
    stripes = torch.zeros(1, 64, 64, 3, dtype=torch.uint8)
    stripes[:, ::2] = 255
    x = preprocess(stripes, 16)
    assert x.is_contiguous(memory_format=torch.channels_last)
    assert x[:, :, 1:-1].abs().max() < 0.1  # grey, not black or white


def test_parity_holds_on_real_images(tmp_path, photo_cache: ImageCache) -> None:
    module = settled(tiny(), photo_cache.n_classes)
    export_onnx(module, tiny(), photo_cache.classes, tmp_path / "m.onnx", {})
    rows = photo_cache.indices("val")
    images = torch.from_numpy(np.asarray(photo_cache.images[rows]))
    parity = check_parity(module, tiny(), tmp_path / "m.onnx", images)
    assert parity.n_images == len(rows) and parity.agreement == 1.0 and parity.max_difference < 1e-4
    classifier = OnnxClassifier(tmp_path / "m.onnx")
    np.testing.assert_array_equal(
        classifier.probabilities(photo_cache.images, rows), classifier.predict(photo_cache.images[rows])
    )


@pytest.mark.parametrize("fault", ["swapped colours", "wrong resize", "other weights", "not a number"])
def test_a_wrong_export_is_refused(
    tmp_path, photo_cache: ImageCache, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = settled(tiny(), photo_cache.n_classes)
    with torch.no_grad():
        module.conv_stem.weight[:, 0] *= 4  # colours matter
        module.classifier.weight *= 20
    images = torch.from_numpy(np.asarray(photo_cache.images[photo_cache.indices("val")]))
    wrong = settled(tiny(), photo_cache.n_classes)
    wrong.load_state_dict(module.state_dict())
    with torch.no_grad():
        if fault == "swapped colours":
            wrong.conv_stem.weight.copy_(wrong.conv_stem.weight[:, [2, 1, 0]].clone())
        elif fault == "wrong resize":
            side = photo_cache.cache_size

            def nearest(graph: GraphBuilder, resolution: int, axis: int) -> str:
                return graph.constant(np.eye(side)[(np.arange(resolution) * side) // resolution])

            monkeypatch.setattr(onnx_model, "_weights", nearest)
        elif fault == "other weights":
            wrong.conv_head.weight.neg_()
        else:
            wrong.classifier.bias[0] = float("nan")
    export_onnx(wrong, tiny(), photo_cache.classes, tmp_path / "m.onnx", {})
    with pytest.raises(ExportError, match="not offered"):
        check_parity(module, tiny(), tmp_path / "m.onnx", images)


def test_a_file_that_is_not_onnx_is_refused(tmp_path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"not a model")
    with pytest.raises(ExportError):
        OnnxClassifier(tmp_path / "m.onnx")
