"""Browser libraries: exactly the listed files, without references to files that are not shipped."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from automl_site.icons import ICONS
from automl_site.management.commands.vendor_static import FILES, vendor_files

SVG = '<svg\n  width="24"\n>\n  <path d="M5 12l-2 0" />\n</svg>'


def installed(root: Path) -> Path:
    for name in FILES:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"body{}\n/*# sourceMappingURL=x.css.map */\n" if name.endswith(".css") else b"x")
    icons = root / "@tabler/icons/icons/outline"
    icons.mkdir(parents=True)
    for name in ICONS:
        (icons / f"{name}.svg").write_text(SVG)
    return root


def test_copies_replace_what_was_there(tmp_path: Path) -> None:
    target = tmp_path / "vendor"
    (target / "old").mkdir(parents=True)
    vendor_files(installed(tmp_path / "node_modules"), target)
    copied = {str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()}
    made = {"tabler-icons/icons.css", "tabler-icons/icons.css.gz"}
    assert copied == set(FILES.values()) | made
    assert b"sourceMappingURL" not in (target / "tabler/tabler.min.css").read_bytes()


def test_missing_library_names_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="make setup"):
        vendor_files(tmp_path / "node_modules", tmp_path / "vendor")


def test_compressed_copies_hold_the_same(tmp_path: Path) -> None:
    vendor_files(installed(tmp_path / "node_modules"), tmp_path / "vendor")
    sheet = tmp_path / "vendor/tabler-icons/icons.css"
    assert gzip.decompress(Path(f"{sheet}.gz").read_bytes()) == sheet.read_bytes()
