"""Sentences of the engine in another language: recognised for certain or left alone, never garbled."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from datasets_app.words.compile import LOCALES
from datasets_app.words.engine import MADE_BY_PEOPLE, _said, recognised, said
from datasets_app.words.sentences import SENTENCES
from nas.data.findings import _TEXTS, make_problem
from nas.report.document import build_document
from search_app.pages import live_snapshot
from search_app.spoken import spoken
from tests.factories import SearchRunFactory, make_candidate
from tests.finished import finished
from tests.unit.report.records import run_record

GAP = re.compile(r"(['“]?)\{(\w+)\}")
ODD = (
    "x", "{name}", "{}", "100%", "%(n)s %s", "a. B. c", "it's 'quoted'", "Größe", "12", "1,234.5",
    "The disk is full.", "Search 3 · 64 px", "' and '", " ", "<b>fett</b>", "x' but looks like 'y", "$1 \\1",
)  # fmt: skip


@pytest.fixture(autouse=True)
def german() -> Any:
    with translation.override("de"):
        yield


def filled(template: str, values: list[str]) -> str:
    rest = iter(values)
    return GAP.sub(lambda gap: gap[1] + next(rest), template)


def known(text: str) -> bool:
    return recognised(text) is not None or said(text) != text


@pytest.mark.parametrize("kind", sorted(_TEXTS))
def test_every_finding_of_an_upload_is_known(kind: str) -> None:
    details = {name: "7" for text in _TEXTS[kind] for _, name in GAP.findall(text)}
    problem = make_problem("a/b.jpg", kind, **details)
    assert known(problem.reason), problem.reason
    assert known(problem.remedy), problem.remedy


def test_every_sentence_of_a_verdict_is_known() -> None:
    verdict = build_document(run_record())["verdict"]
    sentences = [verdict["headline"], *verdict["sentences"]]
    assert len(sentences) > 1
    assert [one for one in sentences if not known(one)] == []


@pytest.mark.django_db
def test_a_finished_run_is_told_in_german(owner: User) -> None:
    run = finished(owner)
    labels = live_snapshot(run)["candidates"]["labels"]
    assert any(label.startswith("Suche ") for label in labels), labels


def test_values_are_said_too_and_figures_have_a_comma() -> None:
    assert said(
        "int8 is 3.6 times smaller and not faster (3.10 ms instead of 2.90 on this machine) and costs "
        "0.4 points of validation accuracy."
    ) == (
        "int8 ist 3,6-mal kleiner und nicht schneller (3,10 ms statt 2,90 auf dieser Maschine) und kostet "
        "0,4 Punkte Genauigkeit bei der Validierung."
    )
    assert said(
        "1,234 images in 2 classes, read from the second level of folders. "
        "The upload divides them already: 1,000 to train on, 234 to test."
    ) == (
        "1.234 Bilder in 2 Klassen, gelesen aus der zweiten Ordnerebene. "
        "Der Upload teilt sie schon auf: 1.000 zum Trainieren, 234 zum Testen."
    )


def test_a_file_and_the_first_finding_are_named() -> None:
    assert said("alle fotos/x.jpg: The file is protected by a password.").startswith("alle fotos")
    assert (
        said("x.zip: The file is protected by a password.")
        == "x.zip: Die Datei ist mit einem Passwort geschützt."
    )
    assert said(
        "No image of the upload could be used. The first finding: b/y.jpg: The file is empty (0 bytes). "
        "Replace it by the original image."
    ).endswith(
        "Der erste Befund: b/y.jpg: Die Datei ist leer (0 Bytes). Ersetzen Sie es durch das Originalbild."
    )


def test_names_of_people_are_left_alone() -> None:
    text = "It lies in '1.5' but looks like 'test' (93% sure)."
    assert said(text) == "Es liegt in „1.5“, sieht aber aus wie „test“ (93 % sicher)."
    assert said("3 photos: 1.5 → training") == "3 Fotos: 1.5 → training"


def test_what_can_be_read_in_two_ways_stays_english() -> None:
    text = "It lies in 'a' but looks like 'b' but looks like 'c' (93% sure)."
    assert said(text) == text


def test_a_text_of_which_a_part_is_unknown_stays_english() -> None:
    text = "The disk is full. Free some space and import the data again. Something new happened."
    assert said(text) == text


def test_other_text_stays_as_it_is() -> None:
    for text in ("", "x", "{", "%", "Ein Satz auf Deutsch.", "a" * 10_000, "\x00", "🙂. 🙂."):
        assert said(text) == text


def test_english_readers_get_the_very_same_text() -> None:
    with translation.override("en"):
        assert said("The disk is full. Free some space and import the data again.").startswith("The disk")


@given(template=st.sampled_from([text for text in SENTENCES if "{" in text]), data=st.data())
def test_odd_values_come_back_whole_or_nothing_is_said(template: str, data: st.DataObject) -> None:
    gaps = GAP.findall(template)
    odd = st.one_of(st.sampled_from(ODD), st.text(min_size=1, max_size=12))
    values = [data.draw(odd) for _ in gaps]
    text = filled(template, values)
    found = recognised(text)
    if found is not None and found[0].text == template:
        assert list(found[1]) == values
    elif found is not None:  # another template says the same words with the same values between them
        assert filled(found[0].text, list(found[1])) == text
    spoken_text = said(text)
    if spoken_text != text and found is not None and found[0].text == template:
        for (quote, name), value in zip(gaps, values, strict=True):
            if quote or name.rstrip("0123456789") in MADE_BY_PEOPLE:
                assert value in spoken_text


def test_events_and_candidates_are_said_and_the_rows_stay() -> None:
    event = {
        "type": "event",
        "kind": "candidate_finished",
        "payload": {
            "candidate": {
                "label": "Search 3 · 64 px",
                "error": "The training diverged: its loss is no longer a number.",
                "metrics": {"device": {"name": "Search 3 · 64 px", "broken_limits": [
                    "Its weights need 2,097,152 bytes; this device allows at most 1,048,576."]}},
            }
        },
    }  # fmt: skip
    before = json.dumps(event)
    told = spoken(event)["payload"]["candidate"]
    assert told["label"] == "Suche 3 · 64 px"
    assert told["error"] == "Das Training lief auseinander: Sein Verlust ist keine Zahl mehr."
    assert told["metrics"]["device"]["name"] == "Search 3 · 64 px"
    assert told["metrics"]["device"]["broken_limits"] == [
        "Seine Gewichte brauchen 2.097.152 Bytes; dieses Gerät erlaubt höchstens 1.048.576."
    ]
    assert json.dumps(event) == before


def test_a_sentence_costs_little() -> None:
    """Twenty events a second for each viewer: well below a millisecond where it is new, far less after."""
    texts = [filled(template, ["7"] * len(GAP.findall(template))) for template in SENTENCES]
    said(texts[0])
    _said.cache_clear()
    begin = time.process_time()
    for text in texts:
        said(text)
    fresh = (time.process_time() - begin) / len(texts)
    begin = time.process_time()
    for text in texts:
        said(text)
    cached = (time.process_time() - begin) / len(texts)
    assert fresh < 1e-3
    assert cached < 50e-6


def test_the_catalogues_that_are_compiled_are_those_of_the_site(settings: Any) -> None:
    assert [str(path) for path in settings.LOCALE_PATHS] == [str(LOCALES)]
    assert (LOCALES / "de" / "LC_MESSAGES" / "django.po").is_file()


def test_the_module_of_sentences_is_what_the_sources_say(settings: Any) -> None:
    """Run `make messages` when this fails."""
    from datasets_app.words.extract import engine_sentences, module_of

    root = Path(settings.BASE_DIR)
    assert (root / "datasets_app/words/sentences.py").read_text(encoding="utf-8") == module_of(
        engine_sentences(root)
    )


def test_one_candidate_answers_in_the_language_of_the_reader(
    owner: User, client_of: Callable[[User | None], Client]
) -> None:
    run = SearchRunFactory(owner=owner)
    make_candidate(run, 3, label="Search 4 · 64 px")
    client, address = client_of(owner), f"/api/v1/searches/{run.pk}/candidates/3"
    labels = {
        language: client.get(address, headers={"accept-language": language}).json()["label"]
        for language in ("en", "de")
    }
    assert labels == {"en": "Search 4 · 64 px", "de": "Suche 4 · 64 px"}
