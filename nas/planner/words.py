"""Why the planner chose what it chose: plain sentences, each of which is translated on its own."""

from __future__ import annotations

from nas.planner.facts import Facts
from nas.planner.plan import Plan
from nas.spaces.lite_elastic import LiteElastic


def reasons(facts: Facts, plan: Plan) -> tuple[str, ...]:
    """Returns what the plan is and why, the most important first."""
    found = [_size(facts, plan), _resolutions(plan), *_choices(facts, plan), _shares(facts, plan)]
    return (*found, _finalists(plan), *_samples(facts, plan), _augmentation(plan))


def other_clock(seconds: float, before: int, after: int) -> tuple[str, ...]:
    """Returns what became of the plan when the clock differed.

    Args:
        seconds: By which more is left than was planned; negative for less.
        before: Finalists planned so far.
        after: Finalists now.
    """
    much = abs(round(seconds))
    if seconds > 0:
        said = f"The phases so far left {much} s over, which the later ones share."
    else:
        said = f"The phases so far took {much} s longer than planned, so the later ones are shorter."
    return (said,) if before == after else (said, _now(after))


def _now(finalists: int) -> str:
    if finalists == 1:
        return "Now 1 network is trained fully."
    return f"Now {finalists} networks are trained fully."


def _size(facts: Facts, plan: Plan) -> str:
    minutes = f"{plan.seconds / 60:.0f}" if plan.seconds >= 90 else "1"
    return (
        f"There are {facts.n_train} photos to train on in {facts.n_classes} classes, and "
        f"about {minutes} min "
        "between the first model and the export."
    )


def _resolutions(plan: Plan) -> str:
    sides = ", ".join(str(side) for side in plan.resolutions)
    return (
        f"The whole EfficientNet-Lite0 at {sides} px is always among the candidates: plain fine-tuning stays "
        "in the race, and resolution is what a pretrained network trades most cheaply."
    )


def _choices(facts: Facts, plan: Plan) -> list[str]:
    space, strategy, evaluator = plan.space, plan.strategy, plan.evaluator
    yours = []
    if "space" in plan.yours:
        yours.append(f"You chose the space {space} yourself, so the planner left it as it is.")
    if "strategy" in plan.yours:
        yours.append(f"You chose the strategy {strategy} yourself, so the planner left it as it is.")
    if "evaluator" in plan.yours:
        yours.append(f"You chose the evaluator {evaluator} yourself, so the planner left it as it is.")
    found = []
    if "space" not in plan.yours:
        found.append(_space(facts, plan))
    if "strategy" not in plan.yours and not plan.whole_only:
        found.append(_strategy(plan))
    if "evaluator" not in plan.yours and not plan.whole_only:
        found.append(_evaluator(plan))
    return [*yours, *found]


def _space(facts: Facts, plan: Plan) -> str:
    if plan.space != LiteElastic.name and facts.grey and facts.side < facts.speed_at:
        return (
            f"The photos are grey and {facts.side} px small, so networks of the space "
            f"{plan.space} are trained "
            "from nothing at that size as well: ImageNet weights help little there, and such "
            "networks are fast."
        )
    if plan.space != LiteElastic.name:
        return f"The space {plan.space} is the one that goes with the other choices and the device."
    if plan.whole_only and plan.folds:
        return (
            "So few photos cannot tell cut networks apart, so only whole ones with ImageNet "
            "weights are tried."
        )
    if plan.whole_only:
        return (
            "In so few minutes networks cut out of Lite0 do not catch up with whole ones, so "
            "only whole ones are "
            "tried; the minutes go to training them."
        )
    return (
        "Networks that inherit ImageNet weights are searched: on photos they are ahead "
        "of all that start from "
        "nothing."
    )


def _strategy(plan: Plan) -> str:
    if plan.strategy == "one_shot":
        return (
            "The run is long enough to train one elastic network first, in which all others "
            "are then judged at "
            "once."
        )
    if plan.strategy == "nsga2_surrogate":
        return "So many networks can be tried that it pays to predict results and try the most promising."
    if plan.strategy == "regularized_evolution":
        return "Evolution proposes the networks: with few tries nothing simpler or cleverer does better."
    return f"The strategy {plan.strategy} is the one that goes with the other choices."


def _evaluator(plan: Plan) -> str:
    if plan.evaluator == "halving":
        return "Networks from nothing differ widely, so bad ones are dropped after a very short training."
    return "Every proposed network gets the same short training before it is judged."


def _shares(facts: Facts, plan: Plan) -> str:
    adapt, final = round(100 * plan.shares["baselines"]), round(100 * plan.shares["final_training"])
    search = 100 - adapt - final
    if facts.first_accuracy is not None and plan.shares["baselines"] > _USUAL_ADAPTATION:
        return (
            f"Frozen ImageNet features were right on only {100 * facts.first_accuracy:.0f}% "
            "of the validation "
            f"photos, so adapting Lite0 to yours gets more time: {adapt}% of it, searching "
            f"and scaling {search}%, "
            f"final training {final}%."
        )
    return (
        f"Fine-tuning Lite0 and other known networks gets {adapt}% of the time, searching "
        f"and scaling {search}%, "
        f"final training {final}%."
    )


_USUAL_ADAPTATION = 0.25


def _finalists(plan: Plan) -> str:
    if plan.finalists == 1:
        return "1 network is trained fully: the minutes are not enough for two."
    if "finalists" in plan.yours:
        return f"{plan.finalists} networks are trained fully, as you asked."
    return f"{plan.finalists} networks are trained fully: each gets enough time to learn."


def _samples(facts: Facts, plan: Plan) -> list[str]:
    found = []
    if plan.folds:
        n = facts.n_train + facts.n_val
        found.append(
            f"There are so few photos that a single validation part would say little: the {n} that are not "
            f"sealed are judged by {plan.folds}-fold cross-validation, and the final models "
            "learn from all of them."
        )
    if plan.train_sample is not None:
        found.append(
            f"Searching and scaling use the same {plan.train_sample} of the training photos, "
            "evenly from all "
            f"classes; final training uses all {facts.n_train}."
        )
    if plan.val_sample is not None:
        found.append(
            f"{plan.val_sample} of the {facts.n_val} validation photos judge every network, "
            "so that judging does "
            "not take the time of training."
        )
    return found


def _augmentation(plan: Plan) -> str:
    if plan.augmentation == "gentle":
        return "Training photos are changed only a little at random: each is seen hardly once."
    if plan.augmentation == "strong":
        return (
            "Training photos are changed strongly at random: each is seen so often that it "
            "could be learnt by heart."
        )
    return "Training photos are cropped, recoloured and, where that does no harm, mirrored at random."
