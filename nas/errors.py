"""The errors of the engine. Each message is one plain sentence with the next step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class NasError(Exception):
    """Base of all errors that the engine raises on purpose."""


@dataclass(frozen=True)
class Problem:
    """One refused or doubtful file of an import.

    Attributes:
        path: Name of the file as the user knows it; data only, never opened.
        kind: Machine-readable kind, e.g. ``"truncated"`` or ``"path-traversal"``.
        reason: What is wrong, in plain words.
        remedy: What the user can do about it.
    """

    path: str
    kind: str
    reason: str
    remedy: str


class DataError(NasError):
    """The data cannot be used as they are.

    Attributes:
        problems: The single findings behind the message; may be empty.
    """

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class SealedTestError(DataError):
    """The sealed test part was asked for without the report's token."""


class SpaceError(NasError):
    """A search space cannot deliver what was asked, e.g. no new candidate is left."""


class EvaluationError(NasError):
    """A candidate could not be evaluated; the search goes on with the next.

    Attributes:
        retryable: True when the same candidate may succeed at another time.
    """

    def __init__(self, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable


class ExportError(NasError):
    """A trained network could not be exported, or its export does not agree with it."""


class DeviceError(NasError):
    """A device's table or profile cannot be used, or a network does not fit the device."""
