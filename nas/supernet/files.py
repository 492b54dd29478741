"""Elastic weights on disk: safetensors beside a JSON file, never a pickle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from nas.errors import EvaluationError
from nas.files import write_atomically
from nas.supernet.elastic import ElasticLite0

FORMAT = "elastic-lite0-1"
_ORDER = "orders."


def save_elastic(supernet: ElasticLite0, path: Path, facts: dict[str, Any] | None = None) -> None:
    """Writes a supernet, and next to it a JSON file of the same name with what is known about it.

    Args:
        supernet: What to write.
        path: The safetensors file.
        facts: JSON-ready, e.g. images seen and seconds.
    """
    tensors = {key: value.detach().contiguous() for key, value in supernet.state_dict().items()}
    tensors |= {f"{_ORDER}{block}": order for block, order in supernet.orders.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    save_file(tensors, temporary)
    temporary.replace(path)
    document = {"format": FORMAT, "n_classes": supernet.n_classes, **(facts or {})}
    write_atomically(path.with_suffix(".json"), json.dumps(document, indent=1) + "\n")


def load_elastic(path: Path, *, dropout: float = 0.2) -> ElasticLite0:
    """Reads a supernet that `save_elastic` wrote.

    Raises:
        EvaluationError: If a file is missing, damaged or of another kind.
    """
    try:
        document = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        if document["format"] != FORMAT:
            raise ValueError
        tensors = load_file(path)
        with torch.random.fork_rng(devices=[]):
            supernet = ElasticLite0(int(document["n_classes"]), dropout=dropout)
        supernet.orders = {
            key.removeprefix(_ORDER): tensors.pop(key) for key in list(tensors) if key.startswith(_ORDER)
        }
        supernet.load_state_dict(tensors)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise EvaluationError(
            f"{path} and the .json file beside it are no elastic weights that can be read. Make them with "
            "python -m nas pretrain-supernet."
        ) from error
    return supernet.eval()
