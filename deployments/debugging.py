"""Whether whoever waits at the terminal asked to see more than one line of an error."""

from __future__ import annotations

from contextvars import ContextVar

DEBUGGING: ContextVar[bool] = ContextVar("DEBUGGING", default=False)
"""``--debug`` stands on the command line."""
