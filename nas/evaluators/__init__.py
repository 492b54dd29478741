"""Evaluators: an architecture goes in, a trained and measured network comes out. No torch here."""

from __future__ import annotations

from nas.proxies import PROXIES
from nas.spaces.lite_elastic import LiteElastic

EVALUATORS: dict[str, str] = {
    "training": (
        "Every proposed network gets the same short training, and its accuracy on validation photos counts. "
        "The safe choice: it judges what is wanted, and works in every search space."
    ),
    "halving": (
        "Networks start in small groups with a very short training each, and only the best third of a group "
        "goes on, from where it stopped, for three times as long. "
        "Bad networks cost little and good ones are known better, but a slow starter may be dropped early."
    ),
    "proxy": (
        "A formula scores many untrained networks within seconds, and the best of them are the first to get "
        "a short training. "
        "The score is no accuracy and often says little more than size; it needs networks that are trained "
        "from scratch."
    ),
}
"""Name -> two plain sentences for people who choose, the default first."""


def evaluator_refusal(evaluator: str, space: str, strategy: str, proxy: str = PROXIES[0]) -> str | None:
    """Returns why an evaluator cannot judge what a strategy proposes, one plain sentence; None if it can.

    Args:
        evaluator: A name, hopefully one of `EVALUATORS`.
        space: One of `nas.spaces.SPACES`.
        strategy: One of `nas.strategies.SEARCH_STRATEGIES`.
        proxy: What the evaluator `proxy` ranks by.
    """
    if evaluator not in EVALUATORS:
        return f"There is no evaluator called {evaluator!r}; choose one of {', '.join(EVALUATORS)}."
    if proxy not in PROXIES:
        return f"There is no proxy called {proxy!r}; choose one of {', '.join(PROXIES)}."
    if strategy == "darts" and evaluator != "training":
        return (
            "DARTS judges all networks at once, inside its own training; choose the evaluator 'training' or "
            "another strategy."
        )
    if evaluator == "proxy" and space == LiteElastic.name:
        return (
            f"Proxies say nothing about networks that inherit trained weights, as those of {space} do; "
            "choose another evaluator or a space that is trained from scratch."
        )
    return None
