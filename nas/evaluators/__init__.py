"""Evaluators: an architecture goes in, a trained and measured network comes out. No torch here."""

from __future__ import annotations

from nas.candidate import PRECISIONS
from nas.proxies import PROXIES
from nas.spaces.lite_elastic import LiteElastic

_INT8_BITS = 8

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
    "supernet": (
        "One network is trained whose parts are all the others, and each part is then judged within seconds, "
        "without a training of its own. "
        "Many more networks are compared, though less exactly; it needs the space lite-elastic and ten "
        "minutes or more."
    ),
    "proxy": (
        "A formula scores many untrained networks within seconds, and the best of them are the first to get "
        "a short training. "
        "The score is no accuracy and often says little more than size; it needs networks that are trained "
        "from scratch."
    ),
}
"""Name -> two plain sentences for people who choose, the default first."""


PRECISION_WORDS: dict[str, str] = {
    "fp32": (
        "Networks are judged as they are trained, in 32-bit floats. "
        "The choice for computers and phones without a chip for 8 bits."
    ),
    "int8": (
        "Each network is quantised to 8 bits after its training, and the accuracy, size and time that are "
        "left count. "
        "The choice for devices that compute with 8 bits, though each network takes some seconds more."
    ),
}
"""Precision -> two plain sentences for people who choose, the default first."""

QUANTISED_SPACES = ("lite-elastic", "mbconv")


def precision_refusal(
    precision: str, space: str, device: str = "", device_bits: int | None = None
) -> str | None:
    """Returns why networks cannot be judged at a precision, one plain sentence; None if they can.

    Args:
        precision: A name, hopefully one of `nas.candidate.PRECISIONS`.
        space: One of `nas.spaces.SPACES`.
        device: What people call the device that is searched for.
        device_bits: Width of the weights that its figures are for; None for this machine, which runs both.
    """
    if precision not in PRECISIONS:
        return f"There is no precision called {precision!r}; choose one of {', '.join(PRECISIONS)}."
    if precision == "fp32":
        return None
    if space not in QUANTISED_SPACES:
        return (
            f"Networks of {space} cannot be quantised here; search {' or '.join(QUANTISED_SPACES)}, or judge "
            "networks in fp32."
        )
    if device_bits is not None and device_bits > _INT8_BITS:
        return (
            f"What is known of {device} is about {device_bits}-bit networks; judge networks in fp32, or "
            "choose a device that computes with 8 bits."
        )
    return None


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
    return _method_refusal(evaluator, space, strategy) or _supernet_refusal(evaluator, space, strategy)


def _method_refusal(evaluator: str, space: str, strategy: str) -> str | None:
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


def _supernet_refusal(evaluator: str, space: str, strategy: str) -> str | None:
    if strategy == "one_shot" and evaluator not in ("supernet", "training"):
        return (
            "A one-shot search judges networks as parts of the one that it trains; choose the evaluator "
            "'supernet' or another strategy."
        )
    if evaluator == "supernet" and space != LiteElastic.name:
        return (
            f"A supernet holds the networks of {LiteElastic.name} only, not those of {space}; choose that "
            "space or another evaluator."
        )
    return None
