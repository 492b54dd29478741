"""Reads, checks, divides and caches images. Nothing here but preprocess.py and augment.py imports torch."""
