"""Components that hold content between their tags; the others are plain `{% include "components/…" %}`."""

from __future__ import annotations

from typing import Any

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_block_tag
def component(content: SafeString, name: str, **parameters: Any) -> SafeString:
    """Renders `templates/components/<name>.html`, whose head states the parameters.

    Args:
        content: What stands between the tags, rendered already.
        name: Name of the component.
        **parameters: Its parameters; text is escaped.
    """
    return render_to_string(f"components/{name}.html", {**parameters, "content": SafeString(content.strip())})


@register.filter
def split_list(text: str) -> list[str]:
    """Returns the parts of a text between its commas: a list of columns written in a template."""
    return [part.strip() for part in text.split(",")]
