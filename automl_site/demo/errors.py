"""The one error of the demo."""

from __future__ import annotations


class DemoError(Exception):
    """A step of the demo did not happen. The message is one plain sentence with the next step."""
