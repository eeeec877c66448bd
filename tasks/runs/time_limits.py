"""How long a flow run may take: past that it is ended, a person is told, and the next begins."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType, MappingProxyType

_MINUTE = 60.0

TIME_LIMITS: Mapping[str, float] = MappingProxyType(
    {
        "recover": 5 * _MINUTE,
        "watch-feed": 5 * _MINUTE,
        "shadow-predict": 10 * _MINUTE,
        "log-outcomes": 10 * _MINUTE,
        "explain": 10 * _MINUTE,
        "promote": 10 * _MINUTE,  # up to the question, and again from the answer on
        "step-up": 10 * _MINUTE,
        "refresh-data": 30 * _MINUTE,
        "check-drift": 30 * _MINUTE,
        "audit": 30 * _MINUTE,
        "nightly-retrain": 120 * _MINUTE,
        "walk-forward": 240 * _MINUTE,
        "tune": 240 * _MINUTE,
        "replay": 240 * _MINUTE,
    }
)
"""Seconds from the beginning of a run to its end, by the flow's name.

Prefect ends a run at its limit by an exception in its main thread, which is in time wherever
Python itself waits or works. Code that never comes back to Python, or that swallows the exception,
goes on: see :mod:`tasks.runs.overdue`.
"""

GRACE_SECONDS = 60.0
"""After its limit a run has so long to say that it was ended; then its process is killed."""

AGAIN_SECONDS = 10.0
"""A limit that something swallowed is told again after so long: a library that catches every
exception of its own work has caught this one as well."""

_AT_ONCE = 0.001
"""Seconds; a timer of zero would be none."""


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise TimeoutError inside after so many seconds, also where a call waits for ever.

    Only what comes back to Python is interrupted, and only in the main thread, where flows run;
    elsewhere the run's own limit is the only one. A limit around this one goes on as it was.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_number: int, _frame: FrameType | None) -> None:
        message = f"no answer within {seconds:g} s"
        raise TimeoutError(message)

    handler = signal.signal(signal.SIGALRM, end)
    outer, again = signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN_SECONDS)
    began = time.monotonic()
    if 0.0 < outer < seconds:
        signal.setitimer(signal.ITIMER_REAL, outer, AGAIN_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, handler)
        if outer:
            left = max(outer - (time.monotonic() - began), _AT_ONCE)
            signal.setitimer(signal.ITIMER_REAL, left, again)
