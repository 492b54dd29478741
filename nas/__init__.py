"""The engine: searches, scales and exports image classifiers. No Django, Celery, Channels or Redis."""

__version__ = "0.1.0"
