"""The text of model.py. Nothing that a user wrote gets into it: class names stay in labels.json."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from string import Template

import timm
from torch import nn

from nas.architecture import Architecture, CellArchitecture, MBConvArchitecture, TimmArchitecture
from nas.errors import ExportError
from nas.export.plain.cells import cells_code
from nas.export.plain.mbconv import mbconv_code
from nas.export.plain.parts import TEMPLATES
from nas.export.trained import Trained

_TIMM_NAME = re.compile(r"[a-z0-9_.]+", re.ASCII)


@dataclass(frozen=True)
class _Network:
    """What differs from kind to kind: words for people, libraries, code, and how an instance is made."""

    what: str
    code: str
    new: str = "Network()"
    library: str = "torch"


def model_code(trained: Trained) -> str:
    """Returns model.py of a network: the same text for the same network.

    Raises:
        ExportError: If it holds something that cannot be written as code.
    """
    n_classes, side = len(trained.labels), trained.side
    network = _network(trained.module, trained.architecture, n_classes)
    imports = "import torch\nimport torch.nn.functional as F\nfrom torch import Tensor, nn"
    if network.library != "torch":
        imports = f"import timm\n{imports}"
    template = Template((TEMPLATES / "model.py.txt").read_text(encoding="utf-8"))
    text = template.substitute(
        about=f"{network.what} for {n_classes} classes at {side} x {side} pixels.",
        needs=f"{network.library} safetensors",
        imports=imports,
        resolution=side,
        stored=trained.images_u8.shape[1],
        temperature=repr(float(trained.trust.temperature)),
        threshold=repr(float(trained.trust.threshold)),
        network=network.code,
        new_network=network.new,
        n_classes=n_classes,
    )
    return re.sub(r"\n{4,}", "\n\n\n", text)


def _network(module: nn.Module, architecture: Architecture, n_classes: int) -> _Network:
    if isinstance(architecture, MBConvArchitecture):
        return _Network("A MobileNet-like network in plain PyTorch", mbconv_code(module, architecture))
    if isinstance(architecture, CellArchitecture):
        return _Network("A network of searched cells in plain PyTorch", cells_code(module, architecture))
    return _timm_network(architecture, n_classes)


def _timm_network(architecture: TimmArchitecture, n_classes: int) -> _Network:
    """A hand-made network: its code is timm's, of exactly this release."""
    if not _TIMM_NAME.fullmatch(architecture.name):
        raise ExportError("This network has no name that timm could know, so it cannot be written as code.")
    release = timm.__version__
    return _Network(
        what=f"{architecture.name} of timm (needs timm=={release})",
        code="",
        new=f"timm.create_model({json.dumps(architecture.name)}, num_classes={n_classes})",
        library=f"torch timm=={release}",
    )
