"""Two networks on the same images."""

from __future__ import annotations

import math

import pytest

from nas.paired import pack, paired_difference, unpack


def test_what_is_packed_comes_back_with_its_length() -> None:
    for right in ([], [False], [False, True, False, False, True], [True] * 379):
        assert unpack(pack(right)) == right
    with pytest.raises(ValueError, match="invalid literal"):
        unpack("no hex")


def test_the_interval_is_that_of_the_images_on_which_they_differ() -> None:
    n = 400
    first = [True] * 360 + [False] * 40
    second = [True] * 340 + [False] * 60  # wrong on 20 images more, right on none that the first one misses
    found = paired_difference([first], [second])
    assert found is not None
    share = 20 / n
    error = math.sqrt(share * (1 - share) / (n - 1))
    assert found.value == pytest.approx(share)
    assert found.low == pytest.approx(share - 1.96 * error, abs=1e-4) and found.low > 0
    assert not found.indistinguishable
    # Two separate Wilson intervals of 90% and 85% overlap: image by image they are told apart.
    mixed = [True] * 330 + [False] * 40 + [True] * 30
    tie = paired_difference([first], [mixed])
    assert tie is not None and tie.value == 0.0 and tie.indistinguishable


def test_seeds_are_averaged_and_images_must_be_the_same() -> None:
    right, wrong = [True, True, False], [False, False, True]
    found = paired_difference([right, wrong], [right])
    assert found is not None and found.value == pytest.approx(-1 / 6)
    assert paired_difference([[True]], [[False]]) is None
    with pytest.raises(ValueError, match="same images"):
        paired_difference([right], [[True]])
