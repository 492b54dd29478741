"""What stops a backup or a restore."""

from __future__ import annotations


class BackupError(Exception):
    """A backup or restore cannot go on; the message is one sentence with the next step."""
