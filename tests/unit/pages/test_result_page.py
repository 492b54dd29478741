"""The result page's sections: what they say, whose names they show, how many queries they take."""

from __future__ import annotations

import html
import json
import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from nas.__main__ import _parser
from nas.evaluation.predictions import load_predictions, predictions_file
from search_app.forms import SPACE_NAMES, STRATEGY_NAMES
from search_app.models import SearchRun
from search_app.options import COST_NAMES, EVALUATOR_NAMES, PRECISION_NAMES, REWARD_NAMES
from search_app.pages import leaderboard_of, report_of
from search_app.picks import picks_of
from search_app.price import label_photos, price_of
from search_app.reproduce import reproduction_of
from tests import factories
from tests.finished import evaluated, finished

HOSTILE = '<script>alert("x")</script>'
ClientOf = Callable[[User | None], Client]
RESULT_QUERIES = 11

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(owner: User) -> SearchRun:
    return evaluated(owner, n_test=48, side=16)


def page(client: Client, run: SearchRun, query: str = "") -> str:
    answer = client.get(f"/searches/{run.id}/result/{query}")
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def test_all_sections_are_there_and_linked(client_of: ClientOf, owner: User, run: SearchRun) -> None:
    text = page(client_of(owner), run)
    wanted = (
        "picks",
        "board",
        "front",
        "price",
        "ladder",
        "honesty",
        "elsewhere",
        "failures",
        "costs",
        "reproduce",
    )
    for name in wanted:
        assert f'href="#{name}"' in text and f'id="{name}"' in text
    for model in run.models.all():
        assert f"/searches/{run.id}/models/{model.id}/try/" in text
        assert f'"/searches/{run.id}/models/{model.id}/"' in text
    assert "60 W" in text and "1 of them failed" in text
    assert "2 are indistinguishable" in text and "no: indistinguishable" in text and "yes: worse" in text
    assert re.search(r"<strong>B4</strong>.*?1.36.*?1.4.*?352 px.*?380 px", text, re.DOTALL)
    assert text.count('class="step-chart"') == 2 and "nothing right in 100 ms" in text
    assert "Work (trivial)" in text and "Import of the photos" in text


def test_the_number_of_queries_does_not_grow_with_the_run(
    client_of: ClientOf, owner: User, run: SearchRun, django_assert_num_queries: Any
) -> None:
    client = client_of(owner)
    address = f"/searches/{run.id}/result/"
    with django_assert_num_queries(RESULT_QUERIES):
        client.get(address)
    for number in range(100, 140):
        factories.make_candidate(run, number, status="failed", metrics=None, error=f"odd {number}")
    with django_assert_num_queries(RESULT_QUERIES):
        client.get(address)


def test_names_of_people_are_text_everywhere(client_of: ClientOf, owner: User) -> None:
    run = evaluated(owner, n_test=60, side=16, classes=[HOSTILE, "b", "c", "d", "e", "f"])
    SearchRun.objects.filter(pk=run.pk).update(name=HOSTILE, device_title=HOSTILE)
    run.candidates.update(label=HOSTILE)
    run.candidates.filter(status="failed").update(error=HOSTILE)
    raw = client_of(owner).get(f"/searches/{run.id}/result/").content.decode()
    assert "<script>alert" not in raw and "&lt;script&gt;alert" in raw
    best = run.models.get(candidate_number=9)
    for address in (
        f"/searches/{run.id}/compare/?a=9&b=10",
        f"/searches/{run.id}/models/{best.id}/try/",
        f"/searches/compare/?a={run.id}&b={finished(owner, like=run).id}",
    ):
        answer = client_of(owner).get(address)
        assert answer.status_code == 200 and b"<script>alert" not in answer.content, address


def test_a_run_without_a_report_or_without_networks_is_shown(client_of: ClientOf, owner: User) -> None:
    bare: SearchRun = factories.SearchRunFactory(owner=owner, state=SearchRun.State.FAILED, error="It broke.")
    text = page(client_of(owner), bare)
    assert "No model was trained" in text and "It broke." in text
    assert 'id="picks"' not in text and 'id="reproduce"' in text
    factories.make_candidate(bare, 0)
    assert 'id="picks"' in page(client_of(owner), bare)


def test_photos_that_only_one_gets_right_are_those_of_the_answers(run: SearchRun) -> None:
    rows = leaderboard_of(run, report_of(run))
    price = price_of(run.workdir, rows, picks_of(rows), (10, 9))
    assert price is not None
    first, second = (
        load_predictions(predictions_file(run.workdir, side.model.name)) for side in (price.cheap, price.dear)
    )
    assert price.cheap.candidate.number == 10 and price.more_ms == pytest.approx(2.8)
    only_dear = [
        int(row) for row, a, b in zip(first.rows, first.correct, second.correct, strict=True) if b and not a
    ]
    assert price.only_dear == len(only_dear) and price.n_photos == 48
    named = label_photos(price, run.dataset_version.classes)
    assert [photo.row for photo in named.dear_photos] == only_dear[: len(named.dear_photos)]
    for photo in named.dear_photos:
        assert run.dataset_version.dataset.images.get(row=photo.row).label == photo.label != photo.wrong


def test_the_verdict_claims_a_difference_only_where_the_test_shows_one(run: SearchRun) -> None:
    rows = leaderboard_of(run, report_of(run))
    price = price_of(run.workdir, rows, [], (10, 9))
    assert price is not None
    unsure = replace(price, only_cheap=4, only_dear=9, p_value=0.267)
    assert "cannot tell" in unsure.verdict and "27% of such" in unsure.verdict
    sure = replace(price, only_cheap=1, only_dear=12, p_value=0.0034)
    assert f"{price.dear.candidate.label} is better" in sure.verdict and "0.3%" in sure.verdict
    other = replace(price, only_cheap=12, only_dear=1, p_value=0.0034)
    assert f"{price.cheap.candidate.label} is better" in other.verdict
    assert "no difference" in replace(price, only_cheap=0, only_dear=0, p_value=1.0).verdict
    assert replace(price, points=2.8, more_ms=2.0).sentence.endswith("1.40 points a millisecond.")
    assert "they buy nothing" in replace(price, points=-0.1).sentence


def test_a_pair_is_chosen_by_address_and_nonsense_falls_back(
    client_of: ClientOf, owner: User, run: SearchRun
) -> None:
    client = client_of(owner)
    chosen = page(client, run, "?a=11&b=1")
    assert re.search(r'<option value="11" selected', chosen) and re.search(
        r'<option value="1" selected', chosen
    )
    default = page(client, run)
    for query in ("?a=999&b=x", "?a=-1", "?a=²", f"?a={10**30}&b=%00"):
        assert re.findall(r'<option value="(\d+)" selected', page(client, run, query)) == re.findall(
            r'<option value="(\d+)" selected', default
        )


def test_without_kept_answers_the_page_says_so(client_of: ClientOf, owner: User) -> None:
    text = page(client_of(owner), finished(owner))
    assert "their answers are kept for exported models only" in text


def test_damaged_answers_are_like_none(client_of: ClientOf, owner: User, run: SearchRun) -> None:
    for model in run.models.all():
        predictions_file(run.workdir, model.name).write_bytes(b"PK\3\4 not a zip")
    assert "their answers are kept for exported models only" in page(client_of(owner), run)


def test_the_command_repeats_the_run(owner: User) -> None:
    run: SearchRun = factories.SearchRunFactory(
        owner=owner, minutes=7.5, seed=11, space="mbconv", strategy="random", precision="int8", cost="size",
        baselines=False, target_latency_ms=None, goal="speed", device="phone-cpu",
    )  # fmt: skip
    found = reproduction_of(run, {"machine": {"cpu": "Any"}, "engine_version": "9"})
    parsed = _parser().parse_args(shlex.split(found.command)[3:])
    for name in ("minutes", "seed", "space", "strategy", "precision", "cost", "goal", "device"):
        assert getattr(parsed, name) == getattr(run, name)
    assert parsed.no_baselines and not found.own_device
    assert json.loads(json.dumps(found.facts))["data"]["content_hash"] == run.dataset_version.content_hash
    assert found.facts["machine"] == {"cpu": "Any"} and found.facts["engine_version"] == "9"
    run.device = "device:0a"
    own = reproduction_of(run, {})
    assert own.own_device and "YOUR_DEVICE.json" in own.command


def test_the_command_of_every_choice_of_the_form_is_understood(owner: User) -> None:
    run: SearchRun = factories.SearchRunFactory(owner=owner)
    for name, values in (
        ("space", SPACE_NAMES), ("strategy", STRATEGY_NAMES), ("cost", COST_NAMES),
        ("evaluator", EVALUATOR_NAMES), ("precision", PRECISION_NAMES), ("reward", REWARD_NAMES),
    ):  # fmt: skip
        for value in values:
            setattr(run, name, value)
            parsed = _parser().parse_args(shlex.split(reproduction_of(run, {}).command)[3:])
            assert getattr(parsed, name) == value
