import random

from nas.spaces.lite import LITE0_STAGES, lite0_architecture
from nas.supernet.draws import STARTS, Alone, Sandwich


def test_dimensions_become_elastic_one_after_the_other():
    sandwich = Sandwich((64, 96))
    for fraction in (0.0, STARTS["depth"], STARTS["expansion"]):
        smallest = sandwich.draw(fraction, random.Random(0))[1].architecture
        assert smallest.resolution == 64 and smallest.stages[4].kernel == 3
        assert (smallest.stages[4].depth == 1) == (fraction >= STARTS["depth"])
        assert (smallest.stages[4].expansion == 3) == (fraction >= STARTS["expansion"])


def test_weights_that_were_elastic_before_are_so_from_the_first_step():
    smallest = Sandwich((64,), progressive=False).draw(0.0, random.Random(0))[1].architecture
    assert smallest.stages[4].expansion == 3 and smallest.stages[4].depth == 1


def test_a_step_trains_largest_smallest_and_different_others():
    draws = Sandwich((64, 96), n_random=2).draw(1.0, random.Random(0))
    assert [each.role for each in draws] == ["largest", "other", "other", "other"]
    assert draws[0].architecture.stages == LITE0_STAGES
    assert len({each.architecture for each in draws}) == 4
    assert Sandwich((64, 96)).draw(1.0, random.Random(0)) == draws


def test_one_network_may_be_trained_alone():
    assert [each.architecture for each in Alone(lite0_architecture(64)).draw(0.5, random.Random(0))] == [
        lite0_architecture(64)
    ]
