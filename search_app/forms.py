"""The form of a new search: three questions, and options for experts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.models import User
from django.utils.functional import lazy
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from datasets_app.models import Dataset
from datasets_app.selectors import searchable_datasets
from datasets_app.words.engine import said
from nas.automatic import AUTO
from nas.candidate import HERE, PRECISIONS
from nas.costs import COSTS, cost_refusal
from nas.errors import EvaluationError, SpaceError
from nas.evaluators import EVALUATORS, evaluator_refusal, precision_refusal
from nas.objectives import REWARDS
from nas.spaces import SPACES
from nas.strategies import SEARCH_STRATEGIES, check_strategy
from search_app.devices import Place, place_of, places_of, refusal
from search_app.models import SearchRun
from search_app.options import (
    COST_HELP,
    COST_NAMES,
    EVALUATOR_HELP,
    EVALUATOR_NAMES,
    PLANNER_NAME,
    PRECISION_HELP,
    PRECISION_NAMES,
    REWARD_HELP,
    REWARD_NAMES,
    SPACE_HELP,
    Words,
    concrete_options,
)

SPACE_NAMES: dict[str, Words] = {
    AUTO: PLANNER_NAME,
    "lite-elastic": _("Lite elastic: starts from ImageNet weights"),
    "mbconv": _("MBConv: wider choice, trained from scratch"),
    "cell": _("Cells of NASNet and DARTS: for small images, trained from scratch"),
    "nasbench201": _("Cells of NAS-Bench-201: for small images, trained from scratch"),
}
STRATEGY_NAMES: dict[str, Words] = {
    AUTO: PLANNER_NAME,
    "regularized_evolution": _("Regularised evolution"),
    "random": _("Random search"),
    "nsga2": _("NSGA-II"),
    "nsga2_surrogate": _("NSGA-II with a surrogate"),
    "reinforce": _("Reinforcement learning (REINFORCE)"),
    "ppo": _("Reinforcement learning (PPO)"),
    "reinforce_factorised": _("Reinforcement learning without memory"),
    "one_shot": _("One-shot, over a supernet"),
    "darts": _("DARTS, for the two spaces of cells"),
}
STRATEGY_HELP: dict[str, Words] = {
    AUTO: _("Chosen by how many networks the minutes allow. The plan says why."),
    "regularized_evolution": _(
        "Changes one thing at a good network; the oldest die. Simple and hard to beat."
    ),
    "random": _("Draws networks blindly. The yardstick that the others have to beat."),
    "nsga2": _("Breeds a whole front of accuracy against time per photo. Takes more networks to get going."),
    "nsga2_surrogate": _(
        "Learns to predict results and tries only what looks best on the front. "
        "For when each training is dear."
    ),
    "reinforce": _(
        "A small recurrent network proposes and is rewarded for good proposals. "
        "It needs a hundred networks or more."
    ),
    "ppo": _("The same, learning several small steps from each result. It needs a hundred networks or more."),
    "reinforce_factorised": _(
        "The same with one independent preference for each decision. For comparison with the recurrent one."
    ),
    "one_shot": _(
        "Trains one network whose parts are all the others, then scores many of them within seconds each. "
        "For the space Lite elastic and ten minutes or more."
    ),
    "darts": _(
        "Trains one network of all operations at once and keeps what matters. "
        "It searches cells only, so choose one of their spaces below."
    ),
}
GOALS = (
    ("balanced", _("Both"), _("A good trade between right answers and speed.")),
    ("accuracy", _("Accuracy"), _("As many right answers as possible, even if each takes longer.")),
    ("speed", _("Speed"), _("As fast as possible, even if some more answers are wrong.")),
)
PRESETS = (
    (5, _("A first look: a usable model soon, then a handful of others to compare.")),
    (15, _("The usual choice for up to about 3,000 photos.")),
    (60, _("More networks tried and longer final training.")),
    (240, _("For tens of thousands of photos, or over lunch and longer.")),
)
"""Minutes and what to expect of them."""


def _explained(intro: Words, names: Mapping[str, Words], texts: Mapping[str, Words]) -> SafeString:
    """Returns a help text that explains each choice; the page's script shows that of the chosen one."""
    row = '<span class="explained" data-value="{}"><strong>{}.</strong> {}</span>'
    rows = ((value, names.get(value, value), text) for value, text in texts.items())
    return format_html("{}{}", intro, format_html_join("", row, rows))


_explained_lazily = lazy(_explained, SafeString)  # in the language of the page, not of the start


class OptionField(forms.ChoiceField):
    """A choice among named options; the first is advised, and taken where a form does not send the field."""

    def __init__(
        self,
        intro: Words,
        options: Iterable[str],
        names: Mapping[str, Words],
        texts: Mapping[str, Words],
        **kw: Any,
    ) -> None:
        """Takes the values in their order, with a name and two sentences for each."""
        values = list(options)
        advised = format_lazy("{} {}", names.get(values[0], values[0]), _("(recommended)"))
        super().__init__(
            choices=[(values[0], advised), *((value, names.get(value, value)) for value in values[1:])],
            initial=values[0],
            help_text=_explained_lazily(intro, names, {value: texts[value] for value in values}),
            **kw,
        )

    def clean(self, value: Any) -> str:
        """Returns the chosen value, or the first option for none."""
        return str(super().clean(value or self.initial))


class SearchForm(forms.Form):
    """Checks form only; what a search may be is decided by `services.search_run_start`."""

    dataset = forms.ModelChoiceField(queryset=Dataset.objects.none(), label=_("Data set"), empty_label=None)
    device = forms.ChoiceField(choices=[], required=False)
    goal = forms.ChoiceField(choices=[(value, name) for value, name, _hint in GOALS], initial="balanced")
    minutes = forms.FloatField(
        min_value=1,
        initial=15,
        label=_("Minutes"),
        error_messages={"required": _("Say how many minutes the search may take.")},
    )
    name = forms.CharField(
        max_length=200,
        required=False,
        label=_("Name"),
        help_text=_("How you will find it again. Left empty, it takes the name of the data set."),
    )
    baselines = forms.BooleanField(
        required=False,
        initial=True,
        label=_("Also train well-known networks for comparison"),
        help_text=_("Takes a part of the minutes. It shows whether the search was worth it."),
    )
    strategy = OptionField(
        _("How the next network to try is chosen."),
        (AUTO, *SEARCH_STRATEGIES),
        STRATEGY_NAMES,
        STRATEGY_HELP,
        label=_("Strategy"),
    )
    space = OptionField(
        _("Which networks can be built."), (AUTO, *SPACES), SPACE_NAMES, SPACE_HELP, label=_("Search space")
    )
    evaluator = OptionField(
        _("How a proposed network is judged during the search."),
        (AUTO, *EVALUATORS),
        EVALUATOR_NAMES,
        EVALUATOR_HELP,
        label=_("Evaluator"),
    )
    precision = OptionField(
        _("What a network is judged as during the search."),
        PRECISIONS,
        PRECISION_NAMES,
        PRECISION_HELP,
        label=_("Precision"),
    )
    cost = OptionField(
        _("What accuracy is weighed against, on the device that you chose."),
        tuple(COSTS),
        COST_NAMES,
        COST_HELP,
        label=_("Weighed against"),
    )
    reward = OptionField(
        _(
            "How accuracy and what it is weighed against become the one number that most strategies raise; "
            "those that search a front use it only to name their best."
        ),
        REWARDS,
        REWARD_NAMES,
        REWARD_HELP,
        label=_("Reward"),
    )
    seed = forms.IntegerField(
        min_value=0,
        max_value=2**31 - 1,
        initial=0,
        required=False,
        label=_("Seed"),
        help_text=_("The same seed makes the same random choices."),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        """Offers the user's own data sets that can be trained on."""
        super().__init__(*args, **kwargs)
        self.user = user
        dataset = self.fields["dataset"]
        assert isinstance(dataset, forms.ModelChoiceField)
        dataset.queryset = searchable_datasets(user)
        device = self.fields["device"]
        assert isinstance(device, forms.ChoiceField)
        device.choices = [(place.value, place.title) for place in places_of(user)]
        minutes = self.fields["minutes"]
        assert isinstance(minutes, forms.FloatField)
        minutes.widget.attrs |= {"min": 1, "max": settings.MAX_SEARCH_MINUTES, "step": "any"}

    def clean_device(self) -> str:
        """Returns this server where a form does not send the field."""
        return self.cleaned_data["device"] or HERE

    def clean_seed(self) -> int:
        """Returns 0 for an empty field."""
        return self.cleaned_data["seed"] or 0

    def clean(self) -> dict[str, Any]:
        """Marks the options that cannot go together."""
        given = super().clean() or {}
        if all(name in given for name in ("space", "evaluator", "strategy", "device", "precision")):
            self._check_together(given, place_of(given["device"], self.user))
        return given

    def _check_together(self, given: dict[str, Any], place: Place) -> None:
        named = (given["space"], given["strategy"], given["evaluator"])
        try:
            space, strategy, evaluator = concrete_options(*named, given["precision"], place)
        except SpaceError as error:
            self.add_error("strategy", said(error))
            return
        except EvaluationError as error:
            self.add_error("precision" if given["precision"] != PRECISIONS[0] else "evaluator", said(error))
            return
        try:
            check_strategy(strategy, space)
        except SpaceError as error:
            self.add_error("space", said(error))
        if words := evaluator_refusal(evaluator, space, strategy):
            self.add_error("evaluator", said(words))
        if words := precision_refusal(given["precision"], space, place.title, place.bits):
            self.add_error("precision", said(words))
        if words := refusal(place, strategy, space):
            self.add_error("strategy" if place.limited else "space", said(words))
        if "cost" in given and (words := cost_refusal(given["cost"], profiled=place.profiled)):
            self.add_error("cost", said(words))

    def options(self) -> dict[str, Any]:
        """Returns the arguments of `search_run_start`."""
        return dict(self.cleaned_data)


assert {value for value, _name, _hint in GOALS} == set(SearchRun.Goal.values)
