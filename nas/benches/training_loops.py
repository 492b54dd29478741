"""The loops that `training-bench` compares, each in a process of its own that trains when it is told to.

`files` and `memory` are what a competent user of timm writes: its network, PyTorch's AdamW and one-cycle
rate, torchvision's transforms. `ours` is `nas.training.train`, called as a search calls it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2 as transforms

from nas.data.augment import Augmentation
from nas.data.cache import ImageCache, read_index
from nas.data.preprocess import MEAN, STD
from nas.evaluators.first_model import train_first_model
from nas.evaluators.imagenet import imagenet_parent
from nas.networks import build_network
from nas.prediction import evaluate, validation_rows
from nas.runtime import tune_process
from nas.spaces.lite import lite0_architecture
from nas.training import TrainingConfig, train

_MATRIX = 1024
_FOREVER = 1e9  # seconds: the schedule follows the images, however busy the machine is
Pause = Callable[[nn.Module], bool]
"""Called after each step with the network; True ends the training."""


@dataclass(frozen=True)
class LoopSettings:
    """What a loop is told.

    Attributes:
        kind: "files", "memory" or "ours".
        data: Directory of the prepared images.
        pictures: Directory of the original files, for "files".
        resolution: Side of the input in pixels.
        epochs: Passes over the training images.
        threads: Of PyTorch.
        seed: Of order, augmentation and head.
        changes: Fields of `TrainingConfig` that differ from the recipe of the plain loops; only for "ours".
        from_features: "ours" begins with a head fitted to frozen features; its seconds count.
    """

    kind: str
    data: Path
    pictures: Path
    resolution: int
    epochs: float
    threads: int = 1
    seed: int = 0
    changes: dict[str, Any] = field(default_factory=dict)
    from_features: bool = False


def serve(settings: LoopSettings, connection: Connection) -> None:
    """Trains in pieces: takes a number of steps, "stop" ends it.

    Every answer is a dict: `seconds` and `cpu_seconds` of the piece, `images`, `finished`, and `accuracy` on
    validation images if it was asked for, whose time is not counted.
    """
    if settings.kind == "ours":
        tune_process(settings.threads)
    else:
        torch.set_num_threads(settings.threads)
    _Served(settings, connection).run()


class _Served:
    """Counts steps and time, and waits for the next order when a piece is done."""

    def __init__(self, settings: LoopSettings, connection: Connection) -> None:
        self.settings, self.connection = settings, connection
        self.cache = ImageCache.open(settings.data)
        self.images = self.left = 0
        self.wants_accuracy = False
        self.size = max(2, min(TrainingConfig(1, 1.0).batch_size, len(self.cache.indices("train")) // 4))

    def run(self) -> None:
        if self.wait():
            return
        module = start(self.settings, self.cache)
        loop = {"files": train_plain, "memory": train_plain, "ours": train_ours}[self.settings.kind]
        loop(self.settings, self.cache, module, self.pause)
        self.answer(module, finished=True)

    def wait(self) -> bool:
        """Waits for an order; returns True if it is the last."""
        order = self.connection.recv()
        if order == "stop":
            return True
        self.left, self.wants_accuracy = order
        self.images, self.begun, self.cpu_begun = 0, time.perf_counter(), time.process_time()
        return False

    def pause(self, module: nn.Module) -> bool:
        self.left -= 1
        self.images += self.size
        if self.left > 0:
            return False
        self.answer(module, finished=False)
        return self.wait()

    def answer(self, module: nn.Module, *, finished: bool) -> None:
        answer = {
            "seconds": time.perf_counter() - self.begun,
            "cpu_seconds": time.process_time() - self.cpu_begun,
            "images": self.images,
            "finished": finished,
        }
        if self.wants_accuracy or finished:
            rows = validation_rows(self.cache)
            answer["accuracy"] = evaluate(module, self.cache, rows, self.settings.resolution).accuracy
            _keep_norms(module, self.settings)
        self.connection.send(answer)


def _keep_norms(module: nn.Module, settings: LoopSettings) -> None:
    """Evaluating leaves every norm in training mode; those that the training keeps go back."""
    if settings.changes.get("freeze_norms"):
        for layer in module.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.eval()


def start(settings: LoopSettings, cache: ImageCache) -> nn.Module:
    """Returns Lite0 with its ImageNet weights, as timm builds it or as a search does."""
    torch.manual_seed(settings.seed)
    if settings.from_features:
        return train_first_model(cache, settings.resolution, seed=settings.seed).module
    if settings.kind == "ours":
        module = build_network(lite0_architecture(settings.resolution), cache.n_classes)
    else:
        module = timm.create_model("tf_efficientnet_lite0", num_classes=cache.n_classes, drop_rate=0.2)
    module.load_state_dict(dict(imagenet_parent().state), strict=False)
    nn.init.normal_(module.classifier.weight, std=0.01)  # type: ignore[arg-type,union-attr]
    nn.init.zeros_(module.classifier.bias)  # type: ignore[arg-type,union-attr]
    return module


def train_ours(settings: LoopSettings, cache: ImageCache, module: nn.Module, pause: Pause) -> None:
    """Trains with the project's loop."""
    config = recipe(settings)
    stopped = False

    def after_step(_: float) -> None:
        nonlocal stopped
        stopped = pause(module)

    train(module, cache, config, on_progress=after_step, should_stop=lambda: stopped)


def recipe(settings: LoopSettings) -> TrainingConfig:
    """Returns what the three loops have in common, with the changes of `settings`."""
    return TrainingConfig(
        settings.resolution,
        seconds=_FOREVER,
        **{"max_epochs": settings.epochs, "seed": settings.seed, **settings.changes},
    )


def train_plain(settings: LoopSettings, cache: ImageCache, module: nn.Module, pause: Pause) -> None:
    """Trains as one does with timm and PyTorch, at the same settings; channels-last from memory only."""
    config = recipe(settings)
    pictures = _Pictures(settings, cache)
    loader: DataLoader[tuple[Tensor, int]] = DataLoader(
        pictures,
        batch_size=max(2, min(config.batch_size, len(pictures) // 4)),
        shuffle=True,
        drop_last=True,
        generator=torch.Generator().manual_seed(settings.seed),
    )
    layout = torch.channels_last if settings.kind == "memory" else torch.contiguous_format
    module = module.to(memory_format=layout).train()
    optimizer = _plain_optimizer(module, config)
    peaks = [float(group["lr"]) for group in optimizer.param_groups]
    steps = max(1, int(settings.epochs * len(loader)))
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, peaks, total_steps=steps + 1, pct_start=config.warmup, cycle_momentum=False
    )
    for x, labels in _batches(loader, steps):
        logits = module(x.to(memory_format=layout))
        loss = F.cross_entropy(logits, labels, label_smoothing=config.label_smoothing)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
        if pause(module):
            return


def _plain_optimizer(module: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    head = list(module.get_classifier().parameters())  # type: ignore[operator]
    known = {id(parameter) for parameter in head}
    body = [parameter for parameter in module.parameters() if id(parameter) not in known]
    return torch.optim.AdamW(
        [
            {"params": body, "lr": config.learning_rate},
            {"params": head, "lr": config.learning_rate * config.head_multiplier},
        ],
        weight_decay=config.weight_decay,
    )


def _batches(loader: DataLoader[Any], steps: int) -> Iterator[tuple[Tensor, Tensor]]:
    done = 0
    while done < steps:
        for batch in loader:
            yield batch
            done += 1
            if done == steps:
                return


class _Pictures(Dataset[tuple[Tensor, int]]):
    """Training images with torchvision's form of the same random changes."""

    def __init__(self, settings: LoopSettings, cache: ImageCache) -> None:
        self.cache, self.rows = cache, cache.indices("train")
        self.paths: list[Path] | None = None
        if settings.kind == "files":
            index = read_index(settings.data)
            self.paths = [settings.pictures / index[row]["path"] for row in self.rows]
        augmentation = Augmentation()
        side = settings.resolution
        self.change = transforms.Compose(
            [
                transforms.RandomResizedCrop(side, (augmentation.random_crop, 1.0)),
                transforms.RandomHorizontalFlip(),
                transforms.ColorJitter(*[augmentation.colour] * 3),
                transforms.PILToTensor(),
                transforms.ToDtype(torch.float32, scale=True),
                transforms.Normalize(MEAN, STD),
            ]
        )

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, number: int) -> tuple[Tensor, int]:
        row = self.rows[number]
        if self.paths is None:
            image = Image.fromarray(np.asarray(self.cache.images[row]))
        else:
            image = Image.open(self.paths[number]).convert("RGB")
        return self.change(image), int(self.cache.labels[row])


def gemm_rate(threads: int) -> float:
    """Measures fp32 matrix products of 1024 x 1024; returns the best of seven in FLOP a processor second."""
    torch.set_num_threads(threads)
    a, b = torch.randn(_MATRIX, _MATRIX), torch.randn(_MATRIX, _MATRIX)
    best = float("inf")
    for _ in range(8):
        begun = time.process_time()
        torch.mm(a, b)
        best = min(best, time.process_time() - begun)
    return 2.0 * _MATRIX**3 / best
