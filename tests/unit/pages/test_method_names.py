"""The live page has words for every number that a strategy shows."""

from __future__ import annotations

import re

import pytest
from django.conf import settings

from nas.spaces import make_space
from nas.strategies import STRATEGIES, make_strategy
from tests.unit.strategies.test_all_on_real_spaces import play


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_number_of_a_strategy_has_a_name_on_the_page(name: str) -> None:
    script = (settings.BASE_DIR / "static/js/lib/method.js").read_text()
    names = script[script.index("const NAMES") : script.index("};")]
    strategy = make_strategy(name, make_space("nasbench201", max_resolution=32), 0, evaluations=12)
    play(strategy, 14)
    for key in strategy.telemetry().values:
        assert re.search(rf"^  {key}: \[gettext\('", names, re.MULTILINE), key
