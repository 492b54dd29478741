"""Backup and restore of a whole installation; the reasons stand in docs/decisions/0048."""
