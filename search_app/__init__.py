"""Searches: runs, candidates, events, trained models and the live page."""
