"""A column of another system is classified by its name: an equal, a look-ahead, or unknown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.legacy_import.feature_names import judge
from ml_core.features.all import CATALOGUE
from tests.ml_core.builders import mgc, nq

EVERY = ("0900", "1000", "1100", "1800", "2300", "0030")


@pytest.mark.parametrize(
    ("name", "use", "leaks_into"),
    [
        ("orb_0900_outcome", "compared", EVERY),
        ("orb_0900_r_multiple", "never", EVERY),
        ("orb_1100_mae", "never", EVERY),
        ("orb_1800_break_dir", "compared", EVERY),
        ("orb_1100_high", "compared", ("0900", "1000")),
        ("orb_0900_size", "equal", ()),
        ("orb_0030_size", "late", EVERY[:-1]),
        ("asia_high", "late", ("0900", "1000", "1100")),
        ("london_range", "late", ("0900", "1000", "1100", "1800")),
        ("ny_cash_low", "late", EVERY),
        ("pre_asia_high", "equal", ()),
        ("rsi_at_0030", "late", EVERY[:-1]),
        ("atr_20", "equal", ()),
        ("day_of_week", "equal", ()),
        ("daily_high", "never", EVERY),
        ("next_close", "never", EVERY),
        ("date_local", "key", ()),
        ("orb_1230_high", "unknown", ()),
        ("moon_phase", "unknown", ()),
    ],
)
def test_a_name_says_which_decisions_would_see_the_future(
    name: str, use: str, leaks_into: tuple[str, ...]
) -> None:
    judged = judge(name, mgc())

    assert (judged.use, judged.leaks_into) == (use, leaks_into)


@pytest.mark.parametrize("name", CATALOGUE.names())
def test_every_feature_of_the_catalogue_is_its_own_equal(name: str) -> None:
    assert judge(name, mgc()).equal == name


@given(st.text(max_size=60))
def test_any_text_at_all_is_judged_and_an_equal_is_always_a_feature(name: str) -> None:
    for market in (mgc(), nq()):
        judged = judge(name, market)
        assert judged.equal is None or judged.equal in CATALOGUE.names()
        assert set(judged.leaks_into) <= {opening_range.name for opening_range in market.ranges}
