"""One number for how a network was trained: equal for all that are compared."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, fields

from nas.evaluators.base import Recipe
from nas.training import TrainingConfig

OF_THE_NETWORK = frozenset({"resolution", "seed", "seconds"}) | {field.name for field in fields(Recipe)}
"""What may differ between networks that are compared fairly: the architecture's resolution, the seed, what
the initialisation asks for (`Recipe`), and the seconds, which the report shows beside the hash."""


def config_hash(config: TrainingConfig) -> str:
    """Returns the first 12 hexadecimal digits of the SHA-256 of everything else in the configuration."""
    kept = {name: value for name, value in asdict(config).items() if name not in OF_THE_NETWORK}
    return hashlib.sha256(json.dumps(kept, sort_keys=True, default=str).encode()).hexdigest()[:12]
