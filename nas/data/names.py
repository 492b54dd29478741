"""Judges the names inside an upload. A name is data: it is shown, it labels, it never opens a file."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

# Control characters (C0, DEL, C1), line separators and the invisible marks that turn reading direction.
_ODD: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_JAPANESE: Final = re.compile("[\u3041-\u30ff\u4e00-\u9fff]")
_LETTER: Final = re.compile("[A-Za-z]")
_DRIVE: Final = re.compile(r"^[A-Za-z]:")
_FINE: Final = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9_. -]*/)*[A-Za-z0-9_][A-Za-z0-9_. -]*/?")
_LITTER_FOLDERS: Final = frozenset({"__MACOSX", ".git", "@eaDir"})
_LITTER_FILES: Final = frozenset({".ds_store", "thumbs.db", "desktop.ini", ".gitkeep"})
_ARCHIVES: Final = (".zip", ".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".jar", ".iso")


def decode_name(raw: bytes, utf8_flag: bool) -> str:
    """Turns the raw name of a zip or tar entry into text.

    Many programs write UTF-8 without saying so, so UTF-8 is tried first. Otherwise each part of the name is
    read as cp932 when that gives Japanese words, else as cp437 (the format's default), which reads every
    byte. The same bytes always give the same text, so a folder is never torn into two classes.
    """
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        if utf8_flag:
            return raw.decode("utf-8", "replace")
        return "/".join(_decode_part(part) for part in raw.split(b"/"))


@lru_cache(maxsize=4096)
def _decode_part(raw: bytes) -> str:
    try:
        text = raw.decode("cp932")
    except UnicodeDecodeError:
        return raw.decode("cp437")
    japanese = len(_JAPANESE.findall(text))
    # Accented letters of Europe also form valid pairs, but they stand among plain letters.
    return text if japanese > len(_LETTER.findall(text.partition(".")[0])) else raw.decode("cp437")


def name_problem(name: str, *, max_name_bytes: int, max_depth: int) -> str | None:
    """Kind of the finding that this name earns, or None when it is fine."""
    kind: str | None = None
    parts = name.removesuffix("/").split("/")
    if len(name) <= max_name_bytes and len(parts) <= max_depth and _FINE.fullmatch(name):
        return None  # nearly all names, without looking at their parts one by one
    if "\\" in name:
        kind = "backslash"
    elif name.startswith("/") or _DRIVE.match(name):
        kind = "absolute-path"
    elif ".." in parts:
        kind = "path-traversal"
    elif not name or _ODD.search(name) or any(part.strip() in ("", ".") for part in parts):
        kind = "odd-name"
    elif any(len(part.encode("utf-8", "surrogateescape")) > max_name_bytes for part in parts):
        kind = "name-too-long"
    elif len(parts) > max_depth:
        kind = "too-deep"
    return kind


def is_litter(name: str) -> bool:
    """True for what operating systems leave behind; such files are ignored without a word."""
    parts = name.removesuffix("/").split("/")
    last = parts[-1]
    return not _LITTER_FOLDERS.isdisjoint(parts) or last.lower() in _LITTER_FILES or last.startswith("._")


def is_archive_name(name: str) -> bool:
    """True when the name's ending is that of an archive."""
    return name.lower().endswith(_ARCHIVES)


def printable(name: str) -> str:
    """The name with odd characters escaped, safe to show and to store.

    NUL cannot be stored by PostgreSQL, lone surrogates cannot be encoded, direction marks mislead the eye.
    """
    text = _ODD.sub(lambda m: f"\\x{ord(m[0]):02x}", name)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def normal_label(folder: str) -> str:
    """Class name of a folder: Unicode NFC, so that two encodings of one word are one class."""
    return unicodedata.normalize("NFC", folder.strip())
