"""`manage.py messages`: brings the catalogues of all languages up to what the sources say."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.core.management.commands import makemessages

from datasets_app.words.extract import engine_sentences, module_of


class Gathering(makemessages.Command):
    """Django's command, without guesses: what is new comes in untranslated."""

    msgmerge_options = [*makemessages.Command.msgmerge_options, "--no-fuzzy-matching"]


IGNORED = ["node_modules/*", ".venv/*", "static/vendor/*", "var/*", "nas/*", "tests/*", "docs/*"]


class Command(BaseCommand):
    help = "Collect translatable text: the engine's sentences for datasets_app/words/, all for locale/."

    def handle(self, *args: Any, **options: Any) -> None:
        """Needs GNU gettext. What was translated stays; what is new comes in untranslated."""
        if shutil.which("xgettext") is None:
            raise CommandError("GNU gettext is missing. On Debian: apt-get install gettext")
        root = Path(settings.BASE_DIR)
        (root / "datasets_app/words/sentences.py").write_text(
            module_of(engine_sentences(root)), encoding="utf-8"
        )
        for domain, extensions in (("django", ["html", "py", "txt"]), ("djangojs", ["js"])):
            call_command(
                Gathering(),
                locale=[code for code, _ in settings.LANGUAGES if code != settings.LANGUAGE_CODE],
                domain=domain,
                extensions=extensions,
                ignore_patterns=IGNORED,
                no_location=True,
                no_wrap=True,
                no_obsolete=True,
                verbosity=0,
            )
