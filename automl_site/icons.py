"""Icons of the pages: the few of Tabler's that are used, as a style sheet of masks instead of a web font.

`manage.py vendor_static` writes the sheet. A page says `<i class="ti ti-home" aria-hidden="true"></i>`, a
script `icon('home')`; the icon takes the colour and the size of the text around it. A name that is used must
stand in `icons.txt`, which a test checks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from django.core.management.base import CommandError

ICONS = tuple(Path(__file__).with_suffix(".txt").read_text(encoding="utf-8").split())

_FRAME = """\
/* Written by `manage.py vendor_static` from @tabler/icons (MIT, see LICENSE). */
.ti { display: inline-block; line-height: 1; vertical-align: -.125em; }
.ti::before { content: ""; display: block; width: 1em; height: 1em; background: currentColor;
  -webkit-mask: var(--ti, linear-gradient(transparent, transparent)) center / contain no-repeat;
  mask: var(--ti, linear-gradient(transparent, transparent)) center / contain no-repeat; }
@media (forced-colors: active) { .ti::before { background: CanvasText; forced-color-adjust: none; } }
"""
_NOTHING = '<path stroke="none" d="M0 0h24v24H0z" fill="none" />'
_IN_MARKUP = re.compile(r"\bti-([a-z0-9]+(?:-[a-z0-9]+)*)(?![a-z0-9-])(?!\{|\$)")
_IN_SCRIPT = re.compile(r"\bicon(?:\(|: *|\s*=\s*)(?:\w+ \? )?'([a-z0-9-]+)'(?: : '([a-z0-9-]+)')?")


def icon_sheet(source: Path, names: Iterable[str] = ICONS) -> str:
    """Returns the style sheet of some icons.

    Args:
        source: Folder of Tabler's outline icons, one `<name>.svg` each.
        names: The icons.

    Raises:
        CommandError: If Tabler has no icon of a name.
    """
    rules = []
    for name in names:
        path = source / f"{name}.svg"
        if not path.is_file():
            raise CommandError(f"Tabler has no icon '{name}'. Mend its name in automl_site/icons.txt.")
        rules.append(f'.ti-{name} {{ --ti: url("{_data_url(path.read_text(encoding="utf-8"))}"); }}\n')
    return _FRAME + "".join(rules)


def used_icons(root: Path) -> dict[str, str]:
    """Returns the icons that pages and scripts name, each with a file in which it stands.

    Names that are put together at run time are not found; the browser tests look for icons without a picture.

    Args:
        root: The project's folder.
    """
    found: dict[str, str] = {}
    places = (
        (root / "templates", "*.html", (_IN_MARKUP,)),
        (root / "static/js", "*.js", (_IN_MARKUP, _IN_SCRIPT)),
    )
    for folder, pattern, searches in places:
        for path in sorted(folder.rglob(pattern)):
            text = path.read_text(encoding="utf-8")
            for search in searches:
                for match in search.finditer(text):
                    found |= {name: str(path.relative_to(root)) for name in match.groups() if name}
    return found


def _data_url(svg: str) -> str:
    """Returns an icon as a data URL, without what a mask does not need."""
    inner = svg[svg.index(">") + 1 : svg.rindex("</svg>")].replace(_NOTHING, "")
    body = " ".join(inner.split()).replace("> <", "><")
    text = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#000" '
        f'stroke-width="2" stroke-linecap="round" stroke-linejoin="round">{body}</svg>'
    ).replace('"', "'")
    for sign in "%#<>":  # the only ones that a style sheet or an address would misread
        text = text.replace(sign, f"%{ord(sign):X}")
    return f"data:image/svg+xml,{text}"
