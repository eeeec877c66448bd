"""The circuit breaker: what trips it, how long it stays open, when it may close again.

Pure: it takes events and times, and returns the breaker's state. The caller must treat a breaker
that cannot be read as open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

import numpy as np

from ml_core.evidence.metrics import max_drawdown
from ml_core.evidence.sequential import latest
from ml_core.market_events import BreakerEvent
from monitoring.sequential_monitors import (
    JudgedRows,
    direction_of,
    highest,
    off_calibration,
    worse_than_corridor,
)

State = Literal["closed", "open", "half_open"]
UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerPolicy:
    """The limits of the breaker.

    Attributes
    ----------
    failures
        The breaker opens after this many slots in a row without a prediction of the champion, for
        reasons that are Orbcast's fault.
    late
        The breaker opens after this many predictions of the champion in a row beyond the latency
        budget.
    drawdown_r
        The breaker opens at this drawdown, in R, of the recommended live trades since it closed.
    alpha
        Probability of opening it wrongly on a champion that is as good as its baseline, and again
        on a calibrated champion, however often it is checked.
    cool_down, longest
        Time it stays open; doubled with each further opening in a row, up to the longest.
    """

    failures: int = 3
    late: int = 3
    drawdown_r: float = 10.0
    alpha: float = 0.01
    cool_down: timedelta = timedelta(hours=12)
    longest: timedelta = timedelta(days=8)


POLICY = BreakerPolicy()


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerState:
    """The state of the breaker; ``until`` is when an open breaker becomes half open."""

    state: State
    cause: str
    detail: str
    since: datetime | None
    until: datetime | None

    @property
    def closed(self) -> bool:
        """Whether recommendations may be made."""
        return self.state == "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRow:
    """A live slot of the champion, with its outcome if known.

    Attributes
    ----------
    at
        Decision time.
    failed
        Whether there is no prediction by Orbcast's fault: stale data, no usable model, missed.
    stale
        Whether the reason was stale data: bars up to the window's last minute were missing.
    late
        Whether the prediction exceeded the latency budget.
    p_up, baseline_p_up, up
        The predictions, and whether the breakout was UP; None if there is nothing to compare.
    r_net
        Net R of the trade, if it was recommended and taken.
    day
        Trading day, whose slots may be open at the same time; None for the day of ``at``.
    """

    at: datetime
    failed: bool
    stale: bool = False
    late: bool = False
    p_up: float | None = None
    baseline_p_up: float | None = None
    up: bool | None = None
    r_net: float | None = None
    day: date | None = None


def breaker_state(
    events: Sequence[BreakerEvent], now: datetime, policy: BreakerPolicy = POLICY
) -> BreakerState:
    """Return the state of the breaker after its events, oldest first.

    An open breaker becomes half open when its time is over. Only a check without trouble, or a
    person, closes it. Each further opening doubles the time, so that the breaker does not flap;
    the count restarts once it has stayed closed for the longest time.
    """
    if not events:
        return BreakerState(state="closed", cause="", detail="", since=None, until=None)
    last = events[-1]
    if last.state == "closed":
        return BreakerState(
            state="closed", cause=last.cause, detail=last.detail, since=last.at, until=None
        )
    until = last.at + min(policy.cool_down * 2 ** (_openings(events, policy) - 1), policy.longest)
    return BreakerState(
        state="open" if now < until else "half_open",
        cause=last.cause,
        detail=last.detail,
        since=last.at,
        until=until,
    )


def trouble(rows: Sequence[LiveRow], policy: BreakerPolicy = POLICY) -> tuple[str, str] | None:
    """Return the cause that opens the breaker, and its figures; None if there is no trouble.

    Parameters
    ----------
    rows
        The champion's live slots since the breaker last closed, by decision time.
    policy
        The limits.
    """
    tail = rows[-policy.failures :]
    if len(tail) == policy.failures and all(row.failed for row in tail):
        if all(row.stale for row in tail):
            return "data", f"{policy.failures} slots in a row had no bars"
        return "failures", f"{policy.failures} slots in a row had no prediction"
    tail = rows[-policy.late :]
    if len(tail) == policy.late and all(row.late and not row.failed for row in tail):
        return "latency", f"{policy.late} predictions in a row were too late"
    taken = np.array([row.r_net for row in rows if row.r_net is not None], np.float64)
    if len(taken) and max_drawdown(taken) >= policy.drawdown_r:
        fall = max_drawdown(taken)
        return "drawdown", f"{fall:.1f} R below its high over {len(taken)} trades"
    return _off(_judged_rows(rows), policy)


def _openings(events: Sequence[BreakerEvent], policy: BreakerPolicy) -> int:
    """Return how many times in a row the breaker opened; a long closed time resets the count."""
    count = 0
    closed_at: datetime | None = None
    for event in events:
        if event.state == "closed":
            closed_at = event.at
            continue
        if closed_at is not None and event.at - closed_at >= policy.longest:
            count = 0
        count += 1
    return count


def _off(judged: JudgedRows, policy: BreakerPolicy) -> tuple[str, str] | None:
    """Return cause and figures if predictions lose to the corridor or are miscalibrated."""
    worse = latest(worse_than_corridor(judged))
    if worse >= 1.0 / policy.alpha:
        return "accuracy", f"worse than the corridor: e-value {worse:.3g}"
    off = highest(off_calibration(judged))
    if off >= 1.0 / policy.alpha:
        return "calibration", f"{direction_of(judged)}: e-value {off:.3g}"
    return None


def _judged_rows(rows: Sequence[LiveRow]) -> JudgedRows:
    """Return the predictions as arrays."""
    listed = [row for row in rows if row.p_up is not None and row.baseline_p_up is not None]
    return JudgedRows(
        p_up=np.array([row.p_up for row in listed], np.float64),
        baseline_p_up=np.array([row.baseline_p_up for row in listed], np.float64),
        broke=np.array([row.up is not None for row in listed], bool),
        up=np.array([bool(row.up) for row in listed], bool),
        day=np.array([row.day or row.at.date() for row in listed], "datetime64[D]"),
    )
