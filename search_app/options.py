"""The expert options of a search: what people read about them, and which of them go together."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from datasets_app.words.engine import said_lazy
from nas.automatic import AUTO
from nas.costs import COSTS
from nas.evaluators import EVALUATORS, PRECISION_WORDS
from nas.objectives import REWARDS
from nas.planner import Wishes
from nas.planner.options import Options, possible_options
from nas.spaces import SPACES
from search_app.devices import Place

Words = str | Promise
"""A text that is put into the reader's language when it is shown."""

PLANNER_NAME: Words = _("Let the planner choose")
SPACE_HELP: dict[str, Words] = {
    AUTO: _(
        "Chosen from your photos, the minutes and the speed that is measured here, with its reasons. "
        "EfficientNet-Lite0 with ImageNet weights is always among the networks that are compared."
    ),
    "lite-elastic": _(
        "Parts of EfficientNet-Lite0, which inherit what it learnt from ImageNet. "
        "Ahead of the others wherever the photos are ordinary and the minutes few."
    ),
    "mbconv": _(
        "Networks of seven stages whose blocks, kernels and widths are all free. "
        "They start from nothing, so they need more minutes, or photos that look like nothing in ImageNet."
    ),
    "cell": _(
        "One small cell of freely wired operations, repeated. Made for small images and trained from scratch."
    ),
    "nasbench201": _(
        "A cell of six places and five operations: 15,625 networks at each size. "
        "Small enough to compare methods on, trained from scratch."
    ),
}
REWARD_NAMES = {
    "absolute": _("Absolute"),
    "soft": _("Soft"),
    "hard": _("Hard"),
}
REWARD_HELP = {
    "absolute": _(
        "Takes points off for every percent by which a network misses the wanted time per photo, "
        "or the other cost that was chosen. It keeps the search near that time."
    ),
    "soft": _(
        "Multiplies the accuracy by a gentle factor: more when faster, less when slower. "
        "It trades the two freely and may end far from the wanted time."
    ),
    "hard": _(
        "Leaves the accuracy as it is up to the wanted time and cuts it beyond, in proportion. "
        "Being faster than wanted earns nothing."
    ),
}
COST_NAMES = {
    "latency": _("Time per photo"),
    "energy": _("Energy a photo"),
    "memory": _("Memory for activations"),
    "size": _("Size of the model"),
}
COST_HELP = {
    "latency": _(
        "Prefers networks that answer sooner on the device that you chose. "
        "It is measured or predicted for every device."
    ),
    "energy": _(
        "Prefers networks that draw less from a battery. "
        "Known for devices with a model of their energy only: "
        "not for this server, nor for devices of your own."
    ),
    "memory": _(
        "Prefers networks whose intermediate results need less memory at a time. "
        "Known for the same devices as energy."
    ),
    "size": _(
        "Prefers networks with fewer or smaller weights, for short downloads and small flash memories. "
        "A small network need not be a fast one."
    ),
}
EVALUATOR_NAMES: dict[str, Words] = {
    AUTO: PLANNER_NAME,
    "training": _("Short training"),
    "halving": _("Successive halving"),
    "supernet": _("Parts of one supernet"),
    "proxy": _("Scores before training"),
}
EVALUATOR_HELP: dict[str, Words] = {
    AUTO: _("Chosen for the space and the minutes. The plan says why."),
    **{name: said_lazy(text) for name, text in EVALUATORS.items()},
}
PRECISION_NAMES = {
    "fp32": _("As trained, 32 bits"),
    "int8": _("After quantising, 8 bits"),
}
PRECISION_HELP = {name: said_lazy(text) for name, text in PRECISION_WORDS.items()}

METHOD_TEXT = {
    AUTO: _(
        "The planner chooses how networks are proposed once the first model has shown this machine's speed."
    ),
    "random": _(
        "Draws networks blindly and learns nothing from them, as the yardstick for the others. "
        "The best reward can only rise by luck."
    ),
    "regularized_evolution": _(
        "Keeps the latest networks, changes one thing at a good one, and lets the "
        "oldest go. Best and median should rise; diversity falls as the population settles."
    ),
    "nsga2": _(
        "Breeds a population towards the whole front of accuracy against time per photo. "
        "The hypervolume grows as the front moves out; the front shows how many trade-offs are known."
    ),
    "nsga2_surrogate": _(
        "Learns to predict results and tries only the networks that look best on the front. "
        "The hypervolume grows as the front moves out; "
        "the error says how far its latest predictions were off."
    ),
    "reinforce": _(
        "A small recurrent network proposes networks and learns from their rewards. "
        "Entropy falls as it makes up its mind, and the moving reward should rise."
    ),
    "ppo": _(
        "A small recurrent network proposes networks and learns from their rewards in bounded steps. "
        "Entropy falls as it makes up its mind, and the moving reward should rise."
    ),
    "reinforce_factorised": _(
        "Keeps one independent preference for each decision and learns from rewards. "
        "Entropy falls as it makes up its mind, and the moving reward should rise."
    ),
    "one_shot": _(
        "Scores parts of one trained supernet, learns to predict their results, and tries what looks best on "
        "the front. The hypervolume grows as the front moves out."
    ),
    "darts": _(
        "Trains one network that mixes all operations, and shifts the mixture towards what helps. "
        "Many skips and a fast-growing eigenvalue are signs that it is about to collapse."
    ),
}
"""Strategy -> what it does and how to read its figures, two plain sentences."""


def concrete_options(space: str, strategy: str, evaluator: str, precision: str, place: Place) -> Options:
    """Returns space, strategy and evaluator with something possible for what is left to the planner.

    It may choose others that go together as well; this only tells whether there are any.

    Raises:
        SpaceError: If strategy and space do not go together.
        EvaluationError: If the evaluator or the precision does not go with them.
    """
    if AUTO not in (space, strategy, evaluator):
        return space, strategy, evaluator
    return possible_options(
        Wishes(space, strategy, evaluator),
        precision=precision,
        spaces=place.spaces or SPACES,
        device=place.title,
        device_bits=place.bits,
    )


assert set(SPACE_HELP) == {AUTO, *SPACES}
assert set(COST_NAMES) == set(COST_HELP) == set(COSTS)
assert set(REWARD_NAMES) == set(REWARD_HELP) == set(REWARDS)
