"""What decides the meaning of labels is hashed, and nothing else is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from ml_core.market.definition import (
    NO_MEANING_OF_INSTRUMENT,
    NOT_PART_OF_DEFINITION,
    FieldChange,
    MarketDefinition,
)
from ml_core.market.instrument import Instrument
from ml_core.market.market import Market, QualityLimits, RangeSpec, Session
from tests.ml_core.builders import mgc, nq

OTHER: dict[tuple[Any, ...], Any] = {
    ("symbol",): "GC",
    ("zone",): "Australia/Sydney",
    ("day_start",): "08:30",
    ("day_start_on_previous_date",): True,
    ("calendar",): "CME_Equity",
    ("roll",): "none",
    ("contract_pattern",): "GC.*",
    ("instrument", "tick_size"): "0.20",
    ("instrument", "tick_value"): 2.0,
    ("instrument", "commission_per_side"): 0.0,
    ("instrument", "slippage_ticks_per_side"): 0,
    ("instrument", "volume_step"): "0.5",
    ("instrument", "currency"): "EUR",
    ("sessions", 1, "name"): "orient",
    ("sessions", 1, "start"): "08:59",
    ("sessions", 1, "end"): "16:59",
    ("sessions", 1, "zone"): "Australia/Sydney",
    ("sessions", 0, "before"): False,
    ("ranges", 0, "name"): "nine",
    ("ranges", 0, "start"): "09:01",
    ("ranges", 0, "minutes"): 15,
    ("ranges", 3, "session"): "pre_ny",
    ("ranges", 0, "zone"): "Australia/Sydney",
    ("calendar_days",): [{"day": "2025-11-28", "close": "10:00"}],
}
SAME: dict[tuple[Any, ...], Any] = {
    ("name",): "Another name",
    ("family",): "METALS",
    ("decision_delay_minutes",): 3,
    ("instrument", "allow_nonpositive_prices"): True,
    **{
        ("quality", name): value
        for name, value in (
            ("max_bad_share", 0.5),
            ("spike_ticks", 7),
            ("stale_minutes", 9),
            ("gap_minutes", 11),
            ("judge_hours", False),
        )
    },
}


def changed(market: Market, path: tuple[Any, ...], value: Any) -> Market:
    """Return the market with one field of its file changed."""
    values = market.model_dump(mode="json")
    place = values
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    if path == ("sessions", 1, "name"):
        for spec in values["ranges"]:
            spec["session"] = value if spec["session"] == "asia" else spec["session"]
    return Market.model_validate(values)


def fields_of(model: type[BaseModel], *path: str) -> set[tuple[str, ...]]:
    return {(*path, name) for name in model.model_fields}


def test_every_field_of_a_market_file_is_in_one_of_the_two_lists() -> None:
    nested = {"instrument", "sessions", "ranges", "quality"}
    every = {path for path in fields_of(Market) if path[0] not in nested}
    every |= fields_of(Instrument, "instrument") | fields_of(QualityLimits, "quality")
    every |= fields_of(Session, "sessions") | fields_of(RangeSpec, "ranges")
    listed = {tuple(part for part in path if isinstance(part, str)) for path in (*OTHER, *SAME)}
    assert every == listed
    assert {path[0] for path in SAME} == NOT_PART_OF_DEFINITION | {"instrument"}
    assert {path[1] for path in SAME if path[0] == "instrument"} == NO_MEANING_OF_INSTRUMENT


@pytest.mark.parametrize("path", [path for path in OTHER if "session" not in path], ids=str)
def test_a_field_that_decides_meaning_changes_the_hash_and_is_named(path: tuple[Any, ...]) -> None:
    before, after = (
        MarketDefinition.of(market) for market in (mgc(), changed(mgc(), path, OTHER[path]))
    )
    assert before.hash != after.hash
    fields = [change.field for change in before.changes(after)]
    assert any(field.startswith(path[0]) for field in fields), fields
    assert before.changes(after)
    assert bool(before.changes_of_question(after)) == (path[0] != "calendar_days")


def test_the_session_of_a_range_decides_meaning() -> None:
    market = mgc()
    ranges = list(market.ranges)
    ranges[3] = ranges[3].model_copy(update={"session": "pre_ny"})
    other = market.model_copy(update={"ranges": tuple(ranges)})
    before, after = MarketDefinition.of(market), MarketDefinition.of(other)
    assert before.hash != after.hash
    assert before.changes(after) == (FieldChange("ranges.1800.session", "london", "pre_ny"),)


@pytest.mark.parametrize("path", SAME, ids=str)
def test_a_field_that_decides_none_leaves_the_hash_alone(path: tuple[Any, ...]) -> None:
    other = changed(mgc(), path, SAME[path])
    assert other != mgc()
    assert MarketDefinition.of(other).hash == MarketDefinition.of(mgc()).hash


def test_the_same_written_in_another_way_is_the_same() -> None:
    explicit = mgc().model_dump(mode="json")
    explicit["instrument"]["tick_size"] = "0.1000"
    explicit["instrument"]["volume_step"] = "1.0"
    explicit["sessions"][1]["zone"] = explicit["ranges"][0]["zone"] = "Australia/Brisbane"
    assert MarketDefinition.of(Market.model_validate(explicit)) == MarketDefinition.of(mgc())


def test_the_hash_of_a_shipped_market_is_the_one_on_record_in_homes_out_there() -> None:
    # a change here gives all existing versions another market: it needs a migration
    assert MarketDefinition.of(mgc()).hash.startswith("bbdfcdc9e0268ef4")
    assert MarketDefinition.of(nq()).hash.startswith("f76966253ddfcbfb")


@given(minutes=st.integers(1, 30), slippage=st.floats(0, 9, allow_nan=False), roll=st.booleans())
def test_a_market_is_restored_from_its_stored_definition(
    minutes: int, slippage: float, roll: bool
) -> None:
    market = changed(
        mgc("none" if roll else "previous_day_volume"), ("ranges", 0, "minutes"), minutes
    )
    market = changed(market, ("instrument", "slippage_ticks_per_side"), slippage)
    definition = MarketDefinition.of(market)
    kept = MarketDefinition(definition.symbol, json.loads(json.dumps(definition.values)))
    now = changed(mgc(), ("quality", "gap_minutes"), 99)

    again = kept.market(now)

    assert kept.hash == MarketDefinition.of(again).hash == definition.hash
    assert (again.quality, again.name) == (now.quality, now.name)
    assert kept.changes(MarketDefinition.of(again)) == ()


def test_a_change_is_reported_by_field_with_both_values() -> None:
    other = changed(mgc(), ("ranges", 0, "minutes"), 15)
    (change,) = MarketDefinition.of(mgc()).changes(MarketDefinition.of(other))
    assert str(change) == "ranges.0900.minutes was 5, is 15"
