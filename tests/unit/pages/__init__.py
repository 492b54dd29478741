"""Tests of the pages and their data."""
