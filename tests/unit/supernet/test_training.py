from dataclasses import replace
from pathlib import Path

import pytest
import torch

from nas.data.cache import ImageCache
from nas.errors import EvaluationError
from nas.prediction import validation_rows
from nas.spaces.lite import lite0_architecture
from nas.spaces.lite_elastic import LiteElastic
from nas.supernet.draws import Alone, Sandwich
from nas.supernet.elastic import ElasticLite0
from nas.supernet.scoring import score
from nas.supernet.training import ElasticConfig, train_elastic

CONFIG = ElasticConfig(32, seconds=1e6, max_steps=2, batch_size=4)
SPACE = LiteElastic(resolutions=(32,))
SMALLEST = SPACE.decode((0,) * len(SPACE.decisions))
DRAWS = Sandwich((32,), n_random=1, progressive=False)


def supernet_and_teacher() -> tuple[ElasticLite0, torch.nn.Module]:
    torch.manual_seed(0)
    supernet = ElasticLite0(10)
    return supernet, supernet.extract(lite0_architecture(32))


def test_a_training_that_was_stopped_goes_on_as_if_nothing_had_happened(
    digit_cache: ImageCache, tmp_path: Path
):
    checkpoint = tmp_path / "elastic.checkpoint"
    whole, teacher = supernet_and_teacher()
    result = train_elastic(whole, teacher, digit_cache, CONFIG, DRAWS)
    assert (result.steps, result.images_seen, result.interrupted) == (2, 8, False)
    polls = iter([False, True])
    first, teacher = supernet_and_teacher()
    cut = train_elastic(
        first, teacher, digit_cache, CONFIG, DRAWS, checkpoint=checkpoint, should_stop=lambda: next(polls)
    )
    assert cut.interrupted and cut.steps == 1
    other, teacher = supernet_and_teacher()
    unlike = replace(CONFIG, learning_rate=1e-5, max_steps=1)
    assert (
        train_elastic(other, teacher, digit_cache, unlike, Alone(SMALLEST), checkpoint=checkpoint).images_seen
        == 4
    )
    second, teacher = supernet_and_teacher()
    second.sort_channels({key: order.flip(0) for key, order in sorted_orders(second).items()})
    rest = train_elastic(second, teacher, digit_cache, CONFIG, DRAWS, checkpoint=checkpoint)
    assert rest.steps == 2
    for (name, value), other in zip(whole.named_parameters(), second.parameters(), strict=True):
        torch.testing.assert_close(value, other, msg=name)
    assert second.orders == first.orders == {}


def sorted_orders(supernet: ElasticLite0) -> dict[str, torch.Tensor]:
    supernet.sort_channels()
    return dict(supernet.orders)


def test_the_seconds_are_a_promise_and_progress_is_told(digit_cache: ImageCache):
    supernet, teacher = supernet_and_teacher()
    told: list[float] = []
    config = replace(CONFIG, seconds=1.0, max_steps=None)
    draws = Alone(SMALLEST)
    result = train_elastic(supernet, teacher, digit_cache, config, draws, on_progress=told.append)
    step = result.seconds / result.steps
    assert 1.0 <= result.seconds <= 1.0 + 5 * step and told[-1] == 1.0 and told == sorted(told)


def test_the_teacher_stays_and_a_loss_that_is_no_number_ends_it(digit_cache: ImageCache):
    supernet, teacher = supernet_and_teacher()
    before = {name: value.clone() for name, value in teacher.state_dict().items()}
    train_elastic(supernet, teacher, digit_cache, replace(CONFIG, max_steps=1), DRAWS)
    assert all(torch.equal(value, before[name]) for name, value in teacher.state_dict().items())
    with torch.no_grad():
        supernet.network.get_submodule("classifier").bias.fill_(float("nan"))
    with pytest.raises(EvaluationError, match="diverged"):
        train_elastic(supernet, teacher, digit_cache, CONFIG, DRAWS)


def test_a_small_network_learns_from_the_teacher(digit_cache: ImageCache):
    """A teacher that always says one thing is soon believed."""
    supernet, teacher = supernet_and_teacher()
    with torch.no_grad():
        classifier = teacher.get_submodule("classifier")
        classifier.weight.zero_()
        classifier.bias.copy_(8.0 * torch.eye(10)[7])
    config = replace(CONFIG, max_steps=12, learning_rate=3e-3)
    train_elastic(supernet, teacher, digit_cache, config, Alone(SMALLEST))
    found = score(supernet, SMALLEST, digit_cache, validation_rows(digit_cache))
    assert (found.probabilities.argmax(axis=1) == 7).mean() > 0.9
