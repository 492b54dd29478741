"""Mixed precision: which groups of layers can do with fewer bits?

Three steps. One group at a time is narrowed, to see how much the outputs move (sensitivity). Greedily, the
group that moves them least for what it saves is narrowed next, from all wide to all narrow. NSGA-II then
starts from that path, and from equal widths everywhere, and mixes: the front is never worse than these. All
of it is judged by the divergence from the float network's answers on calibration images, which needs no
labels; the front alone is scored on validation images.

Widths are 4, 6, 8 and 16 for the weights of a block, with activations of 8, 8, 8 and 16. First and last layer
keep 8, as in HAQ (Wang et al. 2019). No runtime here has integer operations for such mixtures: accuracies are
simulated, sizes and energies are counted.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from nas.architecture import Architecture
from nas.data.cache import ImageCache
from nas.events import ShouldStop
from nas.objectives import Objective
from nas.pareto import non_dominated
from nas.prediction import evaluate, validation_rows
from nas.quantise.costs import CostModel, Costs
from nas.quantise.images import CalibrationImages, logits_of
from nas.quantise.mixtures import (
    EDGE_WIDTH,
    WIDTHS,
    MixedConfig,
    MixedFront,
    MixedPoint,
    Origin,
    Plan,
    WidthSpace,
)
from nas.quantise.network import QuantNetwork, edge_groups, runs_as_integers
from nas.strategies.base import Observation
from nas.strategies.nsga2 import Nsga2, Nsga2Options


def mixed_precision(
    quantised: QuantNetwork,
    architecture: Architecture,
    cache: ImageCache,
    config: MixedConfig | None = None,
    *,
    finish: Callable[[QuantNetwork], None] = lambda network: None,
    on_progress: Callable[[str, int], None] = lambda step, evaluated: None,
    should_stop: ShouldStop | None = None,
) -> MixedFront:
    """Searches the widths of a quantised network; it is left as it is.

    Args:
        quantised: With calibrated ranges and weights that are not rounded yet (the ladder's first rung).
        architecture: Its architecture.
        cache: Images; the training part guides, the validation part scores the front.
        config: How.
        finish: What is done to a network of the front before it is scored, e.g. statistics; called in the
            order of the front.
        on_progress: Told the step under way and the mixtures looked at.
        should_stop: Polled between mixtures; what was found so far is returned.

    Raises:
        DeviceError: If energy is to be saved and there is no profile.
    """
    search = _Search(quantised, architecture, cache, config or MixedConfig(), should_stop or (lambda: False))
    return search.run(finish, on_progress)


class _Search:
    """State of one search."""

    def __init__(
        self,
        quantised: QuantNetwork,
        architecture: Architecture,
        cache: ImageCache,
        config: MixedConfig,
        should_stop: ShouldStop,
    ) -> None:
        self.started = time.monotonic()
        self.cache, self.config, self.should_stop = cache, config, should_stop
        self.network = quantised.twin(simulated=True).eval()
        edges = edge_groups(self.network)
        self.groups = tuple(group for group in self.network.groups() if group not in edges)
        self.scales: dict[tuple[int, int], Tensor] = {}  # position of a layer, width: fitted once
        for group in edges:
            self.set_width(group, EDGE_WIDTH)
        self.space = WidthSpace(self.groups, architecture)
        self.model = CostModel(self.network, architecture, cache.n_classes, config.profile)
        self.images = CalibrationImages(
            cache, self.network.resolution, n_images=config.n_images, seed=config.seed
        )
        self.truth = logits_of(self.network.twin(simulated=False), self.images).log_softmax(dim=1)
        self.known: dict[Plan, tuple[Costs, float, Origin]] = {}
        self.sensitivity: dict[str, dict[int, float]] = {}

    def run(
        self, finish: Callable[[QuantNetwork], None], on_progress: Callable[[str, int], None]
    ) -> MixedFront:
        steps: tuple[Callable[[], bool], ...] = (self.sense, self.descend, self.evolve)
        interrupted = False
        for step in steps:
            on_progress(step.__name__, len(self.known))
            if not step():
                interrupted = True
                break
        return MixedFront(
            cost=self.config.cost,
            points=tuple(self.point(plan, finish) for plan in self.front()),
            sensitivity=self.sensitivity,
            uniform={
                width: self.known[self.uniform(width)][1]
                for width in WIDTHS
                if self.uniform(width) in self.known
            },
            evaluated=len(self.known),
            seconds=time.monotonic() - self.started,
            interrupted=interrupted,
        )

    def over(self) -> bool:
        limit = self.config.seconds
        return self.should_stop() or (limit is not None and time.monotonic() - self.started > limit)

    def apply(self, plan: Plan) -> None:
        for group, width in zip(self.groups, plan, strict=True):
            self.set_width(group, width)
        self.network.settle()

    def set_width(self, group: str, width: int) -> None:
        for step in self.network.steps:
            if step.group != group:
                continue
            if step.layer >= 0:
                layer, key = self.network.layers[step.layer], (step.layer, width)
                if key not in self.scales:
                    layer.fit(width)
                    self.scales[key] = layer.scale.clone()
                layer.bits = width
                layer.scale.copy_(self.scales[key])
            if self.network.range_of(step.writes).bits is not None:
                self.network.range_of(step.writes).bits = WIDTHS[width]

    def look(self, plan: Plan, origin: Origin) -> tuple[float, float]:
        """Returns cost and divergence of a plan; each is computed once."""
        if plan not in self.known:
            self.apply(plan)
            found = logits_of(self.network, self.images).log_softmax(dim=1)
            divergence = float(F.kl_div(found, self.truth, log_target=True, reduction="batchmean"))
            if not math.isfinite(divergence):
                divergence = math.inf
            self.known[plan] = (self.model.price(self.network), divergence, origin)
        costs, divergence, _ = self.known[plan]
        return costs.of(self.config.cost), divergence

    def sense(self) -> bool:
        """Narrows one group at a time; returns False if it was interrupted."""
        widest = self.uniform(max(WIDTHS))
        self.look(widest, "sensitivity")
        for position, group in enumerate(self.groups):
            for width in sorted(WIDTHS)[:-1]:
                if self.over():
                    return False
                plan = (*widest[:position], width, *widest[position + 1 :])
                self.sensitivity.setdefault(group, {})[width] = self.look(plan, "sensitivity")[1]
        return True

    def descend(self) -> bool:
        """Narrows step by step what moves the answers least for what it saves; equal widths come last."""
        plan = self.uniform(max(WIDTHS))
        while (following := self.narrower(plan)) is not None:
            if self.over():
                return False
            plan = following
            self.look(plan, "greedy")
        for width in WIDTHS:
            if self.over():
                return False
            self.look(self.uniform(width), "uniform")
        return True

    def uniform(self, width: int) -> Plan:
        return (width,) * len(self.groups)

    def narrower(self, plan: Plan) -> Plan | None:
        """Returns the plan with one group narrower that loses least for what it saves; None for the last."""
        widths = sorted(WIDTHS)
        base = self.look(self.uniform(widths[-1]), "sensitivity")[1]
        before = self.cost_of(plan)
        best: tuple[float, Plan] | None = None
        for position, group in enumerate(self.groups):
            if plan[position] == widths[0]:
                continue
            width = widths[widths.index(plan[position]) - 1]
            known = {**self.sensitivity[group], widths[-1]: base}
            lost = max(0.0, known[width] - known[plan[position]])
            following = (*plan[:position], width, *plan[position + 1 :])
            saved = max(before - self.cost_of(following), 1e-12)
            if best is None or lost / saved < best[0]:
                best = (lost / saved, following)
        return None if best is None else best[1]

    def cost_of(self, plan: Plan) -> float:
        self.apply(plan)
        return self.model.price(self.network).of(self.config.cost)

    def evolve(self) -> bool:
        """Mixes what is known by NSGA-II."""
        widths = tuple(WIDTHS)
        initial = [tuple(widths.index(width) for width in plan) for plan in self.front()]
        options = Nsga2Options(
            population=max(self.config.population, 2),
            offspring=1,
            objectives=(Objective("cost", maximize=False), Objective("divergence", maximize=False)),
            initial=initial,
        )
        strategy = Nsga2(self.space, self.config.seed, options)
        last = min(len(self.known) + self.config.evaluations, self.space.size())
        while len(self.known) < last:
            if self.over():
                return False
            proposal = strategy.ask()
            plan = tuple(widths[index] for index in proposal.choices)
            cost, divergence = self.look(plan, "evolution")
            values = {"cost": cost, "divergence": divergence}
            strategy.tell(Observation(proposal.number, proposal.choices, values, None))
        return True

    def front(self) -> list[Plan]:
        """Returns the plans on the front of cost against divergence, the cheapest first."""
        plans = list(self.known)
        points = [self.look(plan, "greedy") for plan in plans]
        objectives = (Objective("cost", maximize=False), Objective("divergence", maximize=False))
        return sorted(
            (plans[i] for i in non_dominated(points, objectives)), key=lambda p: self.look(p, "greedy")
        )

    def point(self, plan: Plan, finish: Callable[[QuantNetwork], None]) -> MixedPoint:
        """Scores a plan of the front on validation images."""
        costs, divergence, origin = self.known[plan]
        accuracy = None
        if not self.should_stop():
            self.apply(plan)
            network = self.network.twin(simulated=True)
            finish(network)
            accuracy = evaluate(network, self.cache, validation_rows(self.cache), network.resolution).accuracy
        first, last = edge_groups(self.network)
        widths = {first: EDGE_WIDTH, **dict(zip(self.groups, plan, strict=True)), last: EDGE_WIDTH}
        self.apply(plan)
        return MixedPoint(widths, costs, divergence, accuracy, origin, not runs_as_integers(self.network))
