"""Scheduled news as known at t0; missing where the trader's calendar has ended."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml_core.features.catalogue import feature
from ml_core.features.view import View


@feature("minutes until the next scheduled news", unit="minutes", mirror=None, news=True)
def minutes_to_news(view: View) -> NDArray[np.float64]:
    """Minutes from t0 until the next event of any importance, at most 1,440."""
    return view.news.minutes_to_next()


@feature(
    "minutes until the next scheduled news of high importance",
    unit="minutes",
    mirror=None,
    news=True,
)
def minutes_to_high_news(view: View) -> NDArray[np.float64]:
    """Minutes from t0 until the next event of high importance, at most 1,440."""
    return view.news.only(importance="high").minutes_to_next()


@feature("minutes since the last scheduled news", unit="minutes", mirror=None, news=True)
def minutes_since_news(view: View) -> NDArray[np.float64]:
    """Minutes from the last event before t0, at most 1,440."""
    return view.news.minutes_since_last()


@feature("importance of the news before the session ends", mirror=None, news=True)
def news_before_session_end(view: View) -> NDArray[np.float64]:
    """Greatest importance from t0 to the session's end: 0 no event, 1 low, 2 medium, 3 high."""
    return view.news.greatest_importance(view.ranges.session_end[view.rows])
