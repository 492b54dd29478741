"""The images of an experiment on the command line."""

from __future__ import annotations

import argparse
from pathlib import Path


def imported(options: argparse.Namespace) -> Path:
    """Imports the images into the directory of the results, unless that was done."""
    from nas.data.importer import import_archive

    data: Path = options.out / "data"
    options.out.mkdir(parents=True, exist_ok=True)
    if not (data / "manifest.json").exists():
        import_archive(options.data, data, seed=0)
    return data
