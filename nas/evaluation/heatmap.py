"""Where a network looks: Grad-CAM heat maps, and whether they are true to it. Loads torch: for workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from captum.attr import LayerGradCam
from torch import Tensor, nn

from nas.architecture import Architecture
from nas.data.cache import ImageCache
from nas.data.preprocess import preprocess
from nas.errors import EvaluationError
from nas.evaluation.heat_files import HeatFigures, heat_file, save_heat
from nas.evaluation.overlay import overlay_png
from nas.export.bundle import ONNX_NAME
from nas.export.load import load_network
from nas.export.onnx_model import OnnxClassifier
from nas.runtime import available_cores

FEWEST_CELLS: Final = 4
"""Cells along a side that the map of a layer must have, else an earlier layer is taken."""
HOTTEST: Final = 0.2
"""Share of a photo that is covered to see whether the map is true."""
N_RANDOM: Final = 10

Image = npt.NDArray[np.uint8]
Map = npt.NDArray[np.float32]


def cam_layer(module: nn.Module, side: int) -> nn.Module:
    """Returns the layer that heat maps are made of: the last one to finish with a map of 4 x 4 or more.

    In most networks that is the last one before pooling; of a small input its map would be 1 x 1 to 3 x 3,
    which says nothing about the place.

    Args:
        module: The network in eval mode.
        side: Side R of its input in pixels.

    Raises:
        EvaluationError: If no layer has such a map.
    """
    found: list[nn.Module] = []

    def look(layer: nn.Module, _inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and min(output.shape[2:]) >= FEWEST_CELLS:
            found.append(layer)

    handles = [layer.register_forward_hook(look) for layer in module.modules() if layer is not module]
    try:
        with torch.no_grad():
            module(torch.zeros(1, 3, side, side))
    finally:
        for handle in handles:
            handle.remove()
    if not found:
        raise EvaluationError("This network looks at photos as a whole, so there is no heat map of it.")
    return found[-1]


def grad_cam(module: nn.Module, x: Tensor, targets: Tensor) -> Tensor:
    """Computes Grad-CAM (Selvaraju et al. 2017, eq. 1 and 2) of logits, by captum.

    With A the (K, h, w) map of `cam_layer` and y the logit of the class: the weight of channel k is the mean
    over cells of dy/dA_k, and the heat is the positive part of the weighted sum of channels.

    Args:
        module: The network in eval mode.
        x: (B, 3, R, R) normalised pixels.
        targets: (B,) int64 classes.

    Returns:
        (B, h, w) heat, each map divided by its largest value; all zeros where nothing speaks for the class.
    """
    method = LayerGradCam(module, cam_layer(module, x.shape[-1]))
    heat = method.attribute(x, target=targets, relu_attributions=True)
    assert isinstance(heat, Tensor)
    heat = heat.detach()[:, 0]
    return heat / heat.amax(dim=(1, 2), keepdim=True).clamp_min(1e-12)


def enlarged(heat: Tensor, side: int) -> Map:
    """Returns (B, side, side) float32 of (B, h, w) maps, bilinear."""
    large = F.interpolate(heat[:, None], size=(side, side), mode="bilinear", align_corners=False)
    values: Map = large[:, 0].numpy()
    return values


def hottest(values: Map) -> npt.NDArray[np.bool_]:
    """Returns the hottest fifth of the pixels of an (S, S) map; of equal ones those above and to the left."""
    n = round(HOTTEST * values.size)
    order = np.argsort(-values, axis=None, kind="stable")
    mask = np.zeros(values.size, dtype=np.bool_)
    mask[order[:n]] = True
    return mask.reshape(values.shape)


def covered(image: Image, mask: npt.NDArray[np.bool_]) -> Image:
    """Returns the (S, S, 3) image with the pixels of the mask in the photo's mean colour."""
    result = image.copy()
    result[mask] = image.mean(axis=(0, 1)).round().astype(np.uint8)
    return result


def random_masks(cells: tuple[int, int], side: int, n: int, seed: int) -> list[npt.NDArray[np.bool_]]:
    """Returns random fifths of the same grain as those of a heat map of `cells`."""
    noise = torch.from_numpy(np.random.default_rng(seed).random((n, *cells), dtype=np.float32))
    return [hottest(one) for one in enlarged(noise, side)]


@dataclass(frozen=True)
class Looker:
    """A model that is asked where it looks.

    Attributes:
        module: The trained network in eval mode, for gradients.
        classifier: The downloaded ONNX file, for probabilities.
        resolution: Side of its input in pixels.
    """

    module: nn.Module
    classifier: OnnxClassifier
    resolution: int

    @classmethod
    def open(cls, directory: Path, architecture: Architecture) -> Looker:
        """Opens the bundle of a model.

        Raises:
            ExportError: If its files cannot be read.
        """
        classifier = OnnxClassifier(directory / ONNX_NAME, threads=available_cores())
        module = load_network(directory, architecture, len(classifier.labels))
        return cls(module, classifier, architecture.resolution)

    def heat(self, image: Image, target: int) -> Tensor:
        """Returns (h, w) heat of a class on a stored (S, S, 3) image."""
        x = preprocess(torch.from_numpy(image[None].copy()), self.resolution)
        return grad_cam(self.module, x, torch.tensor([target]))[0]

    def figures(self, image: Image, heat: Tensor, target: int, *, seed: int = 0) -> HeatFigures:
        """Covers the hottest fifth of the photo, and random fifths, and asks the ONNX file each time."""
        side = len(image)
        masks = [
            hottest(enlarged(heat[None], side)[0]),
            *random_masks((heat.shape[0], heat.shape[1]), side, N_RANDOM, seed),
        ]
        images = np.stack([image, *(covered(image, mask) for mask in masks)])
        answers = self.classifier.predict(images)[:, target]
        return HeatFigures(
            probability=float(answers[0]),
            without_hottest=float(answers[1]),
            without_random=float(answers[2:].mean()),
            cells=heat.shape[0],
        )


def write_heat_map(
    workdir: Path, model: Mapping[str, Any], architecture: Architecture, data: Path, *, row: int, target: int
) -> None:
    """Makes the heat map of one photo and class and keeps it with its figures.

    Args:
        workdir: The run's directory.
        model: Facts of the bundle, see `nas.export.bundle.write_bundle`.
        architecture: Of the network.
        data: Directory of the image cache.
        row: The photo.
        target: The class.

    Raises:
        EvaluationError: If photo or class do not exist, or the network has no map.
        DataError: If the cache is unusable.
        ExportError: If the model's files cannot be read.
    """
    cache = ImageCache.open(data)
    looker = Looker.open(workdir / str(model["directory"]), architecture)
    if not 0 <= row < len(cache) or not 0 <= target < len(looker.classifier.labels):
        raise EvaluationError("There is no such photo or class.")
    image = np.asarray(cache.images[row])
    heat = looker.heat(image, target)
    width, height = (int(value) for value in cache.sizes[row])
    values = enlarged(heat[None], len(image))[0]
    png = overlay_png(image, values, hottest(values), width=width, height=height)
    path = heat_file(workdir, str(model["name"]), row, target)
    save_heat(path, png, looker.figures(image, heat, target))
