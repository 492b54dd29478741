"""What people may do with searches."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models.functions import Now
from django.utils import timezone

from datasets_app.claims import claim
from datasets_app.models import Dataset
from search_app import selectors, services
from search_app.models import Candidate, Device, SearchRun, TrainedModel
from tests.factories import (
    DatasetFactory,
    DatasetVersionFactory,
    SearchRunFactory,
    TrainedModelFactory,
    candidate_json,
    make_candidate,
)

State = SearchRun.State


def test_a_search_on_a_ready_data_set_waits_for_a_worker(owner: User) -> None:
    version = DatasetVersionFactory(dataset__owner=owner)
    run = services.search_run_start(owner=owner, dataset=version.dataset, minutes=5)
    assert run.state == State.QUEUED
    assert run.dataset_version == version
    assert selectors.queue_position(run) == 1
    assert run.name == "Tiles · 5 min"


def test_the_tailer_reads_nothing_bulky_of_the_data_set(owner: User, django_assert_num_queries: Any) -> None:
    run = SearchRunFactory(owner=owner)
    with django_assert_num_queries(1) as asked:
        (found,) = selectors.runs_by_id([run.pk])
        assert found.dataset_version.dataset.name
    assert '"preview"' not in asked[0]["sql"] and '"interpretation"' not in asked[0]["sql"]


def test_expert_options_are_kept(owner: User) -> None:
    dataset = DatasetVersionFactory(dataset__owner=owner).dataset
    chosen = {
        "strategy": "ppo",
        "space": "mbconv",
        "evaluator": "proxy",
        "precision": "int8",
        "reward": "hard",
    }
    run = services.search_run_start(owner=owner, dataset=dataset, minutes=5, **chosen)
    run.refresh_from_db()
    assert {name: getattr(run, name) for name in chosen} == chosen
    summary = selectors.run_summary(run)
    assert {name: summary[name] for name in chosen} == chosen


def test_a_device_is_kept_with_its_title_and_unknown_ones_are_refused(owner: User) -> None:
    dataset = DatasetVersionFactory(dataset__owner=owner).dataset
    run = services.search_run_start(owner=owner, dataset=dataset, minutes=5, device="microcontroller")
    run.refresh_from_db()
    assert (run.device, run.device_title) == ("microcontroller", "A microcontroller")
    assert selectors.run_summary(run)["device"] == "microcontroller"
    with pytest.raises(ValidationError, match="no such device"):
        services.search_run_start(owner=owner, dataset=dataset, minutes=5, device="/etc/passwd")


def measured(owner: User, **changes: Any) -> Device:
    """A device that measured lite-elastic; what its table holds is the engine's business."""
    values = {"name": "My phone", "spaces": ["lite-elastic"], "measured_at": timezone.now(), **changes}
    device = Device.objects.create(
        owner=owner, link_token=f"token {owner.pk}", link_made_at=timezone.now(), results_left=0, **values
    )
    device.directory.mkdir(parents=True)
    device.table_file.write_text('{"format": "nas-device-table"}')
    return device


def test_a_search_keeps_the_table_of_a_measured_device(owner: User) -> None:
    dataset = DatasetVersionFactory(dataset__owner=owner).dataset
    device = measured(owner)
    run = services.search_run_start(owner=owner, dataset=dataset, minutes=5, device=f"device:{device.pk}")
    device.table_file.unlink()
    assert run.device_title == "My phone"
    assert (run.workdir / "device.json").read_text() == '{"format": "nas-device-table"}'
    with pytest.raises(ValidationError, match="measured the blocks of lite-elastic only"):
        services.search_run_start(
            owner=owner, dataset=dataset, minutes=5, space="mbconv", device=f"device:{device.pk}"
        )


def test_the_devices_of_others_do_not_exist(owner: User, stranger: User) -> None:
    dataset = DatasetVersionFactory(dataset__owner=owner).dataset
    theirs = measured(stranger)
    with pytest.raises(ValidationError, match="no such device"):
        services.search_run_start(owner=owner, dataset=dataset, minutes=5, device=f"device:{theirs.pk}")


def test_darts_is_refused_where_only_small_networks_fit(owner: User) -> None:
    dataset = DatasetVersionFactory(dataset__owner=owner).dataset
    chosen = {"strategy": "darts", "space": "cell", "device": "microcontroller"}
    with pytest.raises(ValidationError, match="small networks only"):
        services.search_run_start(owner=owner, dataset=dataset, minutes=5, **chosen)
    assert not SearchRun.objects.exists()


def test_a_candidate_keeps_what_it_costs_on_the_device(owner: User) -> None:
    run = SearchRunFactory(owner=owner)
    data = candidate_json(0)
    data["metrics"]["device"] = {
        "name": "board",
        "how": "profile",
        "here_ms": 1.5,
        "energy_mj": 2.0,
        "images_per_joule": 500.0,
        "peak_sram_bytes": 1000,
        "size_bytes": 2000,
        "broken_limits": ["too large"],
    }
    stored = Candidate.objects.create(run=run, number=0, **Candidate.columns(data))
    stored.refresh_from_db()
    metrics = stored.to_engine().metrics
    assert metrics is not None and metrics.device is not None
    assert (metrics.here_ms, metrics.fits, metrics.device.size_bytes) == (1.5, False, 2000)


def test_a_name_becomes_one_short_line(owner: User) -> None:
    dataset = DatasetVersionFactory(dataset__owner=owner).dataset
    name = "<script>\n\x00" + "x" * 300
    run = services.search_run_start(owner=owner, dataset=dataset, minutes=5, name=name)
    assert run.name.startswith("<script> x")
    assert len(run.name) == 200


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"minutes": 0}, "minutes"),
        ({"minutes": float("nan")}, "minutes"),
        ({"minutes": 1e9}, "minutes"),
        ({"goal": "wealth"}, "goal"),
        ({"strategy": "<script>"}, "strategy"),
        ({"space": "nowhere"}, "space"),
        ({"evaluator": "oracle"}, "evaluator"),
        ({"reward": "praise"}, "reward"),
        ({"precision": "int3"}, "precision"),
        ({"precision": "int8", "space": "cell"}, "cannot be quantised"),
        ({"precision": "int8", "device": "desktop-cpu"}, "A desktop computer is about 32-bit networks"),
        ({"evaluator": "proxy", "space": "lite-elastic"}, "trained from scratch"),
        ({"seed": -1}, "seed"),
        ({"target_latency_ms": 0}, "latency"),
    ],
)
def test_options_that_cannot_be_used_are_refused(owner: User, changes: dict[str, object], word: str) -> None:
    dataset = DatasetVersionFactory(dataset__owner=owner).dataset
    with pytest.raises(ValidationError, match=word):
        services.search_run_start(**{"owner": owner, "dataset": dataset, "minutes": 5, **changes})
    assert not SearchRun.objects.exists()


def test_data_sets_that_cannot_be_trained_on_say_why(owner: User) -> None:
    with pytest.raises(ValidationError, match="still being checked"):
        services.search_run_start(owner=owner, dataset=DatasetFactory(owner=owner), minutes=5)
    blocked = DatasetVersionFactory(dataset__owner=owner, blocking="It needs at least two classes.")
    with pytest.raises(ValidationError, match="two classes"):
        services.search_run_start(owner=owner, dataset=blocked.dataset, minutes=5)


def test_someone_elses_data_set_does_not_exist(owner: User, stranger: User) -> None:
    dataset = DatasetVersionFactory(dataset__owner=owner).dataset
    with pytest.raises(Dataset.DoesNotExist):
        services.search_run_start(owner=stranger, dataset=dataset, minutes=5)


def test_stopping_a_waiting_search_ends_it_at_once_and_no_worker_takes_it(owner: User) -> None:
    run = services.search_run_stop(run=SearchRunFactory(owner=owner))
    assert run.state == State.STOPPED
    assert run.finished_at is not None
    assert claim(SearchRun, run.pk) is None


def test_stopping_a_running_search_asks_its_worker(owner: User) -> None:
    run = SearchRunFactory(owner=owner)
    held = claim(SearchRun, run.pk)
    assert held is not None
    for _ in range(2):
        run = services.search_run_stop(run=run)
        assert (run.state, run.fence) == (State.STOPPING, held.fence)


@pytest.mark.parametrize("state", SearchRun.ended_states)
def test_stopping_an_ended_search_changes_nothing(owner: User, state: str) -> None:
    run = SearchRunFactory(owner=owner, state=state)
    assert services.search_run_stop(run=run).state == state


def test_a_failed_search_goes_on(owner: User) -> None:
    run = SearchRunFactory(owner=owner, state=State.FAILED, error="memory", attempt=4)
    run = services.search_run_resume(run=run)
    assert (run.state, run.error, run.attempt) == (State.QUEUED, "", 0)


def test_a_finished_search_does_not_go_on(owner: User) -> None:
    for run in (
        SearchRunFactory(owner=owner, state=State.DONE),
        SearchRunFactory(owner=owner, state=State.STOPPED, report="report.json"),
    ):
        with pytest.raises(ValidationError, match="new search"):
            services.search_run_resume(run=run)


@pytest.mark.django_db(transaction=True)
def test_deleting_removes_rows_and_files_but_never_under_a_worker(owner: User) -> None:
    run = SearchRunFactory(owner=owner)
    run.workdir.mkdir(parents=True)
    claim(SearchRun, run.pk)
    with pytest.raises(ValidationError, match="Stop it first"):
        services.search_run_delete(run=run)
    SearchRun.objects.update(state=State.STOPPED, lease_until=Now() - timedelta(seconds=1))
    services.search_run_delete(run=run)
    assert not SearchRun.objects.exists()
    assert not run.workdir.exists()


def test_only_candidates_with_weights_are_exported(owner: User) -> None:
    run = SearchRunFactory(owner=owner)
    make_candidate(run, 0, weights=None)
    make_candidate(run, 1, status="failed", metrics=None)
    for number in (0, 1):
        with pytest.raises(ValidationError, match="no saved weights"):
            services.trained_model_export(run=run, number=number)
    with pytest.raises(Candidate.DoesNotExist):
        services.trained_model_export(run=run, number=7)


def test_selectors_show_only_the_owners_runs(owner: User, stranger: User) -> None:
    run = SearchRunFactory(owner=owner)
    assert selectors.search_run_for_user(owner, run.pk) == run
    assert selectors.search_run_for_user(owner, str(run.pk)) == run
    for user, key in ((stranger, run.pk), (owner, "no-id"), (owner, "0" * 32)):
        with pytest.raises(SearchRun.DoesNotExist):
            selectors.search_run_for_user(user, key)
    assert not selectors.search_runs_of_user(stranger).exists()


def test_only_listed_files_inside_the_run_are_handed_out(owner: User) -> None:
    run = SearchRunFactory(owner=owner)
    names = ["model.onnx", "../secret", "gone.txt"]
    model = TrainedModelFactory(run=run, files=[{"name": name} for name in names])
    directory = run.workdir / model.directory
    directory.mkdir(parents=True)
    (directory / "model.onnx").write_bytes(b"onnx")
    (directory / "unlisted").write_bytes(b"x")
    (run.workdir.parent / "secret").write_bytes(b"x")
    assert selectors.model_file(model, "model.onnx").read_bytes() == b"onnx"
    for name in ("unlisted", "../secret", "gone.txt", "../../../secret"):
        with pytest.raises(TrainedModel.DoesNotExist):
            selectors.model_file(model, name)
