import math
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from nas.checkpoint import Progress, load_checkpoint, save_checkpoint
from nas.data.augment import Augmentation, Augmenter
from nas.data.cache import ImageCache
from nas.errors import EvaluationError
from nas.networks import build_network
from nas.prediction import reestimate_batch_norm
from nas.training import TrainingConfig, evaluate, one_cycle, train
from tests.unit.networks.architectures import tiny

CONFIG = TrainingConfig(resolution=32, seconds=1.0, learning_rate=5e-3, head_multiplier=1.0)


def network(cache: ImageCache, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return build_network(tiny(), cache.n_classes)


def test_a_training_learns_real_photos(photo_cache: ImageCache) -> None:
    module = network(photo_cache)
    before = evaluate(module, photo_cache, photo_cache.indices("val"), 32)
    result = train(module, photo_cache, replace(CONFIG, seconds=6.0))
    after = evaluate(module, photo_cache, photo_cache.indices("val"), 32)
    assert after.accuracy > before.accuracy + 0.2
    assert after.accuracy_low <= after.accuracy <= after.accuracy_high
    assert after.probabilities.shape == (len(after.labels), 4) and after.probabilities.dtype == np.float32
    np.testing.assert_allclose(after.probabilities.sum(axis=1), 1, atol=1e-5)
    assert result.epochs == pytest.approx(result.images_seen / len(photo_cache.indices("train")))


def test_a_training_of_three_seconds_takes_three_seconds_and_one_step(photo_cache: ImageCache) -> None:
    steps: list[float] = []
    module = network(photo_cache)
    started = time.monotonic()
    result = train(
        module,
        photo_cache,
        replace(CONFIG, seconds=3.0),
        on_progress=lambda _: steps.append(time.monotonic()),
    )
    elapsed = time.monotonic() - started
    longest = max(np.diff([started, *steps]))
    assert 3.0 <= result.seconds <= elapsed <= 3.0 + longest + 0.1
    assert result.steps == len(steps) > 1 and not result.interrupted


def test_an_interrupted_training_goes_on_where_it_was(tmp_path, photo_cache: ImageCache) -> None:
    path = tmp_path / "c.ckpt"
    config = replace(CONFIG, seconds=60.0)
    seen: list[torch.Tensor] = []

    def run(module: nn.Module, steps: int) -> object:
        left = iter([False] * steps)
        hook = module.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].clone()))
        result = train(module, photo_cache, config, checkpoint=path, should_stop=lambda: next(left, True))
        hook.remove()
        return result

    whole = network(photo_cache)
    run(whole, 5)
    path.unlink()
    in_one_go, seen[:] = list(seen), []
    first = run(network(photo_cache), 2)
    assert first.interrupted and first.steps == 2
    second = run(network(photo_cache, seed=7), 3)  # other weights: they must come from the checkpoint
    assert second.interrupted and second.steps == 5 and second.seconds > first.seconds
    assert second.images_seen == 5 * second.images_seen // second.steps
    assert len(seen) == 5
    for one, other in zip(in_one_go, seen, strict=True):
        assert torch.equal(one, other)


def test_a_kept_checkpoint_is_gone_on_with_for_more_seconds(tmp_path, photo_cache: ImageCache) -> None:
    path = tmp_path / "c.ckpt"
    first = train(network(photo_cache), photo_cache, CONFIG, checkpoint=path, keep_checkpoint=True)
    assert not first.interrupted and path.exists()
    kept = path.read_bytes()
    longer = replace(CONFIG, seconds=first.seconds + 1.0)
    other = network(photo_cache, seed=7)  # other weights: they must come from the checkpoint
    second = train(other, photo_cache, longer, checkpoint=path, keep_checkpoint=True)
    assert second.steps > first.steps and second.seconds >= first.seconds + 1.0
    assert path.read_bytes() != kept
    path.unlink()
    train(network(photo_cache), photo_cache, replace(CONFIG, max_epochs=0.3), checkpoint=path)
    assert not path.exists()


def test_spent_seconds_survive_a_resume(tmp_path, photo_cache: ImageCache) -> None:
    path = tmp_path / "c.ckpt"
    config = replace(CONFIG, seconds=2.0)
    started = time.monotonic()
    train(
        network(photo_cache),
        photo_cache,
        config,
        checkpoint=path,
        should_stop=lambda: time.monotonic() - started > 1.0,
    )
    resumed = time.monotonic()
    result = train(network(photo_cache), photo_cache, config, checkpoint=path)
    assert not result.interrupted and result.seconds >= 2.0
    assert time.monotonic() - resumed < 1.6


@pytest.mark.parametrize("damage", ["torn", "garbage", "other training"])
def test_a_checkpoint_that_does_not_fit_is_ignored(tmp_path, photo_cache: ImageCache, damage: str) -> None:
    path = tmp_path / "c.ckpt"
    left = iter([False] * 3)
    train(network(photo_cache), photo_cache, CONFIG, checkpoint=path, should_stop=lambda: next(left, True))
    config = CONFIG
    if damage == "torn":
        path.write_bytes(path.read_bytes()[:-100])
    elif damage == "garbage":
        path.write_bytes(b"\x80\x04 not a checkpoint")
    else:
        config = replace(CONFIG, seed=9)
    left = iter([False])
    result = train(
        network(photo_cache), photo_cache, config, checkpoint=path, should_stop=lambda: next(left, True)
    )
    assert result.steps == 1


def test_a_checkpoint_restores_the_optimizer(tmp_path, photo_cache: ImageCache) -> None:
    def made(seed: int) -> tuple[nn.Module, torch.optim.Optimizer]:
        module = network(photo_cache, seed)
        return module, torch.optim.AdamW(module.parameters(), lr=0.1)

    one, optimizer = made(0)
    one(torch.rand(4, 3, 32, 32)).sum().backward()
    optimizer.step()
    save_checkpoint(tmp_path / "c", "f", Progress(1.5, 2, 64), one, optimizer)
    other, fresh = made(1)
    assert load_checkpoint(tmp_path / "c", "g", other, fresh) is None
    assert load_checkpoint(tmp_path / "c", "f", other, fresh) == Progress(1.5, 2, 64)
    for key, tensor in one.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[key])
    moments = optimizer.state_dict()["state"], fresh.state_dict()["state"]
    assert all(torch.equal(moments[0][i]["exp_avg"], moments[1][i]["exp_avg"]) for i in moments[0])
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["c"]


def test_a_diverging_training_is_an_error_in_a_sentence(photo_cache: ImageCache) -> None:
    module = network(photo_cache)
    nn.init.constant_(module.classifier.weight, float("nan"))
    with pytest.raises(EvaluationError, match="diverged"):
        train(module, photo_cache, CONFIG)


def test_the_randomness_of_the_caller_is_left_alone(photo_cache: ImageCache) -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    train(
        network_without_draws := nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 4)), photo_cache, CONFIG
    )
    torch.manual_seed(3)
    state = torch.get_rng_state()
    train(network_without_draws, photo_cache, replace(CONFIG, seconds=0.1))
    assert torch.equal(state, torch.get_rng_state()) and torch.rand(1) == expected


def test_max_epochs_ends_a_training_early(photo_cache: ImageCache) -> None:
    result = train(network(photo_cache), photo_cache, replace(CONFIG, seconds=60.0, max_epochs=1.0))
    assert 1.0 <= result.epochs < 1.5 and result.seconds < 30


def test_one_cycle_rises_and_falls() -> None:
    values = [one_cycle(step / 100, 0.1) for step in range(101)]
    assert values[0] == pytest.approx(0.04) and max(values) == values[10] == 1.0
    assert values[:11] == sorted(values[:11]) and values[10:] == sorted(values[10:], reverse=True)
    assert values[-1] == pytest.approx(1e-3)


def test_reestimated_norms_are_those_of_the_images(photo_cache: ImageCache) -> None:
    module = network(photo_cache)
    module.bn1.running_mean.fill_(50)
    module.bn1.running_var.fill_(1e4)
    rows = photo_cache.indices("train")
    module.eval()
    reestimate_batch_norm(module, photo_cache, 32, n_images=len(rows))
    assert not module.training and module.bn1.momentum == 0.1
    from nas.data.preprocess import preprocess

    with torch.inference_mode():
        images = torch.from_numpy(photo_cache.images[rows])
        outputs = module.conv_stem(preprocess(images, 32))
    torch.testing.assert_close(module.bn1.running_mean, outputs.mean((0, 2, 3)), atol=0.02, rtol=0.02)


def test_nobody_trains_on_validation_or_test_images(photo_cache: ImageCache) -> None:
    train_rows, val_rows = set(photo_cache.indices("train")), set(photo_cache.indices("val"))
    assert not train_rows & val_rows

    class Spy(ImageCache):
        def indices(self, split):
            assert split == "train"
            return super().indices(split)

    spy = Spy.open(photo_cache.directory)
    train(network(spy), spy, replace(CONFIG, seconds=0.2))


def test_augmentation_is_reproducible_and_keeps_its_promises(photo_cache: ImageCache) -> None:
    rows = np.arange(16) * 7  # all classes
    images = torch.from_numpy(photo_cache.images[rows])
    labels = torch.from_numpy(photo_cache.labels[rows])

    def batch(seed: int, **changes: object) -> tuple[torch.Tensor, torch.Tensor]:
        augmentation = Augmentation(**changes)  # type: ignore[arg-type]
        return Augmenter(augmentation, 48, 4, torch.Generator().manual_seed(seed))(images, labels)

    x, targets = batch(1)
    assert x.shape == (16, 3, 48, 48) and x.is_contiguous(memory_format=torch.channels_last)
    assert x.min() >= -1 and x.max() <= 1
    assert torch.equal(targets.argmax(1), labels) and torch.equal(targets.sum(1), torch.ones(16))
    assert torch.equal(x, batch(1)[0]) and not torch.equal(x, batch(2)[0])
    plain = batch(1, random_crop=1.0, flip=False, colour=0.0)[0]
    assert torch.equal(plain, batch(2, random_crop=1.0, flip=False, colour=0.0)[0])
    flipped = batch(1, random_crop=1.0, colour=0.0)[0]
    mirrored = [bool(torch.equal(a, b.flip(2))) for a, b in zip(flipped, plain, strict=True)]
    kept = [bool(torch.equal(a, b)) for a, b in zip(flipped, plain, strict=True)]
    assert all(a or b for a, b in zip(mirrored, kept, strict=True)) and any(mirrored) and any(kept)
    mixed = batch(1, mixup=0.4)[1]
    assert (mixed.max(1).values < 1).any() and mixed.sum(1).allclose(torch.ones(16))


def test_wrong_augmentations_are_refused() -> None:
    for wrong in ({"random_crop": 0.0}, {"colour": 1.0}, {"mixup": -1.0}, {"random_crop": math.inf}):
        with pytest.raises(ValueError, match="not an augmentation"):
            Augmentation(**wrong)


def test_frozen_parts_stay_as_they_are(photo_cache: ImageCache) -> None:
    module = network(photo_cache)
    before = {key: value.clone() for key, value in module.state_dict().items()}
    train(module, photo_cache, replace(CONFIG, freeze_norms=True, first_stage=1))
    changed = {key for key, value in module.state_dict().items() if not torch.equal(value, before[key])}
    assert {"blocks.1.0.conv_pw.weight", "classifier.weight"} <= changed
    assert not [key for key in changed if key.startswith(("conv_stem.", "bn1.", "blocks.0."))]
    assert not [key for key in changed if key.endswith(("running_mean", "running_var"))]
    assert all(parameter.requires_grad for parameter in module.parameters())
