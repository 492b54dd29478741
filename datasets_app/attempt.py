"""One claim at work: progress, the fence, and the directory that belongs to this claim alone."""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.db.models import F

from datasets_app.claims import Claim, FenceLostError, Heartbeat, fenced_update, release
from datasets_app.handover import HandedOverError, handover_requested
from datasets_app.models import Dataset, DatasetState
from datasets_app.storage import cache_dir, directories_of_attempts, scratch_dir, version_id
from nas.data.importer import remove_partial

PROGRESS_SECONDS = 0.5


class Attempt:
    """A worker's claim of a data set, as the jobs use it.

    Attributes:
        dataset: The row as it was when the claim began; columns of the work itself are written fenced.
        version_id: Id of the version that this attempt may publish.
        directory: Where that version's cache goes.
        scratch: A directory for what is removed at the end.
        published: True once a version row points to `directory`.
    """

    def __init__(self, held: Claim, heartbeat: Heartbeat, dataset: Dataset) -> None:
        self.held = held
        self.dataset = dataset
        self.version_id: uuid.UUID = version_id(dataset.pk, held.fence)
        self.directory: Path = cache_dir(self.version_id)
        self.scratch: Path = scratch_dir(dataset.pk, held.fence)
        self.published = False
        self._heartbeat = heartbeat
        self._saved = float("-inf")
        self._stage = ""

    def check(self) -> None:
        """Asked between steps.

        Raises:
            FenceLostError: The claim is lost.
            HandedOverError: This worker shall end.
        """
        self._heartbeat.check()
        if handover_requested():
            raise HandedOverError

    def progress(self, stage: str, done: int, total: int) -> None:
        """Saves how far the work is: each new stage at once, then at most twice a second.

        Raises:
            FenceLostError: The claim is lost.
            HandedOverError: This worker shall end.
        """
        self.check()
        now = time.monotonic()
        if stage == self._stage and now - self._saved < PROGRESS_SECONDS:
            return
        self._saved, self._stage = now, stage
        self.write(stage=stage[:100], progress_done=done, progress_total=total)

    def progress_in(self, stage: str) -> Callable[[int, int], None]:
        """`progress` of one stage, for those who know only (done, total)."""
        return lambda done, total: self.progress(stage, done, total)

    def write(self, **values: Any) -> None:
        """Writes columns of the data set.

        Raises:
            FenceLostError: The claim is lost; nothing was written.
        """
        if not fenced_update(self.held, **values):
            raise FenceLostError(f"data set {self.held.pk}")

    def lock(self) -> None:
        """Locks the row until the transaction ends.

        Raises:
            FenceLostError: Another worker owns it now, or it was deleted.
        """
        self.write(claimed_by=F("claimed_by"))

    def finish(self, state: DatasetState, *, error: str = "", **values: Any) -> None:
        """Gives the row back in its new state.

        Raises:
            FenceLostError: The claim is lost; nothing was written.
        """
        done = release(
            self.held, state=state, error=error, stage="", progress_done=0, progress_total=0, **values
        )
        if not done:
            raise FenceLostError(f"data set {self.held.pk}")

    def hand_over(self, *, made_progress: bool = True) -> None:
        """Gives the row back for another worker to begin the job again."""
        release(self.held, made_progress=made_progress)

    def remove_files(self) -> None:
        """Removes what this attempt wrote and no version points to."""
        shutil.rmtree(self.scratch, ignore_errors=True)
        if not self.published:
            remove_partial(self.directory)
            shutil.rmtree(self.directory, ignore_errors=True)

    def remove_leftovers(self) -> None:
        """Removes the files of earlier attempts that died."""
        kept = {version.cache_dir for version in self.dataset.versions.all()}
        for directory in directories_of_attempts(self.dataset.pk, self.held.fence - 1):
            if directory not in kept:
                remove_partial(directory)
                shutil.rmtree(directory, ignore_errors=True)
