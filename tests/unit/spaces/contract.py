"""What every search space must do; each space's test class inherits it."""

from __future__ import annotations

import random

import pytest

from nas.architecture import architecture_from_json, architecture_key, architecture_to_json
from nas.cost import macs, params
from nas.errors import SpaceError
from nas.spaces.base import SearchSpace


class SpaceContract:
    """Inherit and say how to make the space."""

    def make(self) -> SearchSpace:
        raise NotImplementedError

    def test_decisions_have_unique_names_and_something_to_decide(self) -> None:
        decisions = self.make().decisions
        assert len({decision.name for decision in decisions}) == len(decisions)
        for decision in decisions:
            assert len(set(decision.choices)) == len(decision.choices) > 1

    def test_samples_decode_to_valid_networks_that_survive_json(self) -> None:
        space, rng = self.make(), random.Random(0)
        for _ in range(200):
            architecture = space.decode(space.sample(rng))
            assert architecture_from_json(architecture_to_json(architecture)) == architecture
            assert macs(architecture) > 0 and params(architecture, 2) > 0

    def test_sampling_depends_on_the_generator_only(self) -> None:
        first, second = ([self.make().sample(random.Random(seed)) for seed in range(20)] for _ in range(2))
        assert first == second

    def test_mutation_changes_one_decision_and_keeps_the_parent(self) -> None:
        space, rng = self.make(), random.Random(1)
        parent = space.sample(rng)
        reached = set()
        for _ in range(2000):
            child = space.mutate(parent, rng)
            changed = [i for i in range(len(parent)) if child[i] != parent[i]]
            assert len(changed) == 1
            reached.add((changed[0], child[changed[0]]))
            space.decode(child)
        assert len(reached) == sum(len(decision.choices) - 1 for decision in space.decisions)

    def test_equal_canonical_forms_and_equal_networks_go_together(self) -> None:
        space, rng = self.make(), random.Random(2)
        forms: dict[str, tuple[int, ...]] = {}
        for _ in range(3000):
            choices = space.sample(rng)
            canonical = space.canonical(choices)
            assert space.decode(canonical) == space.decode(choices)
            assert space.canonical(canonical) == canonical
            assert forms.setdefault(architecture_key(space.decode(choices)), canonical) == canonical

    def test_choices_that_do_not_fit_are_refused(self) -> None:
        space = self.make()
        fitting = space.sample(random.Random(0))
        for wrong in ((), fitting[:-1], (*fitting, 0), (-1, *fitting[1:]), (99, *fitting[1:])):
            with pytest.raises(SpaceError, match="do not fit"):
                space.decode(wrong)
