"""The form of a new search: three questions, and options for experts."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.models import User
from django.utils.html import format_html, format_html_join

from datasets_app.models import Dataset
from datasets_app.selectors import datasets_of_user
from nas.spaces import SPACES
from nas.strategies import SEARCH_STRATEGIES
from search_app.models import SearchRun

SPACE_NAMES = {
    "lite-elastic": "Lite elastic: starts from ImageNet weights (recommended)",
    "mbconv": "MBConv: wider choice, trained from scratch",
    "cell": "Cells of NASNet and DARTS: for small images, trained from scratch",
    "nasbench201": "Cells of NAS-Bench-201: for small images, trained from scratch",
}
STRATEGY_NAMES = {
    "regularized_evolution": "Regularised evolution (recommended)",
    "random": "Random search",
    "nsga2": "NSGA-II",
    "nsga2_surrogate": "NSGA-II with a surrogate",
    "reinforce": "Reinforcement learning (REINFORCE)",
    "ppo": "Reinforcement learning (PPO)",
    "reinforce_factorised": "Reinforcement learning without memory",
    "darts": "DARTS, for the two spaces of cells",
}
STRATEGY_HELP = {
    "regularized_evolution": "Changes one thing at a good network; the oldest die. Simple and hard to beat.",
    "random": "Draws networks blindly. The yardstick that the others have to beat.",
    "nsga2": "Breeds a whole front of accuracy against time per photo. Takes more networks to get going.",
    "nsga2_surrogate": "Learns to predict results and tries only what looks best on the front. "
    "For when each training is dear.",
    "reinforce": "A small recurrent network proposes and is rewarded for good proposals. "
    "It needs a hundred networks or more.",
    "ppo": "The same, learning several small steps from each result. It needs a hundred networks or more.",
    "reinforce_factorised": "The same with one independent preference for each decision. "
    "For comparison with the recurrent one.",
    "darts": "Trains one network of all operations at once and keeps what matters. "
    "It searches cells only, so choose one of their spaces below.",
}
GOALS = (
    ("balanced", "Both", "A good trade between right answers and speed."),
    ("accuracy", "Accuracy", "As many right answers as possible, even if each takes longer."),
    ("speed", "Speed", "As fast as possible, even if some more answers are wrong."),
)
PRESETS = (
    (5, "A first look: a usable model within a minute, then a handful of others to compare."),
    (15, "The usual choice for up to about 3,000 photos."),
    (60, "More networks tried and longer final training."),
    (240, "For tens of thousands of photos, or over lunch and longer."),
)
"""Minutes and what to expect of them."""


class SearchForm(forms.Form):
    """Checks form only; what a search may be is decided by `services.search_run_start`."""

    dataset = forms.ModelChoiceField(queryset=Dataset.objects.none(), label="Data set", empty_label=None)
    goal = forms.ChoiceField(choices=[(value, name) for value, name, _ in GOALS], initial="balanced")
    minutes = forms.FloatField(
        min_value=1,
        initial=15,
        label="Minutes",
        error_messages={"required": "Say how many minutes the search may take."},
    )
    name = forms.CharField(
        max_length=200,
        required=False,
        help_text="How you will find it again. Left empty, it takes the name of the data set.",
    )
    baselines = forms.BooleanField(
        required=False,
        initial=True,
        label="Also train well-known networks for comparison",
        help_text="Takes a part of the minutes. It shows whether the search was worth it.",
    )
    strategy = forms.ChoiceField(
        help_text=format_html(
            "How the next network to try is chosen.{}",
            format_html_join(
                "",
                "<br><strong>{}.</strong> {}",
                ((STRATEGY_NAMES[name], STRATEGY_HELP[name]) for name in SEARCH_STRATEGIES),
            ),
        ),
        choices=[(name, STRATEGY_NAMES[name]) for name in SEARCH_STRATEGIES],
        initial="regularized_evolution",
    )
    space = forms.ChoiceField(
        label="Search space",
        help_text="Which networks can be built.",
        choices=[(name, SPACE_NAMES.get(name, name)) for name in SPACES],
        initial="lite-elastic",
    )
    seed = forms.IntegerField(
        min_value=0,
        max_value=2**31 - 1,
        initial=0,
        required=False,
        help_text="The same seed makes the same random choices.",
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        """Offers the user's own data sets that can be trained on."""
        super().__init__(*args, **kwargs)
        dataset = self.fields["dataset"]
        assert isinstance(dataset, forms.ModelChoiceField)
        mine = datasets_of_user(user)
        versions = ((one.pk, one.current_version) for one in mine)
        usable = [key for key, version in versions if version is not None and not version.blocking]
        dataset.queryset = mine.filter(pk__in=usable)
        minutes = self.fields["minutes"]
        assert isinstance(minutes, forms.FloatField)
        minutes.widget.attrs |= {"min": 1, "max": settings.MAX_SEARCH_MINUTES, "step": "any"}

    def clean_seed(self) -> int:
        """Returns 0 for an empty field."""
        return self.cleaned_data["seed"] or 0

    def options(self) -> dict[str, Any]:
        """Returns the arguments of `search_run_start`."""
        return dict(self.cleaned_data)


assert {value for value, _, _ in GOALS} == set(SearchRun.Goal.values)
