"""/metrics: who may read it, what it says, and how many questions that takes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from datasets_app.claims import claim
from datasets_app.models import Dataset, DatasetState, Upload
from search_app.models import Candidate, SearchRun
from tests import factories, full_house

QUERIES = 4


def read(**extra: Any) -> dict[tuple[str, ...], float]:
    answer = Client().get("/metrics", **extra)
    assert answer.status_code == 200
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


@pytest.mark.usefixtures("db")
@pytest.mark.parametrize(
    ("meta", "token", "https", "status"),
    [
        ({"REMOTE_ADDR": "127.0.0.1"}, "", False, 200),
        ({"REMOTE_ADDR": "::1"}, "", False, 200),
        ({"REMOTE_ADDR": "192.0.2.7"}, "", False, 404),
        ({"REMOTE_ADDR": "testserver"}, "", False, 404),
        ({"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": "127.0.0.1"}, "", False, 404),
        ({"REMOTE_ADDR": "127.0.0.1"}, "", True, 404),
        ({"REMOTE_ADDR": "127.0.0.1"}, "set", False, 404),
        ({"REMOTE_ADDR": "192.0.2.7", "HTTP_AUTHORIZATION": "Bearer a-long-secret-word"}, "set", True, 200),
        ({"REMOTE_ADDR": "192.0.2.7", "HTTP_AUTHORIZATION": "Bearer a-long-secret-wor"}, "set", False, 404),
        ({"REMOTE_ADDR": "192.0.2.7", "HTTP_AUTHORIZATION": "Bearer "}, "", False, 404),
    ],
)
def test_only_this_machine_and_the_token_may_read(
    settings: Any, meta: dict[str, str], token: str, https: bool, status: int
) -> None:
    settings.METRICS_TOKEN = "a-long-secret-word" if token else ""
    settings.HTTPS = https
    assert Client().get("/metrics", **meta).status_code == status


def test_it_counts_what_is_in_the_tables(db: None) -> None:
    waiting = factories.SearchRunFactory()
    SearchRun.objects.filter(pk=waiting.pk).update(created_at=timezone.now() - timedelta(seconds=100))
    running = factories.SearchRunFactory()
    assert claim(SearchRun, running.pk)
    SearchRun.objects.filter(pk=running.pk).update(
        n_candidates=2, lease_until=timezone.now() - timedelta(seconds=30)
    )
    factories.make_candidate(running, 0)
    old = factories.make_candidate(running, 1)
    Candidate.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(minutes=6))
    dataset = factories.DatasetFactory(state=DatasetState.UPLOADING)
    Upload.objects.create(dataset=dataset, filename="a.zip", length=100, offset=40, path="uploads/a")
    found = read()
    assert found["automl_searches", "QUEUED"] == found["automl_searches", "RUNNING"] == 1
    assert found["automl_searches", "FAILED"] == 0
    assert found["automl_datasets", "UPLOADING"] == 1
    assert found["automl_queue_waiting", "search"] == 1
    assert found["automl_queue_waiting", "interactive"] == 0
    assert 100 <= found["automl_queue_oldest_seconds", "search"] < 130
    assert found["automl_leases_expired", "search"] == 1
    assert 50 <= found["automl_lease_oldest_seconds", "search"] < 80  # the lease of 20 s ended 30 s ago
    assert found["automl_lease_oldest_seconds", "interactive"] == 0
    assert found["automl_candidates",] == 2
    assert found["automl_candidates_last_5_minutes",] == 1
    assert found["automl_uploads_in_progress",] == 1
    assert found["automl_upload_bytes_missing",] == 60
    assert found["automl_upload_bytes_stored",] == 40
    assert found["automl_disk_free_bytes",] > 0


def test_the_storage_is_added_up_by_area_with_hard_links_once(db: None, storage: Any) -> None:
    cache = storage / "caches" / "one"
    cache.mkdir(parents=True)
    (cache / "images.u8").write_bytes(bytes(100_000))
    (cache / "linked.u8").hardlink_to(cache / "images.u8")
    found = read()
    assert 100_000 <= found["automl_storage_bytes", "caches"] < 150_000
    assert found["automl_storage_bytes", "runs"] == 0


def test_the_number_of_queries_does_not_grow(db: None, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(QUERIES):
        read()
    full_house.build(factories.UserFactory(), datasets=30, runs=20, candidates=400, largest=100)
    with django_assert_num_queries(QUERIES):
        found = read()
    assert found["automl_datasets", "READY"] == Dataset.objects.count() == 30
