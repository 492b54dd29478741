"""`manage.py backup FILE.tar`: everything into one file, while the site runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from automl_site.backup.create import create_backup
from automl_site.backup.errors import BackupError
from automl_site.backup.terminal import Bar, ending_on_signals, human_size


class Command(BaseCommand):
    help = (
        "Writes accounts, data sets, searches, models and their files into one archive, while the site runs."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="archive to make, for example backup.tar")
        parser.add_argument(
            "--without-caches", action="store_true", help="leave out what is made anew when somebody wants it"
        )
        parser.add_argument(
            "--allow-missing", action="store_true", help="go on although files that rows name are missing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        target: Path = options["file"].absolute()
        try:
            with ending_on_signals(), Bar("Copying") as bar:
                made = create_backup(
                    target,
                    caches=not options["without_caches"],
                    allow_missing=options["allow_missing"],
                    begin=bar.begin,
                    told=bar.advance,
                )
        except BackupError as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt as error:
            raise CommandError("Stopped. Nothing half stays.", returncode=130) from error
        except OSError as error:
            raise CommandError(
                f"{target} could not be written ({error.strerror}). Nothing half stays."
            ) from error
        for path in made.missing:
            self.stderr.write(f"missing: {path}")
        size = human_size(target.stat().st_size)
        self.stdout.write(f"{target} ({size}) holds {made.n_rows} rows and {made.n_files} files.")
        if made.n_deleted:
            self.stdout.write(f"{made.n_deleted} things were deleted meanwhile; a restore deletes them, too.")
        self.stdout.write("It holds password hashes and everybody's photos: keep it as safe as the server.")
