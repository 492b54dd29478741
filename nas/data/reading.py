"""How the files of an upload are understood, as one value that can be shown, corrected and stored."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final, Literal, cast

from nas.data.names import normal_label, printable
from nas.errors import DataError

Kind = Literal["folders", "table", "pattern"]
KINDS: Final = ("folders", "table", "pattern")
PART_NAMES: Final = ("train", "val", "test", "ignore")
MAX_LABEL: Final = 500
_MAX_TEXT: Final = 5000
_MAX_ITEMS: Final = 100_000


@dataclass(frozen=True)
class Interpretation:
    """Answers the question "which file belongs to which class, and to which part?".

    Attributes:
        kind: Where the class stands: in folder names, in a table, or in file names.
        root: Leading folders that all images share and that mean nothing; "" for none.
        split_folders: Folder name -> "train", "val", "test", or "ignore" to leave it out. Empty: no parts.
        split_level: Which folder below the root is the part, 0 = first.
        label_level: Which folder below root and part is the class, 0 = first, -1 = last (folders only).
        table: Path of the table inside the upload (tables only).
        tables: All tables to read -> part of their rows, "" when a column or the folders say (tables only).
        path_column: Column that names the image.
        label_column: Column that names the class.
        split_column: Column that names the part, or None.
        pattern: Name of a pattern of `nas.data.patterns` (file names only).
        renames: Class -> class; two to one merges them.
        dropped: Classes (after renaming) that are left out.
        splits_used: False divides the images anew, whatever the upload says.
    """

    kind: Kind = "folders"
    root: str = ""
    split_folders: dict[str, str] = field(default_factory=dict)
    split_level: int = 0
    label_level: int = 0
    table: str = ""
    tables: dict[str, str] = field(default_factory=dict)
    path_column: str = ""
    label_column: str = ""
    split_column: str | None = None
    pattern: str = ""
    renames: dict[str, str] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)
    splits_used: bool = True

    def to_json(self) -> dict[str, Any]:
        """JSON-ready, read by `from_json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: object) -> Interpretation:
        """Reads what `to_json` wrote, or what a person changed in it.

        Raises:
            DataError: It makes no sense.
        """
        if not isinstance(data, dict):
            raise _nonsense("it is no object")
        known = {f.name for f in fields(cls)}
        if unknown := sorted(str(key) for key in data if key not in known):
            raise _nonsense(f"'{printable(unknown[0][:50])}' is not known")
        made = cls(
            kind=cast(Kind, _one_of(data, "kind", KINDS, "folders")),
            root=_text(data, "root"),
            split_folders=_mapping(data, "split_folders", PART_NAMES),
            split_level=_level(data, "split_level", 0),
            label_level=_level(data, "label_level", -1),
            table=_text(data, "table"),
            tables=_mapping(data, "tables", ("train", "val", "test", "")),
            path_column=_text(data, "path_column"),
            label_column=_text(data, "label_column"),
            split_column=_text(data, "split_column") or None,
            pattern=_text(data, "pattern"),
            renames={key: _label(value) for key, value in _mapping(data, "renames").items()},
            dropped=[_as_text(x, "dropped") for x in _items(data.get("dropped", []), "dropped", list)],
            splits_used=_flag(data, "splits_used"),
        )
        if made.kind == "table" and not (made.table and made.path_column and made.label_column):
            raise _nonsense("the table, or its column of file names or classes, is not named")
        if made.kind == "pattern" and not made.pattern:
            raise _nonsense("the pattern of the file names is not named")
        return made

    @property
    def divides(self) -> bool:
        """Whether folders stand for parts."""
        return any(part != "ignore" for part in self.split_folders.values())

    def final_label(self, label: str) -> str:
        """The class after all renames, also of renamed names; in a circle, two classes change places."""
        seen = {label}
        while (other := self.renames.get(label)) is not None and other not in seen:
            seen.add(other)
            label = other
        return label


def _text(data: dict[str, Any], key: str) -> str:
    value = data.get(key, "")
    return "" if value is None else _as_text(value, key)


def _as_text(value: object, key: str) -> str:
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        raise _nonsense(f"'{key}' is no text, or too long")
    return value


def _one_of(data: dict[str, Any], key: str, allowed: tuple[str, ...], default: str) -> str:
    value = data.get(key, default)
    if value not in allowed:
        raise _nonsense(f"'{key}' must be one of {', '.join(allowed)}")
    return str(value)


def _items(value: object, key: str, kind: type) -> Any:
    if not isinstance(value, kind) or len(value) > _MAX_ITEMS:  # type: ignore[arg-type]
        raise _nonsense(f"'{key}' has the wrong form or is too long")
    return value


def _mapping(data: dict[str, Any], key: str, values: tuple[str, ...] = ()) -> dict[str, str]:
    found = _items(data.get(key, {}), key, dict)
    made = {_as_text(k, key): _as_text(v, key) for k, v in found.items()}
    if values and (wrong := sorted(set(made.values()) - set(values))):
        raise _nonsense(f"'{printable(wrong[0][:50])}' is no part of '{key}'")
    return made


def _level(data: dict[str, Any], key: str, lowest: int) -> int:
    value = data.get(key, 0)
    if type(value) is not int or not lowest <= value <= 100:
        raise _nonsense(f"'{key}' must be a whole number from {lowest} on")
    return value


def _flag(data: dict[str, Any], key: str) -> bool:
    value = data.get(key, True)
    if not isinstance(value, bool):
        raise _nonsense(f"'{key}' must be true or false")
    return value


def _label(value: str) -> str:
    label = printable(normal_label(value))
    if not 0 < len(label) <= MAX_LABEL:
        raise DataError(f"A class name must have 1 to {MAX_LABEL} characters. Choose another name.")
    return label


def _nonsense(why: str) -> DataError:
    return DataError(
        f"The description of the files cannot be used: {why}. Load the page again and choose once more."
    )
