import random
from dataclasses import replace

import pytest
import torch

from nas.errors import EvaluationError, SpaceError
from nas.networks import build_network, inherit
from nas.spaces.lite import lite0_architecture
from nas.spaces.lite_elastic import LiteElastic
from nas.supernet.elastic import ElasticLite0
from nas.supernet.files import load_elastic, save_elastic
from tests.unit.supernet.lively import lively

SPACE = LiteElastic(resolutions=(32, 64))


def photos(side: int = 32, n: int = 3) -> torch.Tensor:
    return torch.rand(n, 3, side, side, generator=torch.Generator().manual_seed(5)) * 2 - 1


def test_extracted_networks_compute_what_the_active_ones_do():
    supernet, rng = lively(), random.Random(1)
    drawn = [SPACE.decode(SPACE.sample(rng)) for _ in range(5)]
    smallest = SPACE.decode((0,) * len(SPACE.decisions))
    for architecture in [smallest, lite0_architecture(32), *drawn]:
        x = photos(architecture.resolution)
        with torch.inference_mode():
            active, plain = supernet(x, architecture), supernet.extract(architecture)(x)
        assert active.std() > 1e-3
        torch.testing.assert_close(active, plain, atol=1e-5, rtol=1e-5)


def test_sorting_channels_leaves_the_function_as_it_was():
    supernet = lively(seed=3)
    with torch.inference_mode():
        before = supernet(photos())
        for block in supernet.orders:  # back into disorder
            assert sorted(supernet.orders[block].tolist()) == list(range(len(supernet.orders[block])))
        supernet.sort_channels({key: order.flip(0) for key, order in supernet.orders.items()})
        torch.testing.assert_close(supernet(photos()), before, atol=1e-4, rtol=1e-4)


def test_a_new_supernet_cuts_as_plain_inheritance_does():
    whole = lively(seed=4).extract(lite0_architecture(32))
    supernet, architecture = ElasticLite0.of(whole.state_dict(), 3), SPACE.decode((0,) * len(SPACE.decisions))
    child = build_network(architecture, 3)
    inherit(child, architecture, whole.state_dict(), lite0_architecture(32))
    with torch.inference_mode():
        plain = child.eval()(photos())
        torch.testing.assert_close(supernet.extract(architecture)(photos()), plain, atol=1e-5, rtol=1e-5)


def test_training_reaches_what_is_shared_and_leaves_the_statistics():
    supernet = lively().train()
    statistics = {name: value.clone() for name, value in supernet.named_buffers()}
    architecture = SPACE.decode((0,) * len(SPACE.decisions))
    supernet(photos(n=4), architecture).square().sum().backward()
    fold = supernet.folds_of("blocks.5.0")[112 * 3]
    for parameter in (supernet.network.conv_stem.weight, supernet.transforms["blocks_2_0"], fold):
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0
    assert supernet.network.get_submodule("blocks.5.3.conv_pw").weight.grad is None  # dropped
    for name, value in supernet.named_buffers():
        assert torch.equal(value, statistics[name])


def test_networks_that_are_no_part_of_it_are_refused():
    stages = list(lite0_architecture(32).stages)
    stages[2] = replace(stages[2], kernel=7)
    with pytest.raises(SpaceError, match="no part of EfficientNet-Lite0"):
        lively().extract(replace(lite0_architecture(32), stages=tuple(stages)))


def test_weights_come_back_from_their_file_and_damaged_ones_are_refused(tmp_path):
    supernet, path = lively(), tmp_path / "a" / "elastic.safetensors"
    save_elastic(supernet, path, {"steps": 3})
    again, architecture = load_elastic(path), SPACE.decode((0,) * len(SPACE.decisions))
    with torch.inference_mode():
        assert torch.equal(again(photos(), architecture), supernet(photos(), architecture))
    assert all(torch.equal(again.orders[key], order) for key, order in supernet.orders.items())
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(EvaluationError, match="pretrain-supernet"):
        load_elastic(path)
    with pytest.raises(EvaluationError, match="pretrain-supernet"):
        load_elastic(tmp_path / "missing.safetensors")
