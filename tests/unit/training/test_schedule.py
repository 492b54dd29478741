"""What grows and decays in the course of a training, and from layer to layer."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from nas.data.cache import ImageCache
from nas.networks import build_network
from nas.training import TrainingConfig, train
from nas.training.parameters import make_optimizer
from nas.training.schedule import resolution_at
from tests.unit.networks.architectures import tiny

CONFIG = TrainingConfig(32, seconds=1e9, max_epochs=2, learning_rate=1e-3)


def test_a_resolution_grows_in_four_parts() -> None:
    assert [resolution_at(part, 64, 160) for part in (0, 0.24, 0.25, 0.5, 0.75, 1)] == [
        64,
        64,
        96,
        128,
        160,
        160,
    ]
    assert resolution_at(0.1, None, 160) == 160


def test_a_training_begins_small_and_ends_at_its_resolution(photo_cache: ImageCache) -> None:
    torch.manual_seed(0)
    module, sides = build_network(tiny(), photo_cache.n_classes), []
    module.register_forward_pre_hook(lambda _, inputs: sides.append(inputs[0].shape[-1]))
    train(module, photo_cache, replace(CONFIG, start_resolution=17))
    assert sides == sorted(sides) and set(sides) == {17, 22, 27, 32}


def test_early_layers_learn_slower() -> None:
    module = build_network(tiny(), 4)
    optimizer = make_optimizer(module, replace(CONFIG, layer_decay=0.5, head_multiplier=10.0))
    rates = {id(each): group["peak"] for group in optimizer.param_groups for each in group["params"]}
    found = {name: rates[id(each)] / 1e-3 for name, each in module.named_parameters()}
    assert found["conv_stem.weight"] == found["bn1.bias"] == pytest.approx(0.125)
    assert [found[f"blocks.{i}.0.conv_pwl.weight"] for i in (1, 2)] == pytest.approx([0.5, 1.0])
    assert found["conv_head.weight"] == pytest.approx(1.0) and found["classifier.bias"] == pytest.approx(10.0)
    other = nn.Sequential(nn.Linear(3, 3))
    assert {
        group["peak"] for group in make_optimizer(other, replace(CONFIG, layer_decay=0.5)).param_groups
    } == {1e-3}


def test_impossible_settings_are_refused() -> None:
    for wrong in ({"start_resolution": 64}, {"layer_decay": 0.0}, {"layer_decay": 1.5}):
        with pytest.raises(ValueError, match=r"training|decay"):
            replace(CONFIG, **wrong)
