"""A prediction with its slot's outcome, in the few fields that scoring needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

SIDES = ("UP", "DOWN")

BREAK_OF = {"long": "UP", "short": "DOWN"}
"""The breakout direction that triggers a recommended side."""
_EVEN = 0.5


def r_net_of_taken(
    recommendation: str | None, direction: str | None, r_net: float | None
) -> float | None:
    """Return net R of a trade that was recommended and triggered by the breakout; else None."""
    recommended = BREAK_OF.get(recommendation or "")
    return r_net if recommended is not None and recommended == direction else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredPrediction:
    """A prediction with the latest outcome of its slot.

    Attributes
    ----------
    trading_day, opening_range
        The slot.
    mode, role
        ``live`` or ``replay``; the role, such as ``champion``.
    version, recipe_hash, market_hash
        None if there was no version to predict.
    decision_time
        Aware UTC.
    status, reason, late
        ``predicted`` or ``abstained``; why it abstained; whether it came too late to prove that it
        was made before its outcome.
    p_up, baseline_p_up, majority_p_up
        Probability of UP by the model, the corridor and the majority of the training breakouts;
        None if it is not known.
    recommendation
        ``long``, ``short`` or ``skip``.
    direction
        UP, DOWN or NONE; None while the slot is open.
    r_gross, r_net
        R-multiple of the breakout side before and after costs.
    net_r_low, net_r_high
        The stated interval of net R for the breakout side; None without one.
    revision
        Number of revisions of the outcome.
    outcome_late
        Whether the outcome was recorded long after it was settled.
    """

    trading_day: date
    opening_range: str
    mode: str
    role: str
    version: str | None
    recipe_hash: str | None = None
    market_hash: str = ""
    decision_time: datetime
    status: str
    reason: str | None = None
    late: bool
    p_up: float | None
    baseline_p_up: float | None
    majority_p_up: float | None = None
    recommendation: str | None
    direction: str | None = None
    r_gross: float | None = None
    r_net: float | None = None
    net_r_low: float | None = None
    net_r_high: float | None = None
    revision: int = 0
    outcome_late: bool = False

    @property
    def predicted(self) -> bool:
        """Whether there is a probability, in time or late."""
        return self.status == "predicted"

    @property
    def broke(self) -> bool:
        """Whether the range had a breakout."""
        return self.direction in SIDES

    @property
    def likelier_side(self) -> str | None:
        """UP if its probability is at least 1/2, else DOWN; None without a probability."""
        if self.p_up is None:
            return None
        return "UP" if self.p_up >= _EVEN else "DOWN"

    @property
    def taken_r_net(self) -> float | None:
        """Net R of the trade, if it was recommended, triggered and settled."""
        return r_net_of_taken(self.recommendation, self.direction, self.r_net)
