"""`manage.py cleanup`: frees what nothing needs."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from automl_site.backup.terminal import human_size
from search_app.cleanup import clean_up


class Command(BaseCommand):
    help = "Removes files without rows, checkpoints of ended searches, old caches, sessions and uploads."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only tell what would be removed")

    def handle(self, *args: Any, **options: Any) -> None:
        dry_run = options["dry_run"]
        done = clean_up(dry_run=dry_run)
        for one in done.removed:
            self.stdout.write(f"{human_size(one.n_bytes):>10}  {one.path}: {one.why}")
        would, went = ("would free", "would go") if dry_run else ("freed", "removed")
        self.stdout.write(
            f"{would} {human_size(done.n_bytes)} in {len(done.removed)} places; "
            f"{done.n_sessions} expired sessions {went}"
            + ("" if dry_run else f"; {done.n_uploads} uploads and drafts had expired")
        )
        for path in done.missing:
            self.stdout.write(f"missing, a row names it: {path}")
        if done.missing:
            self.stdout.write("Bring missing files back from a backup; nothing was done about them.")
