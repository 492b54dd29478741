"""Recognises names that mean train, val or test, in the usual spellings."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, Literal

Split = Literal["train", "val", "test"]

_WORDS: Final[dict[str, Split]] = {
    "train": "train", "training": "train", "trainset": "train", "trainingset": "train", "tr": "train",
    "trn": "train", "val": "val", "valid": "val", "validation": "val", "validate": "val", "valset": "val",
    "validationset": "val", "dev": "val", "eval": "val", "evaluation": "val", "test": "test",
    "testing": "test", "testset": "test", "tst": "test", "holdout": "test",
}  # fmt: skip
_ONLY_ALONE: Final = frozenset({"tr", "dev", "eval"})
_FILLERS: Final = frozenset({
    "image", "images", "img", "imgs", "photo", "photos", "picture", "pictures", "pic", "pics", "data",
    "dataset", "datasets", "set", "sets", "split", "splits", "part", "folder", "files", "subset", "class",
    "classes", "labeled", "labelled", "label", "labels", "annotation", "annotations", "metadata", "meta",
    "list",
})  # fmt: skip
_TOKEN: Final = re.compile(r"[^\W\d_]+")
_YES: Final = frozenset({"1", "true", "yes", "y", "t"})
_NO: Final = frozenset({"0", "false", "no", "n", "f", ""})


@lru_cache(maxsize=4096)
def part_of(name: str) -> Split | None:
    """Part that a folder, file or cell names by itself: ``train``, ``Train_Set``, ``01_train``."""
    found, rest = _split_words(name)
    return found if not rest else None


def parts_of(names: Iterable[str]) -> dict[str, Split]:
    """Parts named by folders that stand side by side.

    Beside names that say it alone, a word more is allowed when the folders share it: ``flowers_train`` and
    ``flowers_test`` are parts, ``model train`` next to ``model car`` is not.
    """
    made: dict[str, Split] = {}
    families: dict[tuple[str, ...], dict[str, Split]] = defaultdict(dict)
    for name in names:
        found, rest = _split_words(name)
        if found is not None and not rest:
            made[name] = found
        elif found is not None:
            families[rest][name] = found
    for family in families.values():
        if len(set(family.values())) > 1:
            made |= family
    return made


def part_of_flag(column: str, value: str) -> Split | None:
    """Part that a yes-or-no column such as ``is_valid`` means by one of its values."""
    words = set(_tokens(column))
    part = next((p for word, p in _WORDS.items() if word in words), None)
    if part is None or "is" not in words:
        return None
    if value.casefold() in _YES:
        return part
    if value.casefold() in _NO and part != "train":
        return "train"
    return "val" if value.casefold() in _NO else None


def _split_words(name: str) -> tuple[Split | None, tuple[str, ...]]:
    """(the part that one word of the name means, the other words that mean something)."""
    tokens = _tokens(name)
    hits = [t for t in tokens if t in _WORDS]
    rest = tuple(t for t in tokens if t not in _WORDS and t not in _FILLERS)
    if len(hits) != 1 or (hits[0] in _ONLY_ALONE and len(tokens) > 1):
        return None, rest
    return _WORDS[hits[0]], rest


def _tokens(name: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name[:300])  # TrainSet
    return [token.casefold() for token in _TOKEN.findall(spaced)]
