"""Names of the events that Orbcast emits, and of what they are about."""

from __future__ import annotations

DETECTED = "orbcast.drift.detected"

REFRESHED = "orbcast.data.refreshed"
"""New or revised bars are in the lake."""

ARRIVED = "orbcast.data.arrived"
"""A trader's own script says that the source has new bars; Orbcast itself never emits it."""


def resource_of(market: str) -> str:
    """Give the resource id of a market, by its file's name.

    >>> resource_of("mgc")
    'orbcast.market.mgc'
    """
    return f"orbcast.market.{market.lower()}"
