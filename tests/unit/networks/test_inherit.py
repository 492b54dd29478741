from dataclasses import replace

import pytest
import torch
from torch import nn

from nas.architecture import MBConvArchitecture, Stage
from nas.networks import Inheritance, build_network, inherit
from nas.networks.channels import channel_map, resize_kernel
from tests.unit.networks.architectures import every_feature, lite0, tiny


def lively(architecture: MBConvArchitecture, n_classes: int = 4, seed: int = 0) -> nn.Module:
    """A network in eval mode whose batch norms are nothing special like mean 0 and gamma 1."""
    torch.manual_seed(seed)
    module = build_network(architecture, n_classes)
    nn.init.uniform_(module.classifier.weight, -0.5, 0.5)
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.normal_(layer.bias, 0.2, 0.3)
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 1.5)
    return module.eval()


def heir(
    child: MBConvArchitecture, parent: nn.Module, of: MBConvArchitecture, n_classes: int = 4
) -> tuple[nn.Module, Inheritance]:
    torch.manual_seed(99)
    module = build_network(child, n_classes)
    report = inherit(module, child, parent.state_dict(), of)
    return module.eval(), report


def logits(module: nn.Module, resolution: int) -> torch.Tensor:
    x = torch.rand(3, 3, resolution, resolution, generator=torch.Generator().manual_seed(5)) * 2 - 1
    with torch.inference_mode():
        return module(x)


def change(architecture: MBConvArchitecture, stage: int, **changes: object) -> MBConvArchitecture:
    stages = list(architecture.stages)
    stages[stage] = replace(stages[stage], **changes)  # type: ignore[arg-type]
    return replace(architecture, stages=tuple(stages))


@pytest.mark.parametrize("architecture", [tiny(), every_feature(), lite0(64)])
def test_the_same_architecture_inherits_the_same_network(architecture: MBConvArchitecture) -> None:
    parent = lively(architecture)
    child, report = heir(architecture, parent, architecture)
    assert report.identical and report.cropped == report.grown == report.fresh == 0
    for key, tensor in parent.state_dict().items():
        if not key.endswith("num_batches_tracked"):
            assert torch.equal(tensor, child.state_dict()[key]), key


def wider_and_deeper(a: MBConvArchitecture) -> MBConvArchitecture:
    stages = tuple(replace(stage, depth=stage.depth + 1, channels=stage.channels + 8) for stage in a.stages)
    return replace(a, stages=stages, stem_channels=a.stem_channels + 8)


GROWTHS = {
    "depth": lambda a: change(a, 1, depth=4),
    "expansion": lambda a: change(a, 1, expansion=6),
    "kernel": lambda a: change(a, 2, kernel=9),
    "width of a stage": lambda a: change(a, 1, channels=40),
    "stem": lambda a: replace(change(a, 0, channels=24), stem_channels=24),
    "head": lambda a: replace(a, head_channels=a.head_channels + 32),
    "everything": wider_and_deeper,
}


@pytest.mark.parametrize("grow", GROWTHS.values(), ids=GROWTHS)
@pytest.mark.parametrize("base", [tiny(32), tiny(45), every_feature(45)])
def test_growing_leaves_the_logits_as_they_were(base: MBConvArchitecture, grow) -> None:
    parent = lively(base)
    child, report = heir(grow(base), parent, base)
    assert report.grown + report.fresh > 0
    torch.testing.assert_close(
        logits(child, base.resolution), logits(parent, base.resolution), rtol=0, atol=1e-4
    )


def test_what_is_new_after_growing_gets_gradients() -> None:
    base = tiny(32)
    wide = wider_and_deeper(base)
    child, _ = heir(wide, lively(base), base)
    child(torch.rand(2, 3, 32, 32)).square().sum().backward()
    for key in ("blocks.1.2.bn3.weight", "blocks.1.0.conv_pwl.weight", "blocks.2.0.conv_pw.weight"):
        gradient = child.get_parameter(key).grad
        assert gradient is not None and gradient.abs().sum() > 0
    columns = child.get_parameter("blocks.2.0.conv_pw.weight").grad
    assert (
        columns is not None and columns[:, 16:].abs().sum() > 0
    )  # old outputs may start to read new channels


def test_dropping_a_silent_trailing_block_changes_nothing() -> None:
    deep = change(tiny(), 1, depth=3)
    parent = lively(deep)
    nn.init.zeros_(parent.get_parameter("blocks.1.2.bn3.weight"))
    nn.init.zeros_(parent.get_parameter("blocks.1.2.bn3.bias"))
    child, report = heir(change(deep, 1, depth=2), parent, deep)
    assert not report.identical
    torch.testing.assert_close(logits(child, 32), logits(parent, 32), rtol=0, atol=1e-5)


def test_shrinking_drops_the_channels_that_do_nothing() -> None:
    wide = change(tiny(), 1, expansion=6)
    parent = lively(wide)
    state = parent.state_dict()
    for block, mid in (("blocks.1.0.", 48), ("blocks.1.1.", 96)):
        useless = torch.randperm(mid, generator=torch.Generator().manual_seed(1))[: mid // 2]
        state[f"{block}conv_pwl.weight"][:, useless] = 0
    narrow = change(wide, 1, expansion=3)
    child, report = heir(narrow, parent, wide)
    assert report.cropped > 0 and report.fresh == 0
    torch.testing.assert_close(logits(child, 32), logits(parent, 32), rtol=0, atol=1e-5)


def test_a_narrower_stream_drops_the_same_channels_everywhere() -> None:
    base = tiny()
    parent = lively(base)
    state = parent.state_dict()
    silent = [1, 6, 11, 15]
    for norm in ("blocks.1.0.bn3", "blocks.1.1.bn3"):
        state[f"{norm}.weight"][silent] = 0
        state[f"{norm}.bias"][silent] = 0
    narrow = change(base, 1, channels=12)
    # The expansion is chosen so that the expanded width (48 of 48) stays what it was.
    narrow = change(narrow, 1, expansion=3)
    child, _ = heir(narrow, parent, base)
    kept = [i for i in range(16) if i not in silent]
    assert torch.equal(child.state_dict()["blocks.1.1.bn3.weight"], state["blocks.1.1.bn3.weight"][kept])
    assert torch.equal(child.state_dict()["blocks.1.0.bn3.weight"], state["blocks.1.0.bn3.weight"][kept])


def test_a_smaller_kernel_is_the_centre_of_the_larger() -> None:
    base = tiny()
    parent = lively(base)
    child, _ = heir(change(base, 1, kernel=3), parent, base)
    weight = parent.state_dict()["blocks.1.0.conv_dw.weight"]
    assert torch.equal(child.state_dict()["blocks.1.0.conv_dw.weight"], weight[:, :, 1:4, 1:4])


def test_other_block_types_and_class_counts_start_fresh_and_are_reported() -> None:
    base = tiny()
    parent = lively(base)
    other = change(base, 1, op="er")
    child, report = heir(other, parent, base, n_classes=9)
    assert report.fresh > 1 and "fresh" in report.description
    assert torch.isfinite(logits(child, 32)).all()
    longer = replace(base, stages=(*base.stages, Stage("ir", 3, 3, 0.0, 1, 32, 1)))
    child, report = heir(longer, parent, base)
    assert torch.isfinite(logits(child, 32)).all()


def test_squeeze_excite_that_the_parent_has_not_starts_fresh() -> None:
    base = tiny()
    child, report = heir(change(base, 1, se_ratio=0.25), lively(base), base)
    assert report.fresh == 4
    assert torch.isfinite(logits(child, 32)).all()


def test_channel_maps_and_kernels() -> None:
    assert channel_map(2, torch.tensor([0.1, 3.0, 2.0])).tolist() == [1, 2]
    assert channel_map(5, torch.tensor([1.0, 2.0, 3.0])).tolist() == [0, 1, 2, -1, -1]
    kernel = torch.arange(9.0).view(1, 1, 3, 3)
    assert torch.equal(resize_kernel(resize_kernel(kernel, 7), 3), kernel)
