"""Icons: every name that a page uses is in the sheet, and the sheet can be drawn."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from django.conf import settings
from django.core.management.base import CommandError

from automl_site.icons import ICONS, icon_sheet, used_icons
from search_app.devices import PROFILES

ROOT = Path(settings.BASE_DIR)
SHEET = ROOT / "static/vendor/tabler-icons/icons.css"


def test_pages_and_scripts_use_only_icons_of_the_sheet() -> None:
    missing = {name: file for name, file in used_icons(ROOT).items() if name not in ICONS}
    assert not missing, "add them to automl_site/icons.txt, then run manage.py vendor_static"
    assert {icon for _, icon in PROFILES.values()} <= set(ICONS)


def test_names_are_found_in_markup_and_scripts(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "static/js").mkdir(parents=True)
    (tmp_path / "templates/a.html").write_text('<i class="ti ti-home"></i><i class="ti ti-{{ x }}"></i>')
    (tmp_path / "static/js/a.js").write_text(
        "icon('x'); const a = { icon: name ? 'folder' : 'photo' }; b.className = `ti ti-player-${c}`;"
    )
    assert set(used_icons(tmp_path)) == {"home", "x", "folder", "photo"}


def test_the_sheet_holds_every_icon_as_a_drawing() -> None:
    drawings = dict(
        re.findall(r'\.ti-([a-z0-9-]+) \{ --ti: url\("data:image/svg\+xml,([^"]*)"\)', SHEET.read_text())
    )
    assert set(drawings) == set(ICONS)
    for name, drawing in drawings.items():
        assert re.fullmatch(r"<svg [^<>]+>(<path d='[^']+' ?/>)+</svg>", unquote(drawing)), name


def test_an_unknown_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no icon 'hoem'"):
        icon_sheet(tmp_path, ["hoem"])
