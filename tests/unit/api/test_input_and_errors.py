"""Bad input gets a clear 4xx, and every error is a problem of RFC 9457."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from automl_site import rate_limits
from datasets_app import services as dataset_services
from tests.factories import DatasetFactory, DatasetVersionFactory, SearchRunFactory
from tests.unit.api.conftest import Program, Programs

DEEP = "[" * 100 + "]" * 100
FORM = b"--x\r\nContent-Disposition: form-data; name=file\r\n\r\n1\r\n--x--"


def problem_of(answer: Any) -> dict[str, Any]:
    assert answer["Content-Type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert found["status"] == answer.status_code
    assert found["title"]
    assert found["detail"].endswith((".", ")"))
    assert answer["X-Reference"]
    return found


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ('{"name": "x", "n_uploads": NaN}', 400),
        ('{"name": "x", "n_uploads": Infinity}', 400),
        ('{"name": "x", "n_uploads": 1e999}', 422),
        ('{"name": "x", "n_uploads": ' + "9" * 400 + "}", 422),
        ('{"name": "x", "n_uploads": ' + "9" * 5000 + "}", 400),
        ('{"name": "\\ud800"}', 422),
        ('{"\\udfff": 1}', 422),
        ('{"name": "a\\u0000b"}', 422),
        (DEEP, 422),
        ("[" * 200_000, 422),
        ('{"name": ' + DEEP + "}", 422),
        (b'{"name": "\xff\xfe"}', 400),
        ("{", 400),
        ("null", 422),
        ('"text"', 422),
        ("[]", 422),
        ("", 422),
        ('{"name": {"a": 1}}', 422),
        ('{"n_uploads": -1}', 422),
    ],
)
def test_json_that_cannot_be_kept_is_refused(
    owner: User, program_of: Programs, body: str | bytes, status: int
) -> None:
    assert problem_of(program_of(owner).post("/datasets/drafts", body))["status"] == status


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "", "application/x-www-form-urlencoded"])
def test_other_content_types_are_415(owner: User, program_of: Programs, kind: str) -> None:
    answer = program_of(owner).send("POST", "/api/v1/datasets/drafts", '{"name": "x"}', kind)
    assert problem_of(answer)["status"] == 415


@pytest.mark.parametrize("body", [b"", b"--x", FORM])
def test_forms_without_a_file_are_refused(owner: User, program_of: Programs, body: bytes) -> None:
    for kind in ("multipart/form-data; boundary=x", "multipart/form-data", "application/json"):
        answer = program_of(owner).send("POST", "/api/v1/datasets", body, kind)
        assert problem_of(answer)["status"] in {400, 415, 422}


@pytest.mark.parametrize(
    ("query", "status"),
    [("label=%00", 422), ("label=%ED%A0%80", 200), ("offset=NaN", 422), ("limit=1e3", 422),
     ("offset=-1", 422), (f"offset={'9' * 5000}", 422), ("limit=0", 422), ("row=99999999999", 422),
     ("%00=1", 422)],
)  # fmt: skip
def test_queries_that_cannot_be_kept_are_refused(
    owner: User, program_of: Programs, query: str, status: int
) -> None:
    dataset = DatasetVersionFactory(dataset__owner=owner).dataset
    answer = program_of(owner).get(f"/datasets/{dataset.pk}/images?{query}")
    assert answer.status_code == status
    if status != 200:
        problem_of(answer)


def test_numbers_in_addresses_may_be_of_any_size(owner: User, program_of: Programs) -> None:
    dataset = DatasetVersionFactory(dataset__owner=owner).dataset
    run = SearchRunFactory(owner=owner)
    program = program_of(owner)
    for number in (2**31, 2**63, 10**30, "9" * 4300, "9" * 5000):
        for path in (
            f"/datasets/{dataset.pk}/thumbnails/{number}",
            f"/datasets/{dataset.pk}/versions/1/compare/{number}",
            f"/searches/{run.pk}/candidates/{number}",
        ):
            assert problem_of(program.get(path))["status"] == 404, path


def test_unknown_addresses_and_methods_are_problems(owner: User, program_of: Programs) -> None:
    program = program_of(owner)
    for path in ("/nowhere", "/datasets/x", "/", "/datasets/"):
        assert problem_of(program.get(path))["status"] == 404, path
    answer = program.send("PUT", "/api/v1/searches")
    assert problem_of(answer)["status"] == 405
    assert set(answer["Allow"].split(", ")) == {"GET", "POST"}


def test_not_yours_and_not_there_are_the_same_bytes(
    owner: User, stranger: User, program_of: Programs
) -> None:
    run, dataset = SearchRunFactory(owner=owner), DatasetFactory(owner=owner)
    missing = "00000000-0000-4000-8000-000000000000"
    program = program_of(stranger)
    for path in ("/searches/{}", "/searches/{}/events", "/searches/{}/models"):
        assert program.get(path.format(run.pk)).content == program.get(path.format(missing)).content
    foreign, none = program.get(f"/datasets/{dataset.pk}"), program.get(f"/datasets/{missing}")
    assert problem_of(foreign) == problem_of(none)


def test_nobody_and_forged_forms_get_problems(owner: User) -> None:
    assert problem_of(Program(None).get("/datasets"))["status"] == 401
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner, backend="django.contrib.auth.backends.ModelBackend")
    answer = client.post("/api/v1/datasets/drafts", {}, content_type="application/json")
    assert problem_of(answer)["code"] == "csrf"


def test_an_error_of_ours_tells_a_reference_and_no_cause(
    owner: User, program_of: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_values: Any) -> None:
        raise KeyError("the secret cause")

    monkeypatch.setattr(dataset_services, "dataset_draft_create", broken)
    answer = program_of(owner).post("/datasets/drafts")
    told = problem_of(answer)
    assert told["status"] == 500
    assert told["reference"] == answer["X-Reference"]
    assert "secret" not in json.dumps(told)


def test_too_much_is_413(owner: User, program_of: Programs, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    answer = program_of(owner).post("/datasets/drafts", {"name": "x" * 2000})
    assert problem_of(answer)["status"] == 413


def test_more_than_the_rate_is_429(owner: User, stranger: User, program_of: Programs, settings: Any) -> None:
    settings.API_RATE = 5
    program = program_of(owner)
    statuses = [program.get("/devices").status_code for _ in range(8)]
    # a minute may begin in between
    assert statuses.count(200) in range(5, 9)
    assert statuses[:5] == [200] * 5
    refused = next(
        (one for one in (program.get("/devices") for _ in range(8)) if one.status_code == 429), None
    )
    assert refused is not None
    assert problem_of(refused)["code"] == "rate_limited"
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert program_of(stranger).get("/devices").status_code == 200


def test_addresses_that_are_refused_again_and_again_wait(db: None, settings: Any) -> None:
    settings.API_RATE = 5 * 3
    program = Program("aml_wrong")
    statuses = [program.get("/devices").status_code for _ in range(8)]
    assert statuses[:3] == [401] * 3
    assert 429 in statuses


def test_refusals_are_counted_by_the_address_that_trusted_proxies_saw(db: None, settings: Any) -> None:
    settings.API_RATE = 5 * 3

    def refused(address: str) -> int:
        answer = Program("aml_wrong").get("/devices", **{"X-Forwarded-For": address})
        return int(answer.status_code)

    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    # a minute may begin in between
    assert 429 in [refused("198.51.100.7") for _ in range(8)]
    assert refused("198.51.100.8") == 401
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 0  # then the header is the client's own word
    assert 429 in [refused(f"198.51.100.{number}") for number in range(8)]


def test_limits_are_counted_in_this_process_while_redis_is_away(settings: Any, tmp_path: Any) -> None:
    counters = rate_limits._counters(f"unix://{tmp_path}/nowhere.sock")
    assert [counters.wait(2, "x") is None for _ in range(2)] == [True, True]
    assert counters.wait(2, "y") is None


def test_lists_come_in_parts_that_name_the_next(owner: User, program_of: Programs) -> None:
    for _ in range(5):
        DatasetFactory(owner=owner)
    program = program_of(owner)
    found, address = [], "/datasets?limit=2"
    while address:
        page = program.get(address).json()
        assert page["total"] == 5
        assert len(page["items"]) <= 2
        found += [one["id"] for one in page["items"]]
        address = (page["next"] or "").removeprefix("/api/v1")
    assert len(set(found)) == 5
