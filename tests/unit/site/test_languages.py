"""The application speaks each of its languages completely; `make messages` collects what is new."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po
from django.conf import settings
from django.test import Client
from django.utils import translation

ROOT = Path(settings.BASE_DIR)
DOMAINS = ("django", "djangojs")
PLACES = re.compile(r"%\(\w+\)[sd]|\{\w+\}|%%")
TAGS = re.compile(r"</?\w+[^>]*>")
ENGLISH_BY_DESIGN = frozenset({"templates/styleguide/parts.html"})
"""For those who build pages."""
SAME_EVERYWHERE = frozenset({"AutoML", "CSV", "JSON", "SHA", "kWh", "mJ", "min", "px"})
"""Words of templates that are no language's own."""
STRINGS = re.compile(r"(?<![\w'])'((?:[^'\\\n]|\\.)*)'")


def entries(domain: str, language: str = "de", root: Path = ROOT) -> list[Message]:
    with (root / f"locale/{language}/LC_MESSAGES/{domain}.po").open("rb") as file:
        return [one for one in read_po(file, locale=language) if one.id]


def forms(one: Message) -> list[tuple[str, str]]:
    """Pairs of English and translated text."""
    if isinstance(one.id, str):
        return [(one.id, str(one.string))]
    return list(zip(one.id, one.string, strict=True))


def sources(folder: str, ending: str) -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / folder).rglob(f"*{ending}")):
        name = path.relative_to(ROOT).as_posix()
        if "/vendor/" not in name:
            yield name, path.read_text(encoding="utf-8")


TEMPLATES = list(sources("templates", ".html"))


@pytest.mark.parametrize("domain", DOMAINS)
def test_everything_is_translated_and_nothing_guessed(domain: str) -> None:
    unsaid = [one.id for one in entries(domain) if one.fuzzy or not all(text for _, text in forms(one))]
    assert unsaid == []


@pytest.mark.parametrize("domain", DOMAINS)
def test_translations_keep_placeholders_tags_and_quotes(domain: str) -> None:
    for one in entries(domain):
        for english, other in forms(one):
            assert set(PLACES.findall(english)) == set(PLACES.findall(other)), english
            assert sorted(TAGS.findall(english)) == sorted(TAGS.findall(other)), english
            # They stand in attributes unescaped.
            assert other.count('"') == english.count('"'), english
            assert other[:1].isspace() == english[:1].isspace(), english


@pytest.mark.skipif(shutil.which("xgettext") is None, reason="GNU gettext is not here; .ci/run installs it")
def test_the_catalogues_hold_what_the_sources_say(tmp_path: Path) -> None:
    for folder in ("automl_site", "search_app", "datasets_app", "nas", "templates", "locale"):
        shutil.copytree(
            ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "*.mo")
        )
    shutil.copytree(ROOT / "static/js", tmp_path / "static/js")
    shutil.copy(ROOT / "manage.py", tmp_path)
    subprocess.run([sys.executable, "manage.py", "messages"], cwd=tmp_path, check=True, timeout=60)
    for domain in DOMAINS:
        before = {one.id for one in entries(domain)}
        assert {one.id for one in entries(domain, root=tmp_path)} == before, "run make messages"
    sentences = Path("datasets_app", "words", "sentences.py")
    assert (tmp_path / sentences).read_bytes() == (ROOT / sentences).read_bytes()


def test_no_literal_hides_from_the_catalogue() -> None:
    """What xgettext overlooks, as in an f-string or behind a regular expression that confuses it."""
    scripts, pages = (
        {text for one in entries(domain) for text, _ in forms(one)} for domain in ("djangojs", "django")
    )
    for name, text in sources("static/js", ".js"):
        for call in re.finditer(r"\bn?gettext\(\s*'((?:[^'\\]|\\.)*)'(?:,\s*'((?:[^'\\]|\\.)*)')?", text):
            for said in (one.replace("\\'", "'") for one in call.groups() if one):
                assert "words.js" in name or said in scripts, (name, said)
    for folder in ("automl_site", "search_app", "datasets_app"):
        for name, text in sources(folder, ".py"):
            for said in marked_literals(ast.parse(text)):
                assert said in pages, (name, said)


def marked_literals(tree: ast.AST) -> Iterator[str]:
    names = {"gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy", "_"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in names:
            for given in node.args[:2]:
                if isinstance(given, ast.Constant) and isinstance(given.value, str):
                    yield given.value


@pytest.mark.parametrize(("name", "text"), TEMPLATES, ids=[name for name, _ in TEMPLATES])
def test_templates_hold_no_bare_text(name: str, text: str) -> None:
    if name not in ENGLISH_BY_DESIGN:
        assert bare_text(text) == []


def bare_text(template: str) -> list[str]:
    """Words of a template outside translation tags, its attributes for people included."""
    left = re.sub(r"\{% (blocktranslate|comment).*?%\}.*?\{% end\1 %\}", "", template, flags=re.DOTALL)
    left = re.sub(r"<(style|script|pre|code|kbd)\b[^>]*>.*?</\1>", "", left, flags=re.DOTALL)
    left = re.sub(r"\{[%#{].*?[%#}]\}", "", left, flags=re.DOTALL)
    spoken = re.findall(r'\b(?:aria-label|title|placeholder|alt|data-name)="([^"]*)"', left)
    spoken += re.sub(r'<[^>]*>|[\w-]+="[^"]*"', "\n", left).splitlines()
    words = [re.sub(r"&\w+;", "", line).strip() for line in spoken]
    words = [re.sub(r"\b\w+\.onnx\b", "", line) for line in words]
    return [line for line in words if set(re.findall(r"[^\W\d_]{2,}", line)) - SAME_EVERYWHERE]


def test_bare_text_is_found_where_it_hides() -> None:
    assert bare_text('{% translate "Fine" %}<p title="{{ x }}">{{ y }}</p>') == []
    assert bare_text("<p>Bare {{ n }} text</p>") == ["Bare  text"]
    assert bare_text('<p title="Bare">·</p>') == ["Bare"]


def test_scripts_hold_no_bare_sentences() -> None:
    found = []
    for name, text in sources("static/js", ".js"):
        if name not in ENGLISH_BY_DESIGN:
            found += [(name, sentence) for sentence in bare_sentences(text)]
    assert found == []


def bare_sentences(script: str) -> list[str]:
    """Literals that look like speech and are not handed to gettext."""
    code = re.sub(r"^\s*(//|\*|/\*).*$|\s//\s.*$", "", script, flags=re.MULTILINE)
    code = re.sub(r"\bn?gettext\(\s*'(?:[^'\\]|\\.)*'(?:,\s*'(?:[^'\\]|\\.)*')?", "", code)
    texts = [*STRINGS.findall(code), *re.findall(r"`((?:[^`\\]|\\.)*)`", code)]
    literal = (re.sub(r"\$\{[^}]*\}", "", text) for text in texts)
    return [
        text
        for text in literal
        if re.search(r"[A-Z][a-z]+ [a-z]{2,}|[a-z]{2,} [a-z]{2,}[.,:]|[a-z]{2,} (is|are|of) ", text)
    ]


def test_bare_sentences_are_found_in_literals_and_templates() -> None:
    assert bare_sentences("notice('Choose a photo first.');") == ["Choose a photo first."]
    assert bare_sentences("x = `${n} photos of ${m} chosen`;") == [" photos of  chosen"]
    assert bare_sentences("notice(gettext('Choose a photo first.'));") == []


@pytest.mark.django_db
def test_pages_and_scripts_come_in_the_language_that_was_chosen() -> None:
    client = Client()
    assert 'lang="en"' in client.get("/accounts/login/").content.decode()
    client.post("/i18n/setlang/", {"language": "de", "next": "/accounts/login/"})
    page = client.get("/accounts/login/").content.decode()
    assert 'lang="de"' in page
    assert "Anmelden" in page
    assert "Choose a photo first." in (words := client.get("/i18n/words.js").content.decode())
    assert "Wählen Sie zuerst ein Foto aus." in words or "W\\u00e4hlen Sie zuerst ein Foto aus." in words


@pytest.mark.parametrize(
    "text",
    ["This field is required.", "Password", "The username and/or password you specified are not correct."],
)
def test_the_libraries_bring_their_own_german(text: str) -> None:
    with translation.override("de"):
        said: Any = translation.gettext(text)
    assert said != text


@pytest.mark.django_db
def test_the_words_of_scripts_are_sent_once_for_each_language() -> None:
    client = Client()
    first = client.get("/i18n/words.js")
    again = client.get("/i18n/words.js", headers={"if-none-match": first["ETag"]})
    assert again.status_code == 304
    german = client.get("/i18n/words.js", headers={"accept-language": "de", "if-none-match": first["ETag"]})
    assert german.status_code == 200
    assert "Cookie" in german["Vary"]
    assert "Accept-Language" in german["Vary"]
    assert len(german.content) < 60_000
