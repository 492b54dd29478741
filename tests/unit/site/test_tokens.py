"""Colours: each text colour is readable on each ground, each series is seen, in light and in dark."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings

CSS = Path(settings.BASE_DIR) / "static/css"
TEXTS = ("ink", "quiet", "accent", "good", "warn", "bad")
GROUNDS = ("ground", "panel", "raised")
OWN_GROUNDS = (("accent", "accent-soft"), ("good", "good-soft"), ("warn", "warn-soft"), ("bad", "bad-soft"))
PAIRS = re.compile(r"--([\w-]+): light-dark\(#(\w{6}), #(\w{6})\);")


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    channels = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def colours(theme: int) -> dict[str, str]:
    return {match[0]: match[1 + theme] for match in PAIRS.findall((CSS / "tokens.css").read_text())}


def test_contrast_is_computed_as_the_standard_says() -> None:
    assert contrast("000000", "ffffff") == pytest.approx(21)
    assert contrast("777777", "ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_texts_are_readable(theme: int) -> None:
    of = colours(theme)
    pairs = [(text, ground) for text in TEXTS for ground in GROUNDS]
    pairs += [*OWN_GROUNDS, *(("ink", ground) for _text, ground in OWN_GROUNDS), ("on-accent", "accent")]
    pairs += [("on-accent", "ink"), ("on-accent", "bad")]
    for text, ground in pairs:
        found = contrast(of[f"app-{text}"], of[f"app-{ground}"])
        assert found >= 4.5, f"{text} on {ground}: {found:.2f}"


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_series_and_borders_of_fields_are_seen(theme: int) -> None:
    of = colours(theme)
    names = [name for name in of if name.startswith("series-")] + ["chart-baseline", "app-line-strong"]
    assert len(names) == 9
    for name in names:
        found = contrast(of[name], of["app-panel"])
        assert found >= 3, f"{name}: {found:.2f}"


def test_style_sheets_use_tokens_that_exist_and_no_colours_of_their_own() -> None:
    known = set(re.findall(r"^  (--[\w-]+):", (CSS / "tokens.css").read_text(), re.MULTILINE))
    for name in ("components.css", "layout.css", "areas.css"):
        text = (CSS / name).read_text()
        ours = re.findall(r"var\((--(?!tblr)[\w-]+)", text)
        assert set(ours) <= known, name
    assert not re.findall(r"#[0-9a-f]{3,6}\b", (CSS / "layout.css").read_text())
