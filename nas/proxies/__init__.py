"""Zero-cost proxies: scores of untrained networks that are meant to rank them. No torch here."""

from __future__ import annotations

PROXIES: tuple[str, ...] = ("synflow", "snip", "grad_norm", "jacob_cov", "naswot", "params", "macs")
"""Names to choose from, the default first; larger is meant to be better for all of them."""

BASELINES: tuple[str, ...] = ("params", "macs")
"""The trivial ones: a proxy that ranks no better than these says nothing but size."""
