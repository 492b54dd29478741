"""Evaluators: an architecture goes in, a trained and measured network comes out."""
