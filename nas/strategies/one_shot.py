"""The search over a supernet: many networks are scored, so a surrogate chooses which."""

from __future__ import annotations

from nas.strategies.nsga2_surrogate import SurrogateNsga2


class OneShot(SurrogateNsga2):
    """Surrogate-assisted NSGA-II over accuracy and cost, as Lu et al. 2020 search their supernet.

    Who scores the proposals is not its affair; `nas.phases.one_shot` trains the supernet first.
    """

    name = "one_shot"
