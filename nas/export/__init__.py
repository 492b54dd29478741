"""Trained networks become files that work elsewhere and are proved to."""
