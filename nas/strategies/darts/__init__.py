"""Differentiable architecture search. The one strategy that knows torch: import it by its full name."""
