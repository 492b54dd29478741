"""Real, tiny DARTS searches: what they leave, and that a killed one ends as if nothing had happened."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from nas.data.cache import ImageCache
from nas.strategies.darts.options import DartsOptions
from nas.strategies.darts.search import DartsResult, DartsSearch

SMALL = {"resolution": 16, "channels": 4, "batch_size": 16, "epochs": 3, "hessian_images": 8}

CHILD = """
import sys
from pathlib import Path
import torch
from nas.data.cache import ImageCache
from nas.strategies.darts.options import DartsOptions
from nas.strategies.darts.search import DartsSearch
torch.set_num_threads(1)
cache = ImageCache.open(Path(sys.argv[1]))
options = DartsOptions.fixed(
    resolution=16, channels=4, batch_size=16, epochs=3, hessian_images=8, frozen_epochs=0
)
search = DartsSearch(cache, options, 5, checkpoint=Path(sys.argv[2]))
search.run(on_epoch=lambda record: print(record.epoch, flush=True))
"""


@pytest.fixture(autouse=True)
def _one_thread() -> object:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def what_it_found(result: DartsResult) -> str:
    """All of a result but the clock, exactly."""
    found = asdict(result)
    found.pop("seconds")
    for record in found["epochs"]:
        record.pop("seconds")
        record.pop("cpu_seconds")
    return json.dumps(found, sort_keys=True)


def test_a_killed_search_ends_like_one_that_was_not(tmp_path: Path, photo_cache: ImageCache) -> None:
    options = DartsOptions.fixed(**SMALL, frozen_epochs=0)  # both optimisers have something to lose
    whole = DartsSearch(photo_cache, options, 5).run()
    checkpoint = tmp_path / "darts.checkpoint"
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(photo_cache.directory), str(checkpoint)], stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"0\n"  # the first epoch is over, the second has begun
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    resumed = DartsSearch(photo_cache, options, 5, checkpoint=checkpoint)
    assert 1 <= len(resumed.records) < options.epochs
    told: list[int] = []
    result = resumed.run(on_epoch=lambda record: told.append(record.epoch))
    assert told == list(range(options.epochs))[-len(told) :] and len(told) < options.epochs
    assert whole is not None and result is not None
    assert what_it_found(result) == what_it_found(whole)


def test_a_selection_that_was_put_down_ends_like_one_that_was_not(
    tmp_path: Path, photo_cache: ImageCache
) -> None:
    options = DartsOptions.fixed(**{**SMALL, "epochs": 1, "tune_epochs": 1})
    whole = DartsSearch(photo_cache, options, 3).run()
    checkpoint = tmp_path / "darts.checkpoint"
    search = DartsSearch(photo_cache, options, 3, checkpoint=checkpoint)

    def settled() -> int:
        return int((search.network.allowed("normal").sum(dim=1) == 1).sum())

    assert search.run(should_stop=lambda: settled() == 2) is None
    search = DartsSearch(photo_cache, options, 3, checkpoint=checkpoint)
    assert search.selecting and settled() == 2
    told: list[int] = []
    result = search.run(on_epoch=lambda record: told.append(record.epoch))
    assert not told and whole is not None and result is not None
    assert result.architecture == whole.architecture


def test_a_search_that_has_enough_selects_at_once(photo_cache: ImageCache) -> None:
    options = DartsOptions.plain(**SMALL)
    result = DartsSearch(photo_cache, options, 0).run(enough=lambda: True)
    assert result is not None and len(result.epochs) == 1


def test_the_limit_goes_on_from_what_the_fixed_form_has_settled(
    tmp_path: Path, photo_cache: ImageCache
) -> None:
    changes = {**SMALL, "epochs": 1, "tune_epochs": 1}
    checkpoint = tmp_path / "darts.checkpoint"
    fixed = DartsSearch(photo_cache, DartsOptions.fixed(**changes), 0, checkpoint=checkpoint).run()
    limited = DartsSearch(
        photo_cache, DartsOptions.limited(**changes, most_skips=0), 0, checkpoint=checkpoint
    ).run()
    assert fixed is not None and limited is not None
    pairs = zip(fixed.architecture.normal, limited.architecture.normal, strict=True)
    assert all(now == before or before.op == "skip_connect" for before, now in pairs)
    assert limited.skips == 0


def test_a_stopped_search_goes_on_and_one_of_another_seed_begins_anew(
    tmp_path: Path, photo_cache: ImageCache
) -> None:
    options, checkpoint = DartsOptions.plain(**SMALL), tmp_path / "c"
    search = DartsSearch(photo_cache, options, 1, checkpoint=checkpoint)
    assert search.run(should_stop=lambda: len(search.records) == 2) is None
    assert len(DartsSearch(photo_cache, options, 1, checkpoint=checkpoint).records) == 2
    assert not DartsSearch(photo_cache, options, 2, checkpoint=checkpoint).records
    content = checkpoint.read_bytes()
    checkpoint.write_bytes(content[:-50])
    assert not DartsSearch(photo_cache, options, 1, checkpoint=checkpoint).records


@pytest.mark.parametrize("second_order", [False, True])
def test_a_search_learns_and_reports_each_epoch(photo_cache: ImageCache, second_order: bool) -> None:
    options = DartsOptions.plain(**{**SMALL, "second_order": second_order, "alpha_rate": 0.05})
    result = DartsSearch(photo_cache, options, 0).run()
    assert result is not None and len(result.epochs) == 3 and result.stopped_at is None
    first, last = result.epochs[0], result.epochs[-1]
    assert last.train_loss < first.train_loss and last.entropy < first.entropy
    assert all(record.eigenvalue is not None and 0 <= record.val_accuracy <= 1 for record in result.epochs)
    assert len(result.architecture.normal) == 6
    strongest = [max(row[1:]) for row in last.mixture["normal"]]
    chosen = dict(zip([(e.source, e.target) for e in result.architecture.normal], strongest, strict=True))
    assert len(chosen) == 6 and all(sum(row) == pytest.approx(1) for row in last.mixture["normal"])


def test_frozen_alphas_stay_and_the_weights_learn(photo_cache: ImageCache) -> None:
    options = DartsOptions.plain(**{**SMALL, "epochs": 1, "frozen_epochs": 1})
    search = DartsSearch(photo_cache, options, 0)
    alphas = [alpha.detach().clone() for alpha in search.learner.alphas]
    weights = [weight.detach().clone() for weight in search.learner.weights]
    search.run()
    assert all(torch.equal(a, b) for a, b in zip(alphas, search.learner.alphas, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(weights, search.learner.weights, strict=True))


def test_the_darts_cell_is_derived_with_two_edges_a_node(photo_cache: ImageCache) -> None:
    options = DartsOptions.plain(**{**SMALL, "template": "darts", "epochs": 1, "stem_stride": 2})
    result = DartsSearch(photo_cache, options, 0).run()
    assert result is not None
    for cell in (result.architecture.normal, result.architecture.reduction):
        assert [sum(edge.target == node for edge in cell) for node in (2, 3, 4, 5)] == [2, 2, 2, 2]


def test_the_halves_are_apart_and_hold_no_validation_image(photo_cache: ImageCache) -> None:
    first, second = DartsSearch(photo_cache, DartsOptions.plain(**SMALL), 3).learner.halves
    train = set(photo_cache.indices("train"))
    assert set(first) <= train and set(second) <= train and not set(first) & set(second)
    assert len(first) == len(second) == len(train) // 2
