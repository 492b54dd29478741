"""Sentences of the engine in the reader's language.

The engine has no web framework and speaks English; its sentences lie in rows and files. A sentence is
recognised as one of the templates that `datasets_app.words.extract` found in the source, and said anew in
the active language: values that are figures or sentences themselves are translated, names that people gave
are not. What is not recognised for certain stays as it is. Why this way: docs/decisions/0046.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.utils.functional import lazy
from django.utils.translation import get_language, gettext

from datasets_app.words.figures import localised
from datasets_app.words.sentences import SENTENCES

LONGEST: Final = 4000
"""Characters of a text that is looked at; no sentence is longer."""
MOST_SENTENCES: Final = 12
"""Sentences in one text; more are not taken apart."""
DEEPEST: Final = 4
MADE_BY_PEOPLE: Final = frozenset(
    {
        "label", "labels", "from_labels", "wanted", "olds", "name", "names", "other", "suggestion",
        "device_name", "target_name", "space_name", "home_title", "path", "path_name", "key", "old",
        "found_name", "converter_package", "where",
    }
)  # fmt: skip
"""Placeholders that hold names of classes, files and devices; so does whatever stands in quotation marks."""
_PLACE: Final = re.compile(r"(?P<quote>['“]?)\{(?P<name>\w+)\}")
_TOKEN: Final = re.compile(r"[^\W\d_]{2,}|[→·]")
_FILE: Final = re.compile(r"(\S+\.\w{1,8}: )(.+)", re.DOTALL)
"""A file's name in front of what is wrong with it."""
_END: Final = re.compile(r"(?<=[.!?:]) (?=\S)")


@dataclass(frozen=True)
class Template:
    """A sentence with gaps.

    Attributes:
        text: With ``{placeholders}``.
        names: Of the gaps, in order.
        people: Of each gap, whether people filled it.
        shortest: Matches with the shortest possible values from the left.
        longest: With the longest possible ones.
        weight: Number of its literal characters.
        wordy: True if it has words of its own.
    """

    text: str
    names: tuple[str, ...]
    people: tuple[bool, ...]
    shortest: re.Pattern[str]
    longest: re.Pattern[str]
    weight: int
    wordy: bool

    def values(self, text: str) -> tuple[str, ...] | None:
        """Returns the values of the gaps; None if the text is another one, or may be read in two ways."""
        found = self.shortest.fullmatch(text)
        if found is None:
            return None
        values = found.groups()
        if len(values) > 1:
            other = self.longest.fullmatch(text)
            if other is None or other.groups() != values:
                return None
        return values


def said(text: Any) -> str:
    """Returns a sentence of the engine in the active language; unknown text as it is."""
    plain = str(text or "")
    language = get_language()
    if not plain or language is None or language.startswith("en") or len(plain) > LONGEST:
        return plain
    return _said(plain, language)


said_lazy = lazy(said, str)
"""`said` for texts that are made before a language is chosen."""


def said_by(error: ValidationError) -> str:
    """Returns what a service refused, in the active language."""
    return " ".join(said(message) for message in error.messages)


@lru_cache(maxsize=65_536)
def _said(text: str, _language: str) -> str:
    """`said` with a memory: a page of a long search has twenty thousand labels."""
    return _translated(text, 0)


def _translated(text: str, depth: int) -> str:
    pieces = _END.split(text)
    found = _of_pieces(pieces, depth) if len(pieces) <= MOST_SENTENCES else _recognised(text, depth)
    if found is None and (about := _FILE.fullmatch(text)):
        return about[1] + _translated(about[2], depth)
    return found or text


def _of_pieces(pieces: list[str], depth: int) -> str | None:
    """Returns several sentences translated, if all of them are known; one template may cover some of them.

    The shortest pieces come first: a gap at the end of a template would take in all that follows.
    """
    best: list[str | None] = [""] + [None] * len(pieces)
    for end in range(1, len(pieces) + 1):
        for begin in reversed(range(end)):
            before = best[begin]
            one = None if before is None else _recognised(" ".join(pieces[begin:end]), depth)
            if one is not None:
                best[end] = f"{before} {one}" if before else one
                break
    return best[-1]


def _recognised(text: str, depth: int) -> str | None:
    found = recognised(text)
    if found is None or depth > DEEPEST:
        return None
    template, values = found
    words = gettext(template.text)
    if words == template.text and template.wordy:  # the same, or not translated yet: no mixture of two
        return text
    said_values = [
        value if people else _value(value, depth)
        for value, people in zip(values, template.people, strict=True)
    ]
    filled = dict(zip(template.names, said_values, strict=True))
    return re.sub(r"\{(\w+)\}", lambda gap: filled.get(gap[1], gap[0]), words)


def _value(value: str, depth: int) -> str:
    if value.isdecimal():
        return value
    core = value.strip()
    return value.replace(core, localised(core) or _listed(core, depth), 1) if core else value


def _listed(value: str, depth: int) -> str:
    """Returns a value that is a sentence, or several with commas between them, in the active language."""
    if ", " in value:
        pieces = [_recognised(piece, depth + 1) for piece in value.split(", ")]
        if all(pieces):
            return ", ".join(piece or "" for piece in pieces)
    return _translated(value, depth + 1)


def recognised(text: str) -> tuple[Template, tuple[str, ...]] | None:
    """Returns the template of an English sentence and the values of its gaps; None if it is not sure.

    Where two templates fit, the one that says more in its own words is taken if the other would also fit its
    mere pattern ("The {what} failed." beside "The {name} of {what} failed."); else nobody can tell.
    """
    exact, index = _catalogue()
    if text in exact:
        return exact[text], ()
    fitting = [
        (template, values)
        for token in set(_TOKEN.findall(text))
        for template in index.get(token, ())
        if (values := template.values(text)) is not None
    ]
    if not fitting:
        return None
    plain = [one for one in fitting if not any(_END.search(value) for value in one[1])]
    fitting = sorted(plain or fitting, key=lambda one: -one[0].weight)  # gaps rarely hold several sentences
    best = fitting[0]
    pattern = _PLACE.sub(lambda gap: gap["quote"] + "¤", best[0].text)
    if any(other.shortest.fullmatch(pattern) is None for other, _ in fitting[1:]):
        return None
    return best


@lru_cache(maxsize=1)
def _catalogue() -> tuple[dict[str, Template], dict[str, list[Template]]]:
    """Templates without gaps by their text; the others by the rarest word of their own."""
    templates = [_template(text) for text in SENTENCES]
    exact = {template.text: template for template in templates if not template.names}
    gapped = [template for template in templates if template.names]
    tokens = {template.text: set(_TOKEN.findall(_PLACE.sub(" ", template.text))) for template in gapped}
    frequency = Counter(token for one in tokens.values() for token in one)
    index: dict[str, list[Template]] = defaultdict(list)
    for template in gapped:
        own = tokens[template.text]
        if own:
            index[min(own, key=lambda token: (frequency[token], token))].append(template)
    return exact, dict(index)


def _template(text: str) -> Template:
    gaps = list(_PLACE.finditer(text))
    literal = re.split(r"\{\w+\}", text)
    return Template(
        text,
        tuple(gap["name"] for gap in gaps),
        tuple(bool(gap["quote"]) or gap["name"].rstrip("0123456789") in MADE_BY_PEOPLE for gap in gaps),
        re.compile("(.+?)".join(map(re.escape, literal)), re.DOTALL),
        re.compile("(.+)".join(map(re.escape, literal)), re.DOTALL),
        sum(map(len, literal)),
        re.search(r"[^\W\d_]{3,}", " ".join(literal)) is not None,
    )
