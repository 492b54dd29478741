"""Search spaces: decisions as data, decoded to architectures. No torch here."""

from __future__ import annotations

from collections.abc import Sequence

from nas.errors import SpaceError
from nas.spaces.base import SearchSpace
from nas.spaces.cells import DartsCellSpace, NasBench201Space
from nas.spaces.lite_elastic import LiteElastic
from nas.spaces.mbconv import MBConvSpace

SPACES: tuple[str, ...] = (LiteElastic.name, MBConvSpace.name, DartsCellSpace.name, NasBench201Space.name)
"""Names for people to choose from, the default first."""


def make_space(
    name: str, *, max_resolution: int = 224, resolutions: Sequence[int] | None = None
) -> SearchSpace:
    """Builds a search space by name.

    Args:
        name: One of `SPACES`.
        max_resolution: Side of the cached images in pixels; resolutions go up to the next one above it.
        resolutions: Exactly these resolutions instead, e.g. those that a short budget can train.

    Raises:
        SpaceError: If the name is unknown.
    """
    if name == LiteElastic.name:
        return LiteElastic(max_resolution=max_resolution, resolutions=resolutions)
    if name == MBConvSpace.name:
        return MBConvSpace(max_resolution=max_resolution, resolutions=resolutions)
    if name == DartsCellSpace.name:
        return DartsCellSpace(max_resolution=max_resolution, resolutions=resolutions)
    if name == NasBench201Space.name:
        return NasBench201Space(max_resolution=max_resolution, resolutions=resolutions)
    raise SpaceError(f"There is no search space called {name!r}; choose one of {', '.join(SPACES)}.")
