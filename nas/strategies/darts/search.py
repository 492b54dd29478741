"""The search itself: epochs, when to stop, what cell to derive, and how to go on after a kill."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nas.architecture import CellArchitecture
from nas.cells import cell_text, count_skips
from nas.checkpoint import read_state, write_state
from nas.data.augment import Augmentation
from nas.data.cache import ImageCache
from nas.events import ShouldStop
from nas.strategies.darts.learner import Interrupted, Learner
from nas.strategies.darts.options import DartsOptions
from nas.strategies.darts.records import DartsResult, EpochRecord
from nas.strategies.darts.selection import Cells, Judgement, by_alphas, by_masks, reopen_skips, settle

__all__ = ["DartsOptions", "DartsResult", "DartsSearch", "EpochRecord"]

_STOP_FROM = 10  # RobustDARTS watches the eigenvalue from this epoch on


class DartsSearch:
    """One search, resumable after each epoch.

    All draws come from (seed, epoch, step), so that a search that was killed goes on from its last epoch
    exactly as if nothing had happened, and a selection by perturbation from its last edge.

    Args:
        cache: The images.
        options: How to search.
        seed: Seed of everything random.
        checkpoint: File to resume from and to write after each epoch; one of another search is ignored.
        augmentation: Random changes of the images.

    Attributes:
        records: What each epoch so far showed.
        selecting: Whether the epochs are over and edges are being settled.
        saves: Checkpoints that this process has written.
        earlier_cpu_seconds: Processor seconds of earlier processes, up to their last checkpoint.

    Raises:
        EvaluationError: If there are too few images.
    """

    def __init__(
        self,
        cache: ImageCache,
        options: DartsOptions,
        seed: int,
        *,
        checkpoint: Path | None = None,
        augmentation: Augmentation | None = None,
    ) -> None:
        self.options, self.seed, self.checkpoint = options, seed, checkpoint
        augmentation = augmentation or Augmentation()
        self.learner = Learner(cache, options, seed, augmentation)
        self.network = self.learner.network
        self.records: list[EpochRecord] = []
        self.history: list[list[Tensor]] = []  # the alphas after each epoch
        self.selecting = False
        self.saves = 0
        self.earlier_cpu_seconds = 0.0
        self._cpu_start = time.process_time()
        unlimited = replace(options, most_skips=None)  # the limit is put on what was settled without it
        text = repr((unlimited.text(), seed, cache.content_hash, augmentation))
        self.fingerprint = hashlib.sha256(text.encode()).hexdigest()
        self._restore()

    def run(
        self,
        on_epoch: Callable[[EpochRecord], None] | None = None,
        should_stop: ShouldStop | None = None,
        enough: Callable[[], bool] | None = None,
    ) -> DartsResult | None:
        """Searches to the end and derives the cell.

        Args:
            on_epoch: Told each new epoch.
            should_stop: Polled before every step.
            enough: Asked after each epoch: True ends the search there and derives the cell.

        Returns:
            The result; None if it was stopped, in which case the checkpoint holds all whole epochs.

        Raises:
            EvaluationError: If the loss is not finite.
        """
        try:
            while self._goes_on(enough):
                record = self._epoch(should_stop)
                self.records.append(record)
                self.history.append([alpha.detach().clone() for alpha in self.learner.alphas])
                self._save()
                if on_epoch is not None:
                    on_epoch(record)
            return self._derive(should_stop)
        except Interrupted:
            return None

    def _goes_on(self, enough: Callable[[], bool] | None) -> bool:
        if self.selecting or len(self.records) >= self.options.epochs or self.stopped_at() is not None:
            return False
        return not self.records or enough is None or not enough()

    def stopped_at(self) -> int | None:
        """Returns the epoch at which the eigenvalue ends the search, None while it does not.

        The mean of the last `stop_window` values is compared with that of `stop_distance` epochs before
        (Zela et al. 2020, section 5.2); both lie after the epochs in which the alphas were frozen.
        """
        o = self.options
        if not o.eigenvalue_stop:
            return None
        return growth_epoch(
            [record.eigenvalue or 0.0 for record in self.records],
            first=o.frozen_epochs,
            window=o.stop_window,
            distance=o.stop_distance,
            factor=o.stop_factor,
        )

    def _epoch(self, should_stop: ShouldStop | None) -> EpochRecord:
        started, cpu, epoch = time.monotonic(), time.process_time(), len(self.records)
        self.learner.begin(epoch)
        loss = self.learner.train_epoch(epoch, should_stop, alphas_learn=epoch >= self.options.frozen_epochs)
        mixture = {kind: value.detach() for kind, value in self.network.mixture().items()}
        cell = by_alphas(self.network.template, mixture, self.network.edge_factors())["normal"]
        every = torch.cat(list(mixture.values()))
        return EpochRecord(
            epoch=epoch,
            skips=count_skips(cell),
            cell=cell_text(self.network.template, cell),
            eigenvalue=self.learner.eigenvalue(),
            train_loss=loss,
            val_accuracy=self.learner.validation_accuracy(),
            entropy=float(-(every * every.clamp_min(1e-12).log()).sum(dim=1).mean()),
            mixture={kind: value.tolist() for kind, value in mixture.items()},
            beta=float(self.network.get_buffer("beta")),
            seconds=time.monotonic() - started,
            cpu_seconds=time.process_time() - cpu,
        )

    def _derive(self, should_stop: ShouldStop | None) -> DartsResult:
        started, o, stopped_at = time.monotonic(), self.options, self.stopped_at()
        if stopped_at is not None and not self.selecting:
            earlier = self.history[-1 - o.stop_distance]
            for alpha, value in zip(self.learner.alphas, earlier, strict=True):
                alpha.data.copy_(value)
        if o.selection == "argmax":
            mixture = {kind: value.detach() for kind, value in self.network.mixture().items()}
            cells = by_alphas(self.network.template, mixture, self.network.edge_factors(), o.most_skips)
        else:
            cells = self._perturb(should_stop)
        normal, reduction = cells["normal"], cells.get("reduction", ())
        architecture = CellArchitecture(o.resolution, o.template, o.channels, o.cells, normal, reduction)
        seconds = sum(record.seconds for record in self.records) + time.monotonic() - started
        return DartsResult(architecture, count_skips(normal), tuple(self.records), stopped_at, seconds)

    def _perturb(self, should_stop: ShouldStop | None) -> Cells:
        """Selects by perturbation, without the auxiliary skip, which the derived network will not have."""
        o = self.options
        if not self.selecting:
            self.learner.begin_tuning()
            self.selecting = True

        def judge() -> Judgement:
            if should_stop is not None and should_stop():
                raise Interrupted
            return self.learner.judge()

        def tune(number: int) -> None:
            for epoch in range(number * o.tune_epochs, (number + 1) * o.tune_epochs):
                self.learner.train_epoch(o.epochs + epoch, should_stop, alphas_learn=False)

        settle(self.network, judge, tune, seed=self.seed, on_settled=self._save)
        if o.most_skips is not None:
            reopen_skips(self.network, judge, o.most_skips)
            settle(self.network, judge, tune, seed=self.seed, on_settled=self._save)
        return by_masks(self.network, judge)

    def _save(self) -> None:
        self.saves += 1
        if self.checkpoint is None:
            return
        write_state(
            self.checkpoint,
            {
                "fingerprint": self.fingerprint,
                "module": self.network.state_dict(),
                "sgd": self.learner.sgd.state_dict(),
                "adam": self.learner.adam.state_dict(),
                "history": self.history,
                "selecting": self.selecting,
                "cpu_seconds": self.earlier_cpu_seconds + time.process_time() - self._cpu_start,
                "records": json.dumps([asdict(record) for record in self.records]),
            },
        )

    def _restore(self) -> None:
        data: dict[str, Any] | None = None if self.checkpoint is None else read_state(self.checkpoint)
        if data is None or data["fingerprint"] != self.fingerprint:
            return
        self.network.load_state_dict(data["module"])
        self.learner.sgd.load_state_dict(data["sgd"])
        self.learner.adam.load_state_dict(data["adam"])
        self.history, self.selecting = data["history"], data["selecting"]
        self.earlier_cpu_seconds = data["cpu_seconds"]
        self.records = [EpochRecord(**record) for record in json.loads(data["records"])]


def growth_epoch(values: list[float], *, first: int, window: int, distance: int, factor: float) -> int | None:
    """Returns the last epoch if the smoothed value has grown by more than `factor` up to it, else None.

    Args:
        values: One value an epoch, from epoch 0.
        first: Epochs at the start that do not count.
        window: Epochs of an average.
        distance: Epochs between the two averages.
        factor: Growth that is too much.
    """
    counted, epoch = values[first:], len(values) - 1
    if epoch < _STOP_FROM or len(counted) < window + distance:
        return None
    now = float(np.mean(counted[-window:]))
    then = float(np.mean(counted[-window - distance : -distance]))
    return epoch if now > factor * then > 0 else None
