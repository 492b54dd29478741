"""JSON API of searches, candidates, events and models."""

from __future__ import annotations

from ninja import Router

router = Router()
