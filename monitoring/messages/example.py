"""The message of a made-up forecast, to test a channel before there is a real one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np

from ml_core.decision.entry import Outputs, PredictionEntry
from ml_core.learning.predictions.prediction import Prediction, Reason, SideView
from ml_core.market.instrument import Instrument
from ml_core.market.schedule import to_minute
from ml_core.ranges.label_spec import LabelSpec
from ml_core.strategy.bracket import planned_bracket
from ml_core.strategy.rules import SIDES
from ml_core.strategy.trade_rule import TradeRule
from monitoring.messages.facts import ForecastFacts, Message, PlanFacts, RangeFacts
from monitoring.messages.forecast import forecast_message
from monitoring.pages.plots.opening_range import RangePicture, levels_of

_CLOSED = datetime(2025, 6, 19, 0, 5, tzinfo=UTC)
_ZONE = "Australia/Brisbane"
_GOLD = Instrument.model_validate(
    {
        "tick_size": "0.10",
        "tick_value": 1.0,
        "commission_per_side": 1.24,
        "slippage_ticks_per_side": 1,
    }
)
_RANGE = RangeFacts(
    symbol="MGC",
    trading_day=date(2025, 6, 19),
    opening_range="1000",
    zone=_ZONE,
    closed=_CLOSED,
    instrument=_GOLD,
    contract="MGCQ5",
    high=33863,
    low=33819,
)
_BRACKETS = tuple(
    bracket
    for side in SIDES
    if (
        bracket := planned_bracket(TradeRule(), side, high_ticks=_RANGE.high, low_ticks=_RANGE.low)
    )
)


def example_message() -> Message:
    """Return the message of a made-up forecast; it says that it is made up."""
    message = forecast_message(_facts())
    head = "A TEST: the channel works. What follows is a made-up forecast."
    return Message(subject=f"Test: {message.subject}", body=f"{head}\n{message.body}")


def example_picture() -> RangePicture:
    """Return the picture of the made-up forecast."""
    before = 3384.0 + 1.2 * np.sin(np.arange(30) / 3.0)
    opened = np.append(before, [3384.0, 3382.3, 3383.1, 3384.6, 3386.0])
    closed = np.append(opened[1:], 3384.8)
    begins = to_minute(_CLOSED) - 35
    return RangePicture(
        title="MGC 1000, made up",
        minute=begins + np.arange(35),
        open=opened,
        high=np.minimum(np.maximum(opened, closed) + 0.3, 3386.3),
        low=np.maximum(np.minimum(opened, closed) - 0.4, 3381.9),
        close=closed,
        opens=_CLOSED - timedelta(minutes=5),
        closed=_CLOSED,
        range_high=float(_GOLD.price_text(_RANGE.high)),
        range_low=float(_GOLD.price_text(_RANGE.low)),
        levels=levels_of(_GOLD, {"UP": _BRACKETS[0], "DOWN": _BRACKETS[1]}),
        zone=_ZONE,
    )


def _facts() -> ForecastFacts:
    side = SideView(
        p_win=0.497,
        net_r=-0.09,
        net_r_low=None,
        net_r_high=None,
        expected_net_r=-0.09,
        baseline_p_win=0.5,
        baseline_net_r=-0.1,
    )
    words = "price closed in the upper third of the range; a driftless price would break up 65%"
    reason = Reason("corridor", 0.66, 0.62, f"{words} of the time: +0.62")
    prediction = Prediction(
        model="baseline",
        version="example",
        label=LabelSpec().key,
        p_up=0.64,
        p_down=0.34,
        p_none=0.02,
        p_up_given_break=0.65,
        baseline_p_up_given_break=0.65,
        confidence=0.3,
        level="low",
        long=side,
        short=side,
        recommendation="skip",
        risk_adjustment=1.0,
        reasons=(reason,),
    )
    entry = PredictionEntry(
        market="MGC",
        trading_day=_RANGE.trading_day,
        opening_range=_RANGE.opening_range,
        mode="live",
        role="champion",
        decision_time=_CLOSED,
        made_at=_CLOSED,
        late=False,
        status="predicted",
        reason=None,
        label=LabelSpec().key,
        p_up=0.65,
        baseline_p_up=0.65,
        recommendation="skip",
        features={},
        outputs=Outputs(prediction=prediction),
    )
    return ForecastFacts(
        slot="MGC 1000",
        opening_range=_RANGE,
        entry=entry,
        brackets=_BRACKETS,
        plan=PlanFacts(rules="orb-default", stage="shadow", plan=None),
    )
