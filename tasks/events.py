"""Names of the events that Orbcast emits, and of what they are about."""

from __future__ import annotations

DETECTED = "orbcast.drift.detected"


def resource_of(market: str) -> str:
    """Give the resource id of a market, by its file's name.

    >>> resource_of("mgc")
    'orbcast.market.mgc'
    """
    return f"orbcast.market.{market.lower()}"
