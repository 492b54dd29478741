"""What the live page reckons network by network is what the engine reckons from all of them; run by node."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from nas.candidate import Candidate, Metrics
from nas.objectives import Objective
from nas.pareto import current_candidates, front_of_candidates, hypervolume, non_dominated
from search_app.columns import brief
from tests.factories import candidate_json

OBJECTIVES = (Objective("accuracy", maximize=True), Objective("cost", maximize=False))


def play(script: str, told: Any) -> Any:
    """Runs a script of the page's modules on `told`; it returns its answer."""
    library = (settings.BASE_DIR / "static/js/lib").as_uri()
    program = f"""
      globalThis.window = {{}};
      globalThis.document = {{ documentElement: {{ lang: 'en' }} }};
      const told = JSON.parse(require('fs').readFileSync(0, 'utf8'));
      const load = (name) => import('{library}/' + name + '.js');
      (async () => {{ {script} }})().then((found) => console.log(JSON.stringify(found)));
    """
    node = Path(sys.executable).parent / "node"
    command = [str(node), "--no-warnings", "--input-type=commonjs", "-e", program]
    done = subprocess.run(
        command, input=json.dumps(told), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr[-1500:]
    return json.loads(done.stdout)


def points(seed: int, n: int, steps: int) -> list[tuple[float, float]]:
    """Accuracies and costs on a grid, so that many are equal."""
    draw = random.Random(seed)
    return [(draw.randint(0, steps) / steps, float(draw.randint(1, steps))) for _ in range(n)]


@pytest.mark.parametrize(("n", "steps"), [(1, 5), (150, 12), (200, 1000)])
def test_a_front_that_grows_is_the_front_of_all(n: int, steps: int) -> None:
    told = [points(seed, n, steps) for seed in range(4)]
    script = """
      const { Front } = await load('front');
      return told.map((points) => {
        const front = new Front({ cost: 0.6 * Math.max(...points.map((one) => one[1])), accuracy: 0.2 });
        const areas = points.map(([accuracy, cost], number) => {
          front.add(number, cost, accuracy);
          return front.area;
        });
        return { on: [...front.on.keys()], areas };
      });
    """
    for drawn, found in zip(told, play(script, told), strict=True):
        assert sorted(found["on"]) == non_dominated(drawn, OBJECTIVES)
        reference = (0.2, 0.6 * max(cost for _, cost in drawn))
        for step in {0, n // 2, n - 1}:
            area = hypervolume(drawn[: step + 1], reference, OBJECTIVES)
            assert found["areas"][step] == pytest.approx(area, abs=1e-9)


def test_what_is_taken_off_a_front_uncovers_what_it_hid() -> None:
    told = [points(seed, 60, 15) for seed in range(4)]
    script = """
      const { Front } = await load('front');
      return told.map((points) => {
        const front = new Front({ cost: 10, accuracy: 0 });
        let all = points.map(([accuracy, cost], number) => [number, cost, accuracy]);
        for (const one of all) front.add(...one);
        return Array.from({ length: 30 }, () => {
          const [gone] = [...front.on.keys()];
          all = all.filter(([number]) => number !== gone);
          front.remove(gone, all);
          return { gone, on: [...front.on.keys()], area: front.area };
        });
      });
    """
    for drawn, steps in zip(told, play(script, told), strict=True):
        left = dict(enumerate(drawn))
        for step in steps:
            del left[step["gone"]]
            numbers = list(left)
            kept = [left[number] for number in numbers]
            expected = [numbers[place] for place in non_dominated(kept, OBJECTIVES)]
            assert sorted(step["on"]) == expected
            assert step["area"] == pytest.approx(hypervolume(kept, (0.0, 10.0), OBJECTIVES), abs=1e-9)


def told_candidates(seed: int, *, device: bool) -> list[dict[str, Any]]:
    """A run with equal networks, refinements over several steps, failures, and networks that do not fit."""
    draw = random.Random(seed)
    found = []
    for number in range(60):
        data = candidate_json(number, source=draw.choice(["base_search", "scaled"]))
        data["architecture"]["resolution"] = draw.choice([32, 64, 96, 128])
        data["fidelity"] = draw.choice(["short", "short", "final"])
        data["refines"] = draw.choice([None, None, None, draw.randrange(number) if number else None])
        data["metrics"] |= {"accuracy": draw.randint(0, 20) / 20, "latency_ms": float(draw.randint(1, 15))}
        if device:
            broken = [] if draw.random() < 0.4 and number > 10 else ["too large"]
            data["metrics"]["device"] = {
                "name": "A", "how": "profile", "here_ms": 1.0, "energy_mj": 1.0, "images_per_joule": 1.0,
                "peak_sram_bytes": 5, "size_bytes": 9, "broken_limits": broken,
            }  # fmt: skip
        if draw.random() < 0.1:
            data |= {"metrics": None, "status": "failed", "error": "x"}
        found.append(data)
    return found


@pytest.mark.parametrize("device", [False, True])
def test_networks_that_come_in_count_as_the_engine_counts_them(device: bool) -> None:
    told = [told_candidates(seed, device=device) for seed in range(6)]
    script = """
      const { Networks } = await load('networks');
      const { Front } = await load('front');
      return told.map((candidates) => {
        const networks = new Networks();
        let front = new Front();
        const pairs = () => [...networks.current()].filter((one) => networks.counts(one))
          .map((one) => [one.number, one.metrics.latency_ms, one.metrics.accuracy]);
        for (const one of candidates) {
          const { gone, refit } = networks.add(one);
          if (refit) front = new Front();
          if (refit) for (const pair of pairs()) front.add(...pair);
          for (const number of gone) front.remove(number, pairs());
          const { metrics } = one;
          if (networks.counts(one)) front.add(one.number, metrics.latency_ms, metrics.accuracy);
        }
        return {
          current: [...networks.current()].map((one) => one.number),
          front: [...front.on.keys()],
          failed: networks.failed,
          best: networks.best.metrics.accuracy,
          again: networks.add(candidates[0]),
        };
      });
    """
    answers = play(script, [[brief(data) for data in run] for run in told])
    for run, found in zip(told, answers, strict=True):
        engine = [Candidate.from_json(data) for data in run]
        assert sorted(found["current"]) == sorted(one.number for one in current_candidates(engine))
        assert sorted(found["front"]) == sorted(front_of_candidates(engine))
        assert found["failed"] == sum(one.metrics is None for one in engine)
        measured = [one.metrics for one in engine if one.metrics is not None]
        assert found["best"] == max(m.accuracy for m in fitting(measured))
        assert found["again"] is None, "a network that is told twice counts once"


def fitting(measured: list[Metrics]) -> list[Metrics]:
    return [metrics for metrics in measured if metrics.fits] or measured


def test_what_was_reached_over_time_only_rises() -> None:
    told = [brief(data) for data in told_candidates(1, device=False)]
    script = """
      const { History } = await load('history');
      const history = new History({ cost: (metrics) => metrics.latency_ms });
      for (const one of told) history.add(one, one.metrics !== null);
      return { steps: history.steps, reference: history.reference };
    """
    found = play(script, told)
    measured = [one for one in told if one["metrics"]]
    reference = (0.0, 2 * measured[0]["metrics"]["latency_ms"])
    assert found["reference"] == {"cost": reference[1], "accuracy": 0}
    steps = found["steps"]
    assert len(steps) < len(measured)
    for step in steps:
        until = [one["metrics"] for one in measured if one["number"] <= step["number"]]
        area = hypervolume([(m["accuracy"], m["latency_ms"]) for m in until], reference, OBJECTIVES)
        assert step["share"] == pytest.approx(area / reference[1])
        assert step["best"] == max(m["accuracy"] for m in until)
        assert step["seconds"] == pytest.approx(4.5 * (step["number"] + 1))
    assert [step["share"] for step in steps] == sorted(step["share"] for step in steps)


def test_the_time_left_is_a_range_of_the_spread_and_the_pace() -> None:
    script = """
      const { Eta, rangeText } = await load('eta');
      const eta = new Eta();
      const ranges = [eta.range(600)];
      for (let n = 0; n < 60; n += 1) eta.finished(10 + n % 11);
      ranges.push(eta.range(600));
      for (let n = 0; n <= 20; n += 1) eta.progressed(4000 * n, 2 * n);
      ranges.push(eta.range(600));
      eta.rest();
      ranges.push(eta.range(600), eta.range(5));
      const texts = [[0, 10], [20, 41], [95, 130], [580, 640], [3000, 4000], [7000, 9000]]
        .map(([low, high]) => rangeText({ low, high }));
      return { ranges, texts };
    """
    found = play(script, None)
    first, spread, shared, rested, end = found["ranges"]
    assert first == {"low": 510, "high": 690}
    assert spread == {"low": 580, "high": 609}
    assert shared == {"low": 2 * 580, "high": 2 * 609}, "two seconds of the clock for each working second"
    assert (rested, end["low"]) == (spread, 0)
    assert found["texts"] == [
        "a few seconds",
        "20–50 s",
        "1–3 min",
        "5–15 min",
        "50–70 min",
        "1:45–2:30 hours",
    ]


def test_cells_of_a_csv_are_quoted_and_never_formulas() -> None:
    found = play("const { csvText } = await load('csv'); return csvText(told);", [["=1+1", 'a"b', -3, None]])
    assert found == '\'=1+1,"a""b",-3,\r\n'
