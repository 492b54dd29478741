"""Pages through Django's client: who sees them, what they say, and that names are text."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from datasets_app.models import DatasetState, Image
from nas.strategies import SEARCH_STRATEGIES
from search_app.forms import SPACE_NAMES, STRATEGY_HELP, STRATEGY_NAMES
from search_app.models import SearchEvent, SearchRun
from search_app.options import (
    COST_HELP,
    COST_NAMES,
    EVALUATOR_HELP,
    EVALUATOR_NAMES,
    METHOD_TEXT,
    PRECISION_NAMES,
    REWARD_HELP,
    REWARD_NAMES,
    SPACE_HELP,
)
from search_app.pages import MAX_STEPS, MAX_TOLD, live_snapshot, method_history
from tests import factories

HOSTILE = '<script>alert("x")</script>'
ClientOf = Callable[[User | None], Client]

pytestmark = pytest.mark.django_db


@pytest.fixture
def version(owner: User) -> Any:
    dataset = factories.DatasetFactory(owner=owner, name=HOSTILE)
    made = factories.DatasetVersionFactory(dataset=dataset, classes=[HOSTILE, "whole"], n_images=3)
    for row in range(3):
        Image.objects.create(
            dataset=dataset,
            row=row,
            path=f"{HOSTILE}/{row}.jpg",
            label=HOSTILE if row else "whole",
            split="train",
            sha256="0" * 64,
            width=9,
            height=9,
        )
    return made


@pytest.fixture
def run(owner: User, version: Any) -> SearchRun:
    made: SearchRun = factories.SearchRunFactory(owner=owner, dataset_version=version, name=HOSTILE)
    for number in range(3):
        factories.make_candidate(made, number, label=f"{HOSTILE} {number}")
    return made


def pages(version: Any, run: SearchRun) -> list[str]:
    return [
        f"/datasets/{version.dataset_id}/",
        f"/searches/{run.id}/",
        f"/searches/{run.id}/result/",
    ]


def test_nobody_signed_out_sees_a_page(client_of: ClientOf, version: Any, run: SearchRun) -> None:
    shared = ["/", "/datasets/", "/datasets/new/", "/searches/", "/searches/new/"]
    for address in shared + pages(version, run):
        answer = client_of(None).get(address)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/accounts/login/")


def test_stranger_gets_the_same_404_as_for_what_does_not_exist(
    client_of: ClientOf, stranger: User, version: Any, run: SearchRun
) -> None:
    client = client_of(stranger)
    token = re.compile(rb'(csrf-token" content="|csrfmiddlewaretoken" value=")[^"]*')
    for address in pages(version, run):
        answer = client.get(address)
        missing = client.get(re.sub(r"[0-9a-f-]{36}", "00000000-0000-4000-8000-000000000000", address))
        assert answer.status_code == missing.status_code == 404
        assert token.sub(b"", answer.content) == token.sub(b"", missing.content)


def test_names_are_text_on_every_page(client_of: ClientOf, owner: User, version: Any, run: SearchRun) -> None:
    SearchRun.objects.filter(pk=run.pk).update(state=SearchRun.State.DONE)
    client = client_of(owner)
    for address in ["/", "/datasets/", "/searches/", "/searches/new/", *pages(version, run)]:
        text = client.get(address).content.decode()
        assert "<script>alert" not in text, address
        assert "script\\u003Ealert" in text or "&lt;script&gt;alert" in text, address


def test_no_page_needs_inline_script_or_style(
    client_of: ClientOf, owner: User, version: Any, run: SearchRun
) -> None:
    SearchRun.objects.filter(pk=run.pk).update(state=SearchRun.State.DONE)
    for address in ["/", "/datasets/new/", "/searches/new/", *pages(version, run)]:
        answer = client_of(owner).get(address)
        text = answer.content.decode()
        assert not re.search(r"\sstyle=|\son[a-z]+=|javascript:", text), address
        assert all('src="' in tag or "application/json" in tag for tag in re.findall(r"<script[^>]*>", text))
        assert "'unsafe-inline'" not in answer["Content-Security-Policy"]


def test_empty_home_says_what_to_do_first(client_of: ClientOf, owner: User) -> None:
    text = client_of(owner).get("/").content.decode()
    assert "No data set yet" in text
    assert "/datasets/new/" in text


def test_rejected_upload_shows_its_reason(client_of: ClientOf, owner: User) -> None:
    dataset = factories.DatasetFactory(
        owner=owner, state=DatasetState.REJECTED, error="The zip is password-protected."
    )
    assert "password-protected" in client_of(owner).get(f"/datasets/{dataset.id}/").content.decode()


def test_blocked_data_set_offers_no_search(client_of: ClientOf, owner: User, version: Any) -> None:
    version.blocking = "It has one class only."
    version.save()
    client = client_of(owner)
    text = client.get(f"/datasets/{version.dataset_id}/").content.decode()
    assert "It has one class only." in text
    assert f"/searches/new/?dataset={version.dataset_id}" not in text
    assert "Photos first" in client.get("/searches/new/").content.decode()


@pytest.mark.parametrize("query", ["?tab=nope", "?tab=photos&label=nope", "?tab=findings&kind=nope"])
def test_odd_filters_do_no_harm(client_of: ClientOf, owner: User, version: Any, query: str) -> None:
    assert client_of(owner).get(f"/datasets/{version.dataset_id}/{query}").status_code == 200


def answers(version: Any, **changes: Any) -> dict[str, Any]:
    given = {
        "dataset": str(version.dataset_id),
        "goal": "balanced",
        "minutes": "5",
        "strategy": "random",
        "space": "lite-elastic",
        "seed": "",
    }
    return given | changes


OPTIONS = {
    "strategy": (STRATEGY_NAMES, {name: STRATEGY_HELP[name] for name in SEARCH_STRATEGIES}),
    "space": (SPACE_NAMES, SPACE_HELP),
    "evaluator": (EVALUATOR_NAMES, EVALUATOR_HELP),
    "cost": (COST_NAMES, COST_HELP),
    "reward": (REWARD_NAMES, REWARD_HELP),
}


@pytest.mark.parametrize("option", OPTIONS)
def test_every_option_is_offered_and_explained_in_two_sentences(
    client_of: ClientOf, owner: User, version: Any, option: str
) -> None:
    text = client_of(owner).get("/searches/new/").content.decode()
    names, helps = OPTIONS[option]
    for value, words in helps.items():
        assert f'<option value="{value}"' in text
        assert words.count(". ") == 1 and words.endswith(".")
        assert f"<strong>{names[value]}.</strong> {words}" in text


def test_every_strategy_says_in_two_sentences_what_it_is_doing() -> None:
    for name in SEARCH_STRATEGIES:
        assert METHOD_TEXT[name].count(". ") == 1 and METHOD_TEXT[name].endswith(".")


def test_chosen_options_reach_the_search_and_stand_on_its_page(
    client_of: ClientOf, owner: User, version: Any
) -> None:
    chosen = {"strategy": "ppo", "space": "mbconv", "evaluator": "proxy", "reward": "soft", "seed": "4"}
    chosen["precision"] = "int8"
    client = client_of(owner)
    page = client.post("/searches/new/", answers(version, **chosen))["Location"]
    started = SearchRun.objects.get(owner=owner)
    assert {name: str(getattr(started, name)) for name in chosen} == chosen
    text = client.get(page).content.decode()
    for line in ("Space: MBConv", f"Evaluator: {EVALUATOR_NAMES['proxy']}", "Reward: Soft", "Seed: 4"):
        assert f"<li>{line}</li>" in text
    assert f"<li>Precision: {PRECISION_NAMES['int8']}</li>" in text
    assert str(METHOD_TEXT["ppo"]) in text


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"evaluator": "proxy"}, r'evaluator_error">[^<]*trained from scratch\.'),
        (
            {"evaluator": "halving", "strategy": "darts", "space": "cell"},
            r'evaluator_error">DARTS judges all networks',
        ),
        ({"precision": "int8", "space": "cell"}, r'precision_error">Networks of cell cannot be quantised'),
        ({"precision": "int8", "device": "desktop-cpu"}, r'precision_error">What is known of A desktop'),
    ],
)
def test_options_that_cannot_go_together_are_refused_beside_the_field(
    client_of: ClientOf, owner: User, version: Any, options: dict[str, str], sentence: str
) -> None:
    answer = client_of(owner).post("/searches/new/", answers(version, **options))
    assert answer.status_code == 422
    assert not SearchRun.objects.exists()
    text = answer.content.decode()
    assert re.search(rf'id="id_{sentence}', text)
    assert '<details class="card fold" open>' in text


def test_energy_is_weighed_where_a_profile_knows_it(client_of: ClientOf, owner: User, version: Any) -> None:
    client = client_of(owner)
    answer = client.post("/searches/new/", answers(version, cost="energy"))
    assert answer.status_code == 422 and not SearchRun.objects.exists()
    text = answer.content.decode()
    assert re.search(r'id="id_cost_error">[^<]*devices with a profile only', text)
    assert '<details class="card fold" open>' in text
    page = client.post("/searches/new/", answers(version, cost="energy", device="phone-cpu"))["Location"]
    assert SearchRun.objects.get(owner=owner).cost == "energy"
    text = client.get(page).content.decode()
    assert "<li>Weighed against: Energy a photo</li>" in text and 'data-cost="energy"' in text


def test_darts_with_a_space_that_it_cannot_search_is_refused_in_words(
    client_of: ClientOf, owner: User, version: Any
) -> None:
    answer = client_of(owner).post("/searches/new/", answers(version, strategy="darts"))
    assert answer.status_code == 422
    assert "it searches cell and nasbench201, not lite-elastic" in answer.content.decode()
    client_of(owner).post("/searches/new/", answers(version, strategy="darts", space="cell"))
    assert SearchRun.objects.get(owner=owner).strategy == "darts"


def test_three_answers_start_a_search(client_of: ClientOf, owner: User, version: Any) -> None:
    answer = client_of(owner).post("/searches/new/", answers(version))
    started = SearchRun.objects.get(owner=owner)
    assert answer["Location"] == f"/searches/{started.id}/"
    assert (started.minutes, started.baselines, started.seed) == (5.0, False, 0)


@pytest.mark.parametrize("minutes", ["0", "", "nan", "1e9", "soon"])
def test_impossible_minutes_are_refused_in_words(
    client_of: ClientOf, owner: User, version: Any, minutes: str
) -> None:
    answer = client_of(owner).post("/searches/new/", answers(version, minutes=minutes))
    assert answer.status_code == 422
    assert not SearchRun.objects.exists()
    assert "text-bad" in answer.content.decode() or "Choose between" in answer.content.decode()


def test_strangers_data_set_cannot_be_searched(
    client_of: ClientOf, stranger: User, owner: User, version: Any
) -> None:
    mine = factories.DatasetVersionFactory(dataset=factories.DatasetFactory(owner=stranger))
    assert mine.blocking == ""
    answer = client_of(stranger).post("/searches/new/", answers(version))
    assert answer.status_code == 422
    assert not SearchRun.objects.exists()


def test_result_of_a_running_search_is_the_live_page(
    client_of: ClientOf, owner: User, run: SearchRun
) -> None:
    answer = client_of(owner).get(f"/searches/{run.id}/result/")
    assert answer["Location"] == f"/searches/{run.id}/"


def test_broken_report_does_not_take_the_result_page_down(
    client_of: ClientOf, owner: User, run: SearchRun, storage: Path
) -> None:
    SearchRun.objects.filter(pk=run.pk).update(state=SearchRun.State.STOPPED)
    run.workdir.mkdir(parents=True)
    (run.workdir / "report.json").write_text("{ torn")
    answer = client_of(owner).get(f"/searches/{run.id}/result/")
    assert answer.status_code == 200
    assert "The networks to choose from" in answer.content.decode()


def test_result_shows_verdict_and_sealed_test(
    client_of: ClientOf, owner: User, run: SearchRun, storage: Path
) -> None:
    SearchRun.objects.filter(pk=run.pk).update(state=SearchRun.State.DONE)
    files = [{"name": "model.onnx", "bytes": 10, "sha256": "0" * 64}]
    model = factories.TrainedModelFactory(run=run, candidate_number=2, name="best", files=files)
    run.workdir.mkdir(parents=True)
    report = {
        "best": "best",
        "verdict": {"headline": f"{HOSTILE} is right.", "sentences": []},
        "warnings": [],
        "test": [{"candidate": 2, "accuracy": 0.91, "accuracy_low": 0.88, "accuracy_high": 0.93}],
    }
    (run.workdir / "report.json").write_text(json.dumps(report))
    text = client_of(owner).get(f"/searches/{run.id}/result/").content.decode()
    assert "91.0%" in text
    assert "recommended" in text
    assert f"/models/{model.id}/files/model.onnx" in text
    assert "<script>alert" not in text


def test_snapshot_holds_no_event_that_the_socket_will_send_again(run: SearchRun) -> None:
    for seq in range(1, MAX_TOLD + 20):
        kind = "progress" if seq % 3 == 0 else "log"
        SearchEvent.objects.create(run=run, seq=seq, kind=kind, payload={"message": str(seq)})
    run.last_seq = 50
    told = [event["seq"] for event in live_snapshot(run)["events"]]
    assert told == [seq for seq in range(1, 51) if seq % 3]


def tell_steps(run: SearchRun, steps: int) -> None:
    SearchEvent.objects.bulk_create(
        SearchEvent(
            run=run,
            seq=seq,
            kind="method",
            payload={
                "strategy": "ppo",
                "step": seq,
                "values": {"entropy": 1 / seq},
                "shares": {"a": 1 / seq},
            },
        )
        for seq in range(1, steps + 1)
    )
    run.last_seq = steps
    run.save()


@pytest.mark.parametrize("page", ["", "result/"])
def test_a_finished_run_still_shows_what_its_method_did(
    client_of: ClientOf, owner: User, run: SearchRun, page: str
) -> None:
    tell_steps(run, 3)
    SearchRun.objects.filter(pk=run.pk).update(state=SearchRun.State.DONE)
    text = client_of(owner).get(f"/searches/{run.id}/{page}").content.decode()
    assert "What the method is doing" in text
    if not page:  # its script asks for the state of the run
        answer = client_of(owner).get(f"/searches/{run.id}/", headers={"Accept": "application/json"})
        text = answer.content.decode()
    assert '"steps": [{"step": 1, "values": {"entropy": 1.0}}, {"step": 2' in text
    assert '"shares": {"a": 0.333' in text


def test_long_methods_are_thinned_out_and_keep_their_ends(run: SearchRun) -> None:
    tell_steps(run, 3 * MAX_STEPS)
    history = method_history(run)
    steps = [one["step"] for one in history["steps"]]
    assert len(steps) == MAX_STEPS
    assert (steps[0], steps[-1]) == (1, 3 * MAX_STEPS)
    assert {after - before for before, after in itertools.pairwise(steps)} <= {2, 3, 4}
    assert history["shares"] == {"a": 1 / (3 * MAX_STEPS)}


def test_steps_after_the_snapshot_come_by_the_socket_alone(run: SearchRun) -> None:
    tell_steps(run, 5)
    run.last_seq = 3
    assert [one["step"] for one in live_snapshot(run)["method"]["steps"]] == [1, 2, 3]


def test_a_run_without_a_method_has_an_empty_history(run: SearchRun) -> None:
    assert method_history(run) == {"steps": [], "shares": {}}


def test_live_page_gives_its_state_as_json(client_of: ClientOf, owner: User, run: SearchRun) -> None:
    answer = client_of(owner).get(f"/searches/{run.id}/", headers={"Accept": "application/json"})
    assert len(answer.json()["candidates"]["labels"]) == 3
    assert answer.json()["run"]["id"] == str(run.id)
