"""Hand-made networks on the same chart: Lite0 adapted to the images, and others trained from scratch."""

from __future__ import annotations

from nas.architecture import TimmArchitecture
from nas.candidate import Candidate
from nas.errors import NasError
from nas.evaluators.operator_weights import usable_weights
from nas.phases.context import RunContext
from nas.phases.first_model import TASK as FIRST_TASK
from nas.phases.plan import ADAPTATION_SHARE, parent_resolution
from nas.phases.recipes import inherited_recipe
from nas.phases.speed import FORWARD_TO_TRAINING, overhead
from nas.phases.work import Job, begun, do
from nas.spaces.lite import lite0_architecture
from nas.spaces.resolutions import useful_resolutions

PARENT_TASK = "baseline:lite0"
_SCRATCH = (("mobilenetv3_small_100", "MobileNetV3-small"), ("resnet18", "ResNet-18"))
_LONG_MINUTES = 15.0  # a shorter run would spend on ResNet-50 what its others need
_SCRATCH_IN_LONG_RUNS = (("resnet50", "ResNet-50"),)
_SHORTEST_TRAINING = 1.0


def run(ctx: RunContext) -> None:
    """Adapts Lite0, whose weights every later candidate inherits, then trains the others from scratch."""
    ctx.enter("baselines", "Fine-tuning EfficientNet-Lite0, the hand-made network to beat")
    adapt_parent(ctx)
    if ctx.config.baselines:
        # Settled once: minutes that were added later go to the phases to come.
        named = from_scratch(ctx.state.values.setdefault("baseline_minutes", ctx.config.minutes))
        for position, (name, title) in enumerate(named):
            resolution = ctx.state.values["parent_resolution"]
            extra = overhead(ctx, runtime_exporter=True)
            left = ctx.phase_remaining() / (len(named) - position) - extra
            task, at_hand = f"baseline:{name}", _weights_at_hand(ctx, name, title)
            if left < _SHORTEST_TRAINING and ctx.done(task) is None and not begun(ctx, task):
                ctx.log(f"The minutes leave no time to train {title}.")
                continue
            job = Job(
                task=task,
                phase="baselines",
                source="baseline",
                fidelity="final",
                label=f"{title} {'fine-tuned' if at_hand else 'from scratch'} · {resolution} px",
                architecture=TimmArchitecture(resolution=resolution, name=name),
                seconds=left,
                pretrained=at_hand,
            )
            do(ctx, job)
    ctx.leave()


def from_scratch(minutes: float) -> tuple[tuple[str, str], ...]:
    """Returns timm's name and title of the networks that a run of so many minutes trains from nothing."""
    return (*_SCRATCH, *(_SCRATCH_IN_LONG_RUNS if minutes >= _LONG_MINUTES else ()))


def _weights_at_hand(ctx: RunContext, name: str, title: str) -> bool:
    """True if the operator put weights there that fit; a file that does not fit is said and left alone."""
    try:
        return usable_weights(name) is not None
    except NasError as error:
        ctx.log(f"{error} {title} is trained from scratch.")
        return False


def adapt_parent(ctx: RunContext) -> Candidate:
    """Fine-tunes Lite0 at the largest resolution that the minutes allow.

    It begins with the first model, ImageNet features under a head that fits them already, so that the
    first steps do not spoil the features (linear probing, then fine-tuning: Kumar et al. 2022).
    """
    values = ctx.state.values
    if "parent_resolution" not in values:
        seconds = ctx.phase_remaining() * (ADAPTATION_SHARE if ctx.config.baselines else 1.0)
        values["parent_seconds"] = max(1.5, seconds - 3.0)
        values["parent_resolution"] = parent_resolution(
            _resolutions(ctx),
            n_train=len(ctx.cache.indices("train")),
            seconds=values["parent_seconds"],
            speed_at=values["first_resolution"],
            images_per_second=values["forward_images_per_second"] / FORWARD_TO_TRAINING,
        )
    resolution, seconds = values["parent_resolution"], values["parent_seconds"]
    architecture, first = lite0_architecture(resolution), ctx.done(FIRST_TASK)
    job = Job(
        task=PARENT_TASK,
        phase="baselines",
        source="baseline",
        fidelity="short",
        label=f"EfficientNet-Lite0 fine-tuned · {resolution} px",
        architecture=architecture,
        seconds=seconds,
        recipe=inherited_recipe(ctx, architecture, seconds, final=False),
        parent=first,
        pretrained=True,
        start=first if first is not None and first.architecture == architecture else None,
        details={"initialisation": "ImageNet"},
    )
    return do(ctx, job)


def _resolutions(ctx: RunContext) -> list[int]:
    """Returns the sides in pixels to choose from: none below that of the first model, whose head is there."""
    first: int = ctx.state.values["first_resolution"]
    return [side for side in useful_resolutions(ctx.cache.cache_size) if side >= first]
