"""A teacher and averaged weights: what they change, and that a resumed training does not notice."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from nas.data.augment import Augmentation, Augmenter
from nas.data.cache import ImageCache
from nas.errors import EvaluationError
from nas.networks import build_network
from nas.prediction import images_of
from nas.training import Teacher, TrainingConfig, evaluate, one_cycle, train
from nas.training.fast import fast_layers
from tests.unit.networks.architectures import tiny

FOREVER = 1e9  # seconds: the schedule follows the images alone, so that two trainings can be equal
CONFIG = TrainingConfig(32, FOREVER, learning_rate=5e-3, head_multiplier=1.0, max_epochs=2)


def network(cache: ImageCache, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return build_network(tiny(), cache.n_classes)


def weights(module: nn.Module) -> dict[str, torch.Tensor]:
    return {key: value.clone() for key, value in module.state_dict().items()}


def assert_same(one: nn.Module, other: nn.Module) -> None:
    for key, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[key]), key


def test_without_a_teacher_the_loop_is_adamw_on_augmented_batches(photo_cache: ImageCache) -> None:
    """The loop, written again in its plainest form, gives the same weights bit by bit."""
    steps, rows = 3, photo_cache.indices("train")
    size = min(32, len(rows) // 4)
    left = iter([False] * steps)
    module = network(photo_cache).to(memory_format=torch.channels_last)
    train(module, photo_cache, CONFIG, should_stop=lambda: next(left, True))
    plain = network(photo_cache).to(memory_format=torch.channels_last)
    decayed = [each for each in plain.parameters() if each.ndim > 1]
    others = [each for each in plain.parameters() if each.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}], fused=True
    )
    generator = torch.Generator()
    augmenter = Augmenter(Augmentation(), 32, photo_cache.n_classes, generator)
    order = np.random.default_rng([0, 0]).permutation(rows)
    for step in range(steps):
        chosen = order[step * size : (step + 1) * size]
        generator.manual_seed(step)
        torch.manual_seed(step)
        labels = torch.from_numpy(photo_cache.labels[chosen])
        x, targets = augmenter(images_of(photo_cache, chosen), labels)
        for group in optimizer.param_groups:
            group["lr"] = 5e-3 * one_cycle(step * size / (2 * len(rows)), 0.1)
        optimizer.zero_grad()
        with fast_layers(plain):  # the same but for rounding, see test_fast
            F.cross_entropy(plain(x), targets, label_smoothing=0.1).backward()
        optimizer.step()
    assert_same(module, plain)


def test_teacher_and_student_see_the_same_crops(photo_cache: ImageCache) -> None:
    augmentation = Augmentation(random_crop=0.5, flip=True, colour=0.3, mixup=0.4)
    rows = photo_cache.indices("train")[:16]
    images, labels = images_of(photo_cache, rows), torch.from_numpy(photo_cache.labels[rows])

    def augmenter() -> Augmenter:
        return Augmenter(augmentation, 32, photo_cache.n_classes, torch.Generator().manual_seed(5))

    (small, large), targets = augmenter().views(images, labels, (32, 64))
    assert small.shape == (16, 3, 32, 32) and large.shape == (16, 3, 64, 64)
    assert small.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(small, F.interpolate(large, (32, 32), mode="bilinear", antialias=True))
    (again, tiny_one), same_targets = augmenter().views(images, labels, (64, 32))
    assert torch.equal(again, large) and torch.equal(tiny_one, small)
    assert torch.equal(targets, same_targets)
    alone, alone_targets = augmenter()(images, labels)  # cut by Pillow at once: the same but for rounding
    assert torch.equal(alone_targets, targets)
    assert float((alone - small).abs().mean()) < 0.02 < float((alone - small.flip(0)).abs().mean())
    (only,), _ = augmenter().views(images, labels, (32,))
    assert torch.equal(only, alone)


class _Listening(nn.Module):
    """A teacher or student that remembers what it was shown."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module, self.seen, self.modes = module, [], []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen.append(x.clone())
        self.modes.append(self.training)
        return self.module(x)


def test_a_training_shows_one_batch_to_both(photo_cache: ImageCache) -> None:
    student, teacher = _Listening(network(photo_cache)), _Listening(network(photo_cache, 1))
    before = weights(teacher)
    train(student, photo_cache, replace(CONFIG, max_epochs=0.5), teacher=Teacher(teacher, 48, "t"))
    assert len(student.seen) == len(teacher.seen) > 1
    assert teacher.modes == [False] * len(teacher.seen) and all(student.modes)
    for small, large in zip(student.seen, teacher.seen, strict=True):
        assert torch.equal(small, F.interpolate(large, (32, 32), mode="bilinear", antialias=True))
    for key, value in teacher.state_dict().items():
        assert torch.equal(value, before[key])
    assert all(each.grad is None for each in teacher.parameters())


def test_a_student_comes_to_answer_as_its_teacher(photo_cache: ImageCache) -> None:
    rows = photo_cache.indices("val")
    master = network(photo_cache, 3)
    train(master, photo_cache, replace(CONFIG, max_epochs=4))
    for parameter in master.get_classifier().parameters():  # it calls every class by the next one's name
        parameter.data.copy_(parameter.data.roll(1, 0))
    wanted = evaluate(master, photo_cache, rows, 32).probabilities

    def distance(weight: float) -> float:
        student = network(photo_cache)
        teacher = Teacher(master, 32, "master", weight=weight, temperature=2.0)
        train(student, photo_cache, replace(CONFIG, max_epochs=3), teacher=teacher)
        return float(np.abs(evaluate(student, photo_cache, rows, 32).probabilities - wanted).mean())

    assert distance(1.0) < 0.6 * distance(0.0)


def test_the_loss_is_the_mixture_of_both() -> None:
    logits, answers = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([[3.0, 0.0], [0.0, 0.5]])
    hard = torch.tensor(0.7)
    soft = torch.stack(
        [
            (p * (p / q).log()).sum()
            for p, q in zip((answers / 2).softmax(1), (logits / 2).softmax(1), strict=True)
        ]
    ).mean()
    teacher = Teacher(nn.Identity(), 8, "t", weight=0.25, temperature=2.0)
    torch.testing.assert_close(teacher.loss(logits, answers, hard), 0.75 * hard + 0.25 * 4 * soft)
    assert float(teacher.loss(answers, answers, hard)) == pytest.approx(0.75 * 0.7)


def test_a_resumed_training_with_teacher_and_average_equals_one_in_one_go(
    tmp_path: Path, photo_cache: ImageCache
) -> None:
    config = replace(CONFIG, ema=0.99)
    teacher = Teacher(network(photo_cache, 1), 48, "t")
    whole = network(photo_cache)
    result = train(whole, photo_cache, config, teacher=teacher)
    path, left = tmp_path / "c", iter([False] * 3)
    halted = train(
        network(photo_cache),
        photo_cache,
        config,
        teacher=teacher,
        checkpoint=path,
        should_stop=lambda: next(left, True),
    )
    other = network(photo_cache, 7)  # other weights: they must come from the checkpoint
    resumed = train(other, photo_cache, config, teacher=teacher, checkpoint=path)
    assert halted.interrupted and halted.steps == 3 and resumed.steps == result.steps > 3
    assert_same(whole, other)


@pytest.mark.parametrize(
    "changes", [{"identity": "u"}, {"resolution": 32}, {"weight": 0.4}, {"temperature": 2.0}]
)
def test_another_teacher_is_another_training(
    tmp_path: Path, photo_cache: ImageCache, changes: dict[str, object]
) -> None:
    path, left = tmp_path / "c", iter([False] * 2)
    teacher = Teacher(network(photo_cache, 1), 48, "t")
    stop = lambda: next(left, True)  # noqa: E731
    train(network(photo_cache), photo_cache, CONFIG, teacher=teacher, checkpoint=path, should_stop=stop)
    left = iter([False])
    result = train(
        network(photo_cache),
        photo_cache,
        CONFIG,
        teacher=replace(teacher, **changes),
        checkpoint=path,
        should_stop=stop,
    )
    assert result.steps == 1


def test_the_module_ends_with_the_average_of_its_steps(photo_cache: ImageCache) -> None:
    """The average is that of the weights after each step, recorded from outside; counts are no averages."""
    module, states = network(photo_cache), []
    module.to(memory_format=torch.channels_last)
    start = weights(module)
    train(module, photo_cache, replace(CONFIG, ema=0.8), on_progress=lambda _: states.append(weights(module)))
    expected = start
    for step, state in enumerate(states, start=1):
        weight = 1 - min(0.8, (1 + step) / (10 + step))
        expected = {
            k: v + weight * (state[k] - v) if v.is_floating_point() else state[k] for k, v in expected.items()
        }
    for key, value in module.state_dict().items():
        torch.testing.assert_close(value, expected[key])
    assert not torch.equal(module.conv_stem.weight, states[-1]["conv_stem.weight"])
    last = network(photo_cache)
    train(last, photo_cache, CONFIG)
    for key, value in last.state_dict().items():
        assert torch.equal(value, states[-1][key])  # the steps themselves are the same


def test_a_teacher_of_other_classes_is_a_sentence(photo_cache: ImageCache) -> None:
    stranger = build_network(tiny(), photo_cache.n_classes + 1)
    with pytest.raises(EvaluationError, match="same classes"):
        train(network(photo_cache), photo_cache, CONFIG, teacher=Teacher(stranger, 32, "t"))


def test_impossible_settings_are_refused() -> None:
    for wrong in ({"weight": 1.5}, {"temperature": 0.0}, {"resolution": 0}):
        with pytest.raises(ValueError, match="teacher"):
            Teacher(**{"module": nn.Identity(), "resolution": 8, "identity": "t"} | wrong)
    with pytest.raises(ValueError, match="moving average"):
        replace(CONFIG, ema=1.0)
