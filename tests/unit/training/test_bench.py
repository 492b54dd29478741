"""`training-bench`: three loops that stop where they are told, and figures by hand."""

from multiprocessing import Pipe
from pathlib import Path
from threading import Thread

import pytest
import torch
from PIL import Image

from nas.benches.training import RACERS, race_verdict, speed_summary, table_lines
from nas.benches.training_loops import LoopSettings, _Served, recipe
from nas.benches.training_steps import VARIANTS, measure_steps
from nas.data.cache import ImageCache, read_index
from nas.training import TrainingConfig


@pytest.fixture
def pictures(tmp_path: Path, photo_cache: ImageCache) -> Path:
    for row, entry in enumerate(read_index(photo_cache.directory)):
        path = tmp_path / entry["path"]
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photo_cache.images[row]).save(path, format="PNG")
    return tmp_path


@pytest.mark.parametrize("kind", ["files", "memory", "ours"])
def test_a_loop_trains_as_many_steps_as_it_is_told(
    kind: str, pictures: Path, photo_cache: ImageCache
) -> None:
    here, there = Pipe()
    settings = LoopSettings(kind, photo_cache.directory, pictures, 32, epochs=100, changes={"ema": 0.9})
    served = _Served(settings, there)
    thread = Thread(target=served.run)
    thread.start()
    here.send((2, False))
    first = here.recv()
    here.send((1, True))
    second = here.recv()
    here.send("stop")
    last = here.recv()
    thread.join(30)
    assert not thread.is_alive()
    assert first["images"] == 2 * served.size and second["images"] == served.size
    assert first["cpu_seconds"] > 0 and first["seconds"] > 0 and "accuracy" not in first
    assert 0 <= second["accuracy"] <= 1 and not second["finished"] and last["finished"]
    assert torch.get_num_threads() >= 1


def test_all_racers_are_recipes() -> None:
    for changes in RACERS.values():
        fields = {key: value for key, value in changes.items() if key != "grow"}
        made = recipe(LoopSettings("ours", Path(), Path(), 64, epochs=1, changes=fields))
        assert isinstance(made, TrainingConfig) and made.max_epochs == changes["max_epochs"]


def turns(seconds: float, n: int = 3) -> list[dict[str, float]]:
    return [{"images": 64, "seconds": 2 * seconds, "cpu_seconds": seconds * (1 + i)} for i in range(n)]


def test_speeds_are_compared_turn_by_turn() -> None:
    found = speed_summary(
        {"files": turns(4.0), "memory": turns(2.0), "ours": turns(1.0)}, macs=10**8, flops_a_second=6.4e10
    )
    assert found["ours_against"] == {"files": pytest.approx(4.0), "memory": pytest.approx(2.0)}
    assert found["images_a_processor_second"] == {"files": 8.0, "memory": 16.0, "ours": 32.0}
    assert found["images_a_second"]["ours"] == 32.0
    assert found["share_of_gemm"]["ours"] == pytest.approx(32 * 6e8 / 6.4e10)


def test_the_race_is_won_when_the_accuracy_is_first_reached() -> None:
    def curve(*accuracies: float) -> list[dict[str, float]]:
        return [{"cpu_seconds": 10.0, "images": 32, "accuracy": each} for each in accuracies]

    race = {
        "curves": {
            "memory": curve(0.5, 0.6, 0.7, 0.85, 0.8),
            "quick": curve(0.7, 0.81, 0.79),
            "weak": curve(0.1, 0.2),
        }
    }
    verdict = race_verdict(race)
    assert verdict["target"] == 0.8 and verdict["cpu_seconds"] == 50.0
    assert verdict["recipes"]["quick"] == {
        "reached_after": 20.0,
        "times_faster": 2.5,
        "end_accuracy": 0.79,
        "end_cpu_seconds": 30.0,
    }
    assert verdict["recipes"]["weak"]["reached_after"] is None
    speed = speed_summary(
        {"files": turns(4.0), "memory": turns(2.0), "ours": turns(1.0)}, macs=10**8, flops_a_second=6.4e10
    )
    steps = {"milliseconds": {"plain": 200.0}, "against_plain": {"plain": 1.0}}
    text = "\n".join(
        table_lines({"speed": speed, "steps": steps, "race": {"verdict": verdict}, "settings": {"epochs": 5}})
    )
    assert "ours against memory: 2.00x" in text and "quick: as accurate after 20 s, 2.50x" in text
    assert "weak: as accurate never" in text and "a step, plain: 200 ms, 1.00x" in text


def test_steps_are_timed_in_turns() -> None:
    threads = torch.get_num_threads()
    try:
        found = measure_steps(32, rounds=1)
    finally:
        torch.set_num_threads(threads)
    assert set(found["milliseconds"]) == set(VARIANTS) and min(found["milliseconds"].values()) > 0
    assert found["against_plain"]["plain"] == 1.0
