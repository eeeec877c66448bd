"""Features of sessions by their names, which conditions of one market use."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from ml_core.bars.arrays import Bars
from ml_core.features.all import CATALOGUE
from ml_core.features.audit import audit_lookahead
from ml_core.features.catalogue import compute
from ml_core.features.history import read_history
from ml_core.features.named_sessions import session_features
from ml_core.market.schedule import build_schedule
from ml_core.ranges.label_spec import LabelSpec
from tests.ml_core.builders import mgc, walk

FIRST, LAST = date(2023, 12, 4), date(2024, 1, 31)


@pytest.fixture(scope="module")
def bars() -> Bars:
    return walk(date(2023, 10, 23), LAST, seed=5, contracts=("MGCG4", "MGCJ4"))


def test_each_session_has_its_name_and_none_is_one_of_the_catalogue() -> None:
    names = [feature.name for feature in session_features(mgc())]
    assert names[:6] == [
        "pre_asia_range_atr",
        "pre_asia_move_atr",
        "pre_asia_position",
        "asia_range_atr",
        "asia_move_atr",
        "asia_position",
    ]
    assert len(names) == 3 * len(mgc().sessions)
    assert not set(names) & {feature.name for feature in CATALOGUE.every()}


def test_a_name_that_is_no_word_of_a_condition_is_made_one() -> None:
    market = mgc()
    renamed = {"pre_asia": "00-late", "asia": "Asia-1"}
    sessions = [
        session.model_copy(update={"name": renamed.get(session.name, session.name)})
        for session in market.sessions
    ]
    names = [
        feature.name
        for feature in session_features(market.model_copy(update={"sessions": tuple(sessions)}))
    ]
    assert (names[0], names[3]) == ("session_00_late_range_atr", "asia_1_range_atr")


def test_a_session_by_name_is_the_one_counted_back(bars: Bars) -> None:
    market = mgc()
    history = read_history(bars, market, LabelSpec(), build_schedule(market, FIRST, LAST))
    view = history.view(np.flatnonzero(history.ranges.formed))
    features = {feature.name: feature for feature in session_features(market)}
    spec = view.spec
    names = [one.name for one in market.ranges]
    # London opens when Asia and the hour before it are over
    at = spec == names.index("1800")
    for kind, counted in (
        ("range_atr", "session2_range"),
        ("move_atr", "session2_move"),
        ("position", "session2_position"),
    ):
        own, back = compute(view, (features[f"asia_{kind}"], *CATALOGUE.select([counted]))).T
        np.testing.assert_array_equal(own[at], back[at])
        assert np.isfinite(own[at]).sum() > 15
    # within Asia it is the Asia of the trading day before, as it was at that day's 18:00
    asia = compute(view, (features["asia_range_atr"],))[:, 0]
    by_day = dict(zip(view.day[at], view.sessions.back(2).size[at], strict=True))
    inside = spec == names.index("1100")
    compared = [
        (value * atr, by_day[day - 1])
        for value, atr, day in zip(
            asia[inside], view.atr(20)[inside], view.day[inside], strict=True
        )
        if day - 1 in by_day and np.isfinite(value)
    ]
    assert len(compared) > 15
    np.testing.assert_allclose(*np.array(compared).T)


def test_none_of_them_sees_the_future(bars: Bars) -> None:
    market = mgc("previous_day_volume")
    report = audit_lookahead(
        bars,
        market,
        LabelSpec(rr=10),
        session_features(market),
        first=FIRST,
        last=LAST,
        decisions=30,
        seed=1,
    )
    assert report.clean, report.leaking
