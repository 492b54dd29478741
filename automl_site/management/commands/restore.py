"""`manage.py restore FILE.tar`: everything back from one file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from automl_site import startup
from automl_site.backup import restore
from automl_site.backup.errors import BackupError
from automl_site.backup.reading import Archive, check_archive
from automl_site.backup.terminal import Bar, ending_on_signals, human_size

LISTED = 10


class Command(BaseCommand):
    help = "Brings an archive of `manage.py backup` back. The site must be stopped."
    requires_migrations_checks = False
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="archive that `manage.py backup` made")
        parser.add_argument("--replace", action="store_true", help="delete what this installation holds now")
        parser.add_argument("--check", action="store_true", help="compare all checksums and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"].absolute()
        try:
            with ending_on_signals():
                self._handle(path, replace=options["replace"], only_check=options["check"])
        except (BackupError, startup.StartError) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt as error:
            raise CommandError("Stopped. Nothing was changed.", returncode=130) from error
        except OSError as error:
            raise CommandError(f"{error.filename or path}: {error.strerror}. Nothing was changed.") from error
        except DatabaseError as error:
            raise CommandError(f"The database cannot be used: {error}. Nothing was changed.") from error

    def _handle(self, path: Path, *, replace: bool, only_check: bool) -> None:
        with Bar("Checking") as bar:
            bar.begin(path.stat().st_size if path.is_file() else 0)
            archive = check_archive(path, bar.advance)
        restore.check_fits(archive)
        self.stdout.write(f"{path.name} of {archive.head.get('made_at')} is whole; all checksums are right.")
        if only_check:
            return
        lock = startup.prepare_runtime_dir(settings.RUNTIME_DIR)
        try:
            if not replace:
                restore.check_empty()
            restore.check_idle()
            restore.check_room(archive)
            self._restore(archive)
        finally:
            lock.close()

    def _restore(self, archive: Archive) -> None:
        with Bar("Restoring") as bar:
            bar.begin(archive.n_bytes)
            made = restore.restore_backup(archive, bar.advance)
        counts = ", ".join(f"{n} {what}" for what, n in made.counts.items())
        self.stdout.write(f"Restored {counts}: {made.n_files} files with {human_size(made.n_bytes)}.")
        for name in made.interrupted[:LISTED]:
            self.stdout.write(f"Interrupted, its owner can press Resume: {name}")
        if len(made.interrupted) > LISTED:
            self.stdout.write(f"and {len(made.interrupted) - LISTED} more.")
        self.stdout.write("Start the site with `make run`. Everybody signs in again.")
