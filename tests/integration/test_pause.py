"""Pause, more minutes and going on, with the real worker and engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests import images
from tests.integration.stack import Person, embedded, wait_for

BUDGET = 60.0


def test_a_pause_stops_the_clock_and_added_minutes_reach_the_engine(tmp_path: Path) -> None:
    archive = images.photo_zip(tmp_path / "tiles.zip", n_per_class=30, size=64)
    with embedded() as stack, Person(stack) as person:
        dataset = person.upload(archive)
        body = {"dataset_id": dataset["id"], "minutes": BUDGET / 60, "strategy": "random", "baselines": False}
        run = person.call("POST", "/searches", json=body)
        address = f"/searches/{run['id']}"

        def summary() -> dict[str, Any]:
            found: dict[str, Any] = person.call("GET", address)
            return found

        wait_for(lambda: summary()["n_candidates"] >= 1, 120, "no network was trained")
        person.call("POST", f"{address}/pause")
        wait_for(lambda: "given back at this step" in stack.log(), 30, "the worker kept the run")
        paused = summary()
        assert paused["state"] == "PAUSED"
        extended = person.call("POST", f"{address}/extend", json={"minutes": 2})
        assert extended["minutes"] == 3
        person.call("POST", f"{address}/resume")

        def by_the_new_budget() -> dict[str, Any] | None:
            events = person.call("GET", f"{address}/events", params={"after": paused["last_seq"]})["items"]
            told = [event["payload"] for event in events if event["kind"] == "progress"]
            return next((one for one in told if one["spent_seconds"] > paused["spent_seconds"] + 1), None)

        went_on = wait_for(by_the_new_budget, 60, "the search did not go on")
        assert abs(went_on["fraction"] - went_on["spent_seconds"] / (3 * BUDGET)) < 0.01
        assert went_on["eta_seconds"] > BUDGET, "more is left than there was in all before"
        assert went_on["spent_seconds"] < paused["spent_seconds"] + 15, "the pause was counted"
        person.call("POST", f"{address}/stop")
        wait_for(lambda: summary()["state"] == "STOPPED", 60, "it was not stopped")
        assert summary()["n_candidates"] >= paused["n_candidates"]
