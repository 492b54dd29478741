"""report.html: one file that works offline, on a phone, in the dark and on paper."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

from nas.report import elsewhere, honest_sections, proof, scaling_tables, sections, tables
from nas.report.figure import build_figure, to_script_json
from nas.report.html import Markup, el, join

_HERE = Path(__file__).parent


def render_page(document: dict[str, Any]) -> str:
    """Returns the whole page for a report document (see `nas.report.document`)."""
    from plotly.offline import get_plotlyjs  # large, and whoever reads reports needs the words alone

    style = Markup((_HERE / "report.css").read_text(encoding="utf-8"))
    library = Markup(get_plotlyjs())
    script = Markup((_HERE / "report.js").read_text(encoding="utf-8"))
    figure = Markup(to_script_json(build_figure(document)))
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=_policy(library, script)),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("title", f"Search report: {document['verdict']['headline']}"),
        el("style", style),
    )
    body = el(
        "body",
        el("main", *_content(document)),
        el("script", figure, id="figure", type="application/json"),
        el("script", library),
        el("script", script),
    )
    return f"<!doctype html>\n{el('html', head, body, lang='en')}\n"


def _content(document: dict[str, Any]) -> list[Markup | None]:
    return [
        sections.verdict(document),
        sections.chart(document),
        tables.leaderboard(document),
        sections.network(document),
        tables.device(document),
        elsewhere.section_of(document),
        tables.sealed_test(document),
        proof.proof(document),
        sections.confusion(document),
        scaling_tables.scaling(document),
        sections.plan(document),
        honest_sections.anytime(document),
        honest_sections.ranking(document),
        honest_sections.resnet50(document),
        honest_sections.fairness(document),
        sections.cost(document),
        sections.reproduce(document),
        tables.candidates(document),
    ]


def _policy(*scripts: str) -> str:
    """Returns a policy under which only the page's own scripts run and nothing is ever fetched."""
    hashes = " ".join(f"'sha256-{_sha256(script)}'" for script in scripts)
    return str(
        join(
            Markup(f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; "),
            Markup("img-src data: blob:; base-uri 'none'; form-action 'none'"),
        )
    )


def _sha256(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
