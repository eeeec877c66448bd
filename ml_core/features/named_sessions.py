"""Features of a market's sessions by their names, such as ``asia_range_atr``, for conditions.

The catalogue counts sessions back from the decision, since recipes hold for every market. A
question of one market may name its sessions.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from ml_core.features.aggregates import Aggregate
from ml_core.features.catalogue import Feature
from ml_core.features.sessions_done import SESSION_LOOKBACK_MINUTES
from ml_core.features.view import View, positive
from ml_core.market.market import Market


def session_features(market: Market) -> tuple[Feature, ...]:
    """Return the features of each session of a market, as it was last completed.

    ``asia_range_atr`` and ``asia_move_atr`` are the height and the move in ATR-20,
    ``asia_position`` is where price stands in it. At a range of the session itself the last
    completed one is that of the trading day before.
    """
    return tuple(
        feature
        for column, session in enumerate(market.sessions)
        for feature in _of_session(_identifier(session.name), session.name, column)
    )


def _of_session(prefix: str, name: str, column: int) -> tuple[Feature, ...]:
    group = "named_sessions"
    return (
        Feature(
            f"{prefix}_range_atr",
            group,
            f"height of the last completed {name} session",
            "ATR",
            categorical=False,
            compute=partial(_range_atr, column=column),
            mirror=None,
        ),
        Feature(
            f"{prefix}_move_atr",
            group,
            f"move of the last completed {name} session",
            "ATR",
            categorical=False,
            compute=partial(_move_atr, column=column),
        ),
        Feature(
            f"{prefix}_position",
            group,
            f"where price stands in the last completed {name} session",
            "share",
            categorical=False,
            compute=partial(_position, column=column),
        ),
    )


def _identifier(name: str) -> str:
    """Return a session's name as a condition can write it."""
    written = name.lower().replace("-", "_")
    return f"session_{written}" if written[0].isdigit() else written


def _range_atr(view: View, column: int) -> NDArray[np.float64]:
    return _completed(view, column).size / positive(view.atr(20))


def _move_atr(view: View, column: int) -> NDArray[np.float64]:
    session = _completed(view, column)
    return (session.close - session.open) / positive(view.atr(20))


def _position(view: View, column: int) -> NDArray[np.float64]:
    session = _completed(view, column)
    return (view.price - session.low) / positive(session.size)


def _completed(view: View, column: int) -> Aggregate:
    """Return the latest session of a column that had ended by each decision; NaN without one.

    As with sessions counted back, one that ended more than a week earlier is not known.
    """
    schedule = view.tape.schedule
    ends = schedule.session_end[:, column]
    row = np.searchsorted(ends, view.decision, side="right") - 1
    seen = np.maximum(row, 0)
    is_recent = (row >= 0) & (view.decision - ends[seen] <= SESSION_LOOKBACK_MINUTES)
    end = np.where(is_recent, ends[seen], view.decision)
    begin = np.where(is_recent, schedule.session_start[seen, column], end)  # no bar at all
    return view.span(begin, end)
