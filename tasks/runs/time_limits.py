"""Time limits of flow runs: an overdue run is ended, a notice is sent, and the next run starts."""

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
        "predict-together": 10 * _MINUTE,
        "log-outcomes": 10 * _MINUTE,
        "explain": 10 * _MINUTE,
        "promote": 10 * _MINUTE,  # until the request, and again after the answer
        "step-up": 10 * _MINUTE,
        "refresh-data": 30 * _MINUTE,
        "check-drift": 30 * _MINUTE,
        "audit": 30 * _MINUTE,
        "for-each-market": 120 * _MINUTE,
        "nightly-retrain": 120 * _MINUTE,
        "walk-forward": 240 * _MINUTE,
        "tune": 240 * _MINUTE,
        "replay": 240 * _MINUTE,
    }
)
"""Time limit of a run in seconds, by the flow's name.

Prefect ends a run at its limit by an exception in its main thread, which works wherever Python
itself waits or runs. Code that never returns to Python, or that swallows the exception, continues:
see :mod:`tasks.runs.recovery.overdue`.
"""

TURN_SECONDS = 120.0
"""Time limit of one market's turn in a run of several markets."""

GRACE_SECONDS = 60.0
"""Seconds after its limit in which a run can report its end; then its process is killed."""

AGAIN_SECONDS = 10.0
"""Seconds after which the exception is raised again, in case a library that catches every
exception swallowed it."""

_AT_ONCE = 0.001
"""Smallest timer in seconds; zero would switch the timer off."""


@contextmanager
def time_limit_paused() -> Iterator[None]:
    """Hold the run's own time limit inside: a run that waits for its turn has not begun its work.

    As :func:`within`, of use in the main thread alone.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    left, again = signal.setitimer(signal.ITIMER_REAL, 0.0)
    try:
        yield
    finally:
        if left:
            signal.setitimer(signal.ITIMER_REAL, left, again)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise TimeoutError inside the block after some seconds, even if a call waits for ever.

    It interrupts only code that returns to Python, and only in the main thread, where flows run;
    in other threads, only the run's own limit applies. An outer limit stays in force.
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
