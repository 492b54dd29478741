"""Quantisation: fewer bits for weights and activations, and what to do where that costs accuracy."""
