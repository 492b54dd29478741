"""A few lines of HTML building in which text is escaped unless it was built here."""

from __future__ import annotations

import html


class Markup(str):
    """Text that is HTML already. Only `el` and `join` make it from foreign text."""

    __slots__ = ()


_VOID = frozenset({"meta", "br", "hr", "img", "link"})


def escape(text: object) -> Markup:
    """Returns the text with the five special characters escaped; markup stays as it is."""
    return text if isinstance(text, Markup) else Markup(html.escape(str(text), quote=True))


def join(*children: object) -> Markup:
    """Returns the children one after another, escaped where needed; None is nothing."""
    return Markup("".join(escape(child) for child in children if child is not None))


def el(tag: str, *children: object, **attributes: object) -> Markup:
    """Returns an element.

    Args:
        tag: Name of the element.
        *children: Markup or text; text is escaped, None is nothing.
        **attributes: Values are escaped; None and False leave the attribute out, True writes it alone. A
            trailing underscore is dropped and other underscores become hyphens (``class_``, ``aria_label``).
    """
    parts = []
    for key, value in attributes.items():
        name = key.rstrip("_").replace("_", "-")
        if value is True:
            parts.append(f" {name}")
        elif value is not None and value is not False:
            parts.append(f' {name}="{escape(value)}"')
    opening = f"<{tag}{''.join(parts)}>"
    return Markup(opening if tag in _VOID else f"{opening}{join(*children)}</{tag}>")


def table(
    caption: str,
    head: list[str],
    rows: list[list[object]],
    *,
    numeric: set[int] | None = None,
    marked: set[int] | None = None,
) -> Markup:
    """Returns a table that scrolls sideways on small screens and can be reached by keyboard.

    Args:
        caption: Says what the table shows.
        head: Column headings.
        rows: Cells; the first of a row is its heading.
        numeric: Columns that are set to the right.
        marked: Rows to set off.
    """
    right, set_off = numeric or set(), marked or set()
    headings = [
        el("th", text, scope="col", class_="num" if index in right else None)
        for index, text in enumerate(head)
    ]
    body = []
    for number, row in enumerate(rows):
        cells = [
            el(
                "td" if index else "th",
                cell,
                scope=None if index else "row",
                class_="num" if index in right else None,
            )
            for index, cell in enumerate(row)
        ]
        body.append(el("tr", *cells, class_="marked" if number in set_off else None))
    content = el(
        "table",
        el("caption", caption),
        el("thead", el("tr", *headings)),
        el("tbody", *body),
    )
    return el("div", content, class_="scroll", role="region", aria_label=caption, tabindex=0)
