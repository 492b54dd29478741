"""`python -m datasets_app.words.compile`: catalogues (.po) to what Django reads, without GNU gettext."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

LOCALES: Final = Path(__file__).resolve().parents[2] / "locale"


def compile_catalogues(locales: Path = LOCALES) -> list[Path]:
    """Writes each .mo that is missing or older than its .po; returns those that were written.

    Entries that are marked fuzzy are left out: a guess must not be shown.
    """
    written = []
    for source in sorted(locales.glob("*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        if target.is_file() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        with source.open("rb") as file:
            catalogue = read_po(file, locale=source.parent.parent.name)
        beside = target.with_suffix(".mo.new")
        with beside.open("wb") as file:
            write_mo(file, catalogue)
        beside.replace(target)
        written.append(target)
    return written


if __name__ == "__main__":
    compile_catalogues()
