"""The style guide: every token, component and state is on it; each component says its parameters."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.template import Context, Template
from django.test import Client

from datasets_app.models import DatasetState
from search_app.models import Device, SearchRun

COMPONENTS = Path(settings.BASE_DIR) / "templates/components"
GUIDE = Path(settings.BASE_DIR) / "templates/styleguide/parts.html"
SHOWN_ELSEWHERE = {"page_head"}  # a page has one level-1 heading: the guide's own


@pytest.mark.django_db
def test_everything_is_shown_in_both_themes(client_of: Callable[[User | None], Client], owner: User) -> None:
    text = client_of(owner).get("/styleguide/").content.decode()
    for theme in ("light", "dark"):
        assert f'data-bs-theme="{theme}"' in text
    tokens = (Path(settings.BASE_DIR) / "static/css/tokens.css").read_text()
    for name in re.findall(r"^  (--(?:app|series|chart|text|space|radius)-[\w-]+):", tokens, re.MULTILINE):
        assert text.count(f"<code>{name}</code>") == 2, name
    for state in {*SearchRun.State.values, *DatasetState.values, *Device.State.values} - {"UPLOADED"}:
        assert text.count(f"state-{state}") == 2, state
    assert not re.search(r"\sstyle=|\son[a-z]+=", text)


def test_every_component_is_shown_and_says_its_parameters() -> None:
    guide = GUIDE.read_text()
    for path in COMPONENTS.glob("*.html"):
        head = path.read_text()
        assert "{% comment %}" in head, path.name
        used = f"components/{path.name}" in guide or f'component "{path.stem}"' in guide
        assert used or path.stem in SHOWN_ELSEWHERE, path.name


def test_parameters_are_text_and_content_is_rendered_once() -> None:
    source = (
        '{% load components %}{% component "card" title=title note="n" %}<p>{{ title }}</p>{% endcomponent %}'
    )
    made = Template(source).render(Context({"title": "<script>alert(1)</script>"}))
    assert "<script>" not in made
    assert "<p>&lt;script&gt;" in made


def test_an_empty_block_makes_no_empty_box() -> None:
    source = '{% load components %}{% component "page_head" title="T" %} {% endcomponent %}'
    assert "actions" not in Template(source).render(Context({}))
