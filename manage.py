#!/usr/bin/env python
"""The command line of the application: `manage.py up` starts everything."""

import os
import sys


def main() -> None:
    """Runs one management command."""
    if sys.version_info[:2] != (3, 11):  # said before an import fails with a riddle
        version = ".".join(map(str, sys.version_info[:3]))
        sys.exit(f"Python 3.11 is needed and this is {version}. Run it with: .venv/bin/python manage.py")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "automl_site.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        sys.exit("The libraries are not installed here. Run `make setup` first, then `make run`.")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
