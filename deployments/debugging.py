"""Whether the user asked for more than one line of an error."""

from __future__ import annotations

from contextvars import ContextVar

DEBUGGING: ContextVar[bool] = ContextVar("DEBUGGING", default=False)
"""Whether ``--debug`` is on the command line."""
