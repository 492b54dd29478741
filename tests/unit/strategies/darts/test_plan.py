from __future__ import annotations

from nas.cells import DARTS, NASBENCH201
from nas.strategies.darts.plan import Plan, selection_seconds, size_of


def plan(seconds: float, n_train: int = 2_000) -> Plan:
    return size_of(NASBENCH201, seconds, (n_train, 300), 0.05)


def test_much_time_gives_the_papers_epochs_at_full_depth_on_all_images_that_fit() -> None:
    found = plan(2_000)
    assert (found.cells, found.epochs, found.tune_epochs) == (5, 50, 5)
    assert found.images == 2_000 // 64 * 64


def test_less_time_takes_images_then_epochs_then_depth() -> None:
    sizes = [plan(seconds) for seconds in (2_000, 400, 200, 100, 12)]
    assert [one.cells for one in sizes] == sorted((one.cells for one in sizes), reverse=True)
    assert [one.epochs for one in sizes] == sorted((one.epochs for one in sizes), reverse=True)
    assert sizes[1].epochs == 50 and sizes[1].images < sizes[0].images
    assert sizes[2].cells == 5 and sizes[2].epochs < 50
    assert sizes[4].cells < 5


def test_a_search_is_expected_to_take_no_longer_than_it_may() -> None:
    for seconds in (2_000, 400, 200, 100, 30):
        assert plan(seconds).seconds <= seconds
        assert 0 < selection_seconds(NASBENCH201, plan(seconds)) < 0.5 * seconds


def test_an_epoch_fits_into_a_slice_however_many_images_there_are() -> None:
    found = plan(1e6, n_train=10**6)
    assert found.images // 64 * found.step_seconds <= 10


def test_where_a_selection_by_perturbation_is_too_dear_the_largest_alphas_decide() -> None:
    short = plan(4)
    assert not short.perturbs and short.cells == 1 and short.seconds <= 4
    assert selection_seconds(NASBENCH201, short) == 0
    assert size_of(DARTS, 40.0, (2_000, 300), 0.5).perturbs is False


def test_a_slow_machine_and_few_images_still_get_a_search() -> None:
    slow = size_of(DARTS, 5.0, (40, 10), 60.0)
    assert (slow.cells, slow.epochs, slow.images, slow.tune_epochs) == (1, 5, 40, 1)
