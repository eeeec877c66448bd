"""Each limit of the checks, on both sides."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from ml_core.bars.checks.bad_rows import BadRows, BatchRefusedError
from ml_core.bars.checks.checked import Checked
from ml_core.bars.checks.quality import check
from ml_core.bars.contract import RawBatch
from ml_core.bars.lake.lake import Lake
from ml_core.market.exchange import trade_dates
from ml_core.market.schedule import from_minute
from tests.ml_core.bars.lake.test_lake import NOW, START, Row, bar, batch
from tests.ml_core.builders import mgc, minute


def checked(*rows: Row) -> Checked:
    return check(batch(list(rows)), mgc(), NOW)


def odd(result: Checked) -> dict[str, int]:
    return {finding.check: finding.count for finding in result.findings}


@pytest.mark.parametrize(
    ("prices", "reason"),
    [
        ((2000.0, 2001.0, 1999.0, 2000.0), None),
        ((2000.0, 2000.0, 2000.0, 2000.0), None),
        ((2000.0, 1999.9, 1999.0, 1999.5), "ohlc_inconsistent"),  # open above the high
        ((2000.0, 2000.5, 1999.0, 2000.6), "ohlc_inconsistent"),  # close above the high
        ((2000.0, 2001.0, 2000.1, 2000.5), "ohlc_inconsistent"),  # open below the low
        ((2000.0, 2001.0, 1999.5, 1999.4), "ohlc_inconsistent"),  # close below the low
        ((0.1, 0.1, 0.1, 0.1), None),
        ((0.1, 0.1, 0.0, 0.1), "price_not_positive"),
        ((2000.0, 2000.04, 2000.0, 2000.0), "off_tick"),
        ((2000.0, float("inf"), 2000.0, 2000.0), "not_a_price"),
    ],
)
def test_a_bar_is_sound_or_names_its_fault(
    prices: tuple[float, float, float, float], reason: str | None
) -> None:
    result = checked(("MGCG4", START, *prices, 1))

    assert result.reasons == ({reason: 1} if reason else {})
    assert len(result.good) == (0 if reason else 1)


@pytest.mark.parametrize(
    ("volume", "reasons"),
    [(0.0, {}), (-1.0, {"negative_volume": 1}), (float("nan"), {"no_volume": 1})],
)
def test_a_bar_without_volume_is_no_fault(volume: float, reasons: dict[str, int]) -> None:
    assert checked(bar(0, volume=volume)).reasons == reasons


def test_a_stamp_with_seconds_is_no_minute() -> None:
    whole = batch([bar(0)])
    stamps = np.array([START], "datetime64[m]").astype("datetime64[us]") + 1_000_000
    column = pa.array(stamps, pa.timestamp("us", tz="UTC"))
    odd_one = replace(whole, table=whole.table.set_column(1, "ts", column))

    assert check(odd_one, mgc(), NOW).reasons == {"not_on_a_minute": 1}


@pytest.mark.parametrize(
    ("seconds", "reasons"),
    [
        (-61, {"from_the_future": 1}),
        (-60, {"still_running": 1}),
        (-1, {"still_running": 1}),
        (0, {}),
    ],
)
def test_a_bar_is_taken_from_the_moment_it_has_closed(
    seconds: int, reasons: dict[str, int]
) -> None:
    closes = from_minute(START + 1)

    result = check(batch([bar(0)]), mgc(), closes + timedelta(seconds=seconds))

    assert result.reasons == reasons


def test_rows_of_the_running_minute_are_no_faults_of_a_source() -> None:
    contracts = ("MGCG4", "MGCJ4", "MGCM4")
    running = batch([bar(minute, contract=name) for name in contracts for minute in range(2)])
    ahead = batch([bar(minute, contract=name) for name in contracts for minute in (0, 2)])
    now = from_minute(START + 1) + timedelta(seconds=30)

    def refused(rows: RawBatch) -> bool:
        bad = BadRows("a.duckdb", 0.01)
        bad.count(rows.table, check(rows, mgc(), now))
        return bad.too_many

    assert check(running, mgc(), now).reasons == {"still_running": 3}
    assert not refused(running)
    assert check(ahead, mgc(), now).reasons == {"from_the_future": 3}
    assert refused(ahead)


def test_the_first_of_several_faults_is_named() -> None:
    # off its tick, below zero and in the future
    result = checked(("MGCG4", minute("2024-06-03", "09:00"), -1.0, -1.0, -1.05, -1.0, -1))

    assert result.reasons == {"from_the_future": 1}


@pytest.mark.parametrize(
    ("bad", "rows", "refused"),
    [
        (1, 100, False),
        (2, 100, True),
        (2, 200, False),
        (3, 200, True),
        (1, 3, False),
        (1, 2, True),
        (1, 1, True),
    ],
)
def test_a_source_is_refused_above_a_hundredth_of_bad_rows_but_not_for_a_single_one(
    bad: int, rows: int, refused: bool
) -> None:
    given = batch([bar(at, volume=-1.0 if at < bad else 5.0) for at in range(rows)])
    assert mgc().quality.max_bad_share == 0.01

    counted = BadRows("bars.csv", mgc().quality.max_bad_share)
    counted.count(given.table, check(given, mgc(), NOW))

    assert counted.too_many is refused


def test_the_refusal_names_counts_and_the_first_rows() -> None:
    given = batch([bar(at, volume=-1.0 if at < 5 else 5.0) for at in range(100)])
    counted = BadRows("bars.csv", 0.01)
    counted.count(given.table, check(given, mgc(), NOW))

    assert str(counted.refusal()) == (
        "bars.csv is refused whole: 5 of 100 rows are bad (negative_volume 5); first: row 1: "
        "negative_volume (volume -1); row 2: negative_volume (volume -1); row 3: negative_volume "
        "(volume -1). Correct the source, or raise quality.max_bad_share (now 0.01) in the market "
        "file if this is expected"
    )


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (bar(0, 2000.05), r"row 1: off_tick \(open 2000, high 2000.05, low 2000, close 2000.05\)"),
        (bar(10**7), r"row 1: from_the_future \(20\d\d-\d\d-\d\d \d\d:\d\d:00 UTC\)"),
        (bar(0, volume=0.00025), r"volume_not_in_steps \(volume 0.00025\).*step = \"0.00001\""),
    ],
)
def test_a_refusal_shows_the_values_that_are_bad(row: Row, words: str) -> None:
    given = batch([row])
    counted = BadRows("bars.csv", 0.01)
    counted.count(given.table, check(given, mgc(), NOW))
    assert re.search(words, str(counted.refusal()))


def test_of_an_hour_that_comes_twice_the_refusal_says_what_tells_it_apart() -> None:
    table = batch([bar(at) for at in range(3)]).table
    faults = pa.array(["two_such_local_times"] * 2 + [None])
    given = replace(
        batch([bar(0)]), table=table.set_column(table.num_columns - 1, "fault", faults)
    )
    counted = BadRows("bars.csv", 0.01)
    counted.count(given.table, check(given, mgc(), NOW))
    assert "write the times in UTC or with an offset" in str(counted.refusal())
    assert "max_bad_share" not in str(counted.refusal())


def test_where_no_row_can_be_used_the_limit_is_not_offered() -> None:
    given = batch([bar(at, volume=-1.0) for at in range(3)])
    counted = BadRows("bars.csv", 0.01)
    counted.count(given.table, check(given, mgc(), NOW))

    assert "max_bad_share" not in str(counted.refusal())


def test_volume_is_kept_exactly_in_the_market_s_smallest(tmp_path: Path) -> None:
    rows = [bar(at, volume=at + 0.125) for at in range(3)]
    assert check(batch(rows), mgc(), NOW).reasons == {"volume_not_in_steps": 3}
    with pytest.raises(BatchRefusedError, match=r'instrument\.volume_step = "0\.001"'):
        Lake(tmp_path / "whole").ingest([batch(rows)], mgc(), NOW)

    divided = mgc().instrument.model_copy(update={"volume_step": Decimal("0.001")})
    market = mgc().model_copy(update={"instrument": divided})
    lake = Lake(tmp_path / "divided")
    lake.ingest([batch(rows)], market, NOW)

    assert lake.read(market).volume.tolist() == [125, 1125, 2125]


def test_a_price_that_no_whole_number_of_ticks_can_hold_is_set_aside() -> None:
    high = (2**31 - 1) // 10
    assert checked(bar(0, float(high))).reasons == {}
    assert checked(bar(0, high + 1.0)).reasons == {"price_out_of_range": 1}


@pytest.mark.parametrize(
    ("high", "low", "spikes"), [(2049.9, 2000.0, 0), (2050.0, 2000.0, 1), (2000.0, 1950.0, 1)]
)
def test_a_high_or_a_low_alone_is_a_spike_too(high: float, low: float, spikes: int) -> None:
    wick = (*bar(1)[:2], 2000.0, high, low, 2000.0, 5.0)
    assert odd(checked(bar(0), wick)).get("spike", 0) == spikes


def test_of_two_rows_of_one_minute_the_one_given_first_is_kept() -> None:
    result = checked(bar(1), bar(0, 2000.5), bar(0, 2001.0), bar(0, 2000.5))

    assert result.good["close"].to_pylist() == [2000.5, 2000.0]
    assert result.reasons == {"contradicts_an_earlier_row": 1}
    assert result.quarantined["source_line"].to_pylist() == [3]
    assert result.duplicates == 1


@pytest.mark.parametrize(("jump", "spikes"), [(49.9, 0), (50.0, 1), (-50.0, 1)])
def test_a_change_of_500_ticks_in_a_minute_is_a_spike(jump: float, spikes: int) -> None:
    assert odd(checked(bar(0), bar(1, 2000.0 + jump))).get("spike", 0) == spikes


def test_a_change_over_a_gap_or_between_contracts_is_no_spike() -> None:
    assert odd(checked(bar(0), bar(2, 2100.0))) == {}
    assert odd(checked(bar(0), bar(1, 2100.0, "MGCJ4"))) == {}


@pytest.mark.parametrize(("minutes", "stale"), [(29, 0), (30, 1), (31, 1), (60, 1)])
def test_thirty_equal_bars_in_a_row_are_stale_once(minutes: int, stale: int) -> None:
    rows = [bar(at) for at in range(minutes)]

    assert odd(checked(*rows, bar(minutes, 2000.1))).get("stale", 0) == stale


@pytest.mark.parametrize(("silent", "gaps"), [(59, 0), (60, 1), (61, 1)])
def test_an_hour_without_a_bar_while_the_exchange_is_open_is_a_gap(silent: int, gaps: int) -> None:
    assert odd(checked(bar(0), bar(silent + 1))).get("gap", 0) == gaps


def test_the_hours_in_which_the_exchange_is_shut_are_no_gap() -> None:
    # from Saturday's close at 08:00 in Brisbane to Monday's reopening at 09:00
    last, first = minute("2024-01-20", "07:59"), minute("2024-01-22", "09:00")
    rows = [("MGCG4", at, 2000.0, 2000.0, 2000.0, 2000.0, 1.0) for at in (last, first)]

    assert odd(checked(*rows)) == {}


@pytest.mark.parametrize(
    ("day", "clock", "inside"),
    [
        ("2024-01-22", "08:59", False),
        ("2024-01-22", "09:00", True),
        ("2024-01-23", "07:59", True),
        ("2024-01-23", "08:00", False),  # the hour between two trade dates
        ("2024-01-23", "09:00", True),
    ],
)
def test_the_exchange_is_open_from_its_first_minute_to_the_one_before_its_close(
    day: str, clock: str, inside: bool
) -> None:
    hours = trade_dates("CMEGlobex_Gold", 2024, 2024)

    assert hours.is_open(np.array([minute(day, clock)])).tolist() == [inside]


def at(day: str, clock: str) -> Row:
    return ("MGCG4", minute(day, clock), 2000.0, 2000.0, 2000.0, 2000.0, 1.0)


@pytest.mark.parametrize(
    ("last", "first", "gaps"),
    [
        ("06:59", "10:00", ["from 2024-01-20T07:00 UTC", "from 2024-01-22T09:00 UTC"]),
        ("07:00", "09:59", []),
        ("06:59", "09:59", ["from 2024-01-20T07:00 UTC"]),
        ("07:00", "10:00", ["from 2024-01-22T09:00 UTC"]),
    ],
)
def test_an_hour_without_a_bar_before_the_close_or_after_the_opening_is_a_gap(
    last: str, first: str, gaps: list[str]
) -> None:
    # the exchange shuts on Saturday at 08:00 in Brisbane and opens on Monday at 09:00
    result = checked(at("2024-01-20", last), at("2024-01-22", first))

    brisbane = np.timedelta64(10, "h")
    examples = [words for finding in result.findings for words in finding.examples]
    times = [np.datetime64(words.split()[1]) + brisbane for words in examples]
    assert [f"from {time} UTC" for time in times] == gaps
    assert odd(result) == ({"gap": len(gaps)} if gaps else {})


def test_bars_outside_of_the_exchange_s_hours_are_named_with_their_time() -> None:
    result = checked(at("2024-01-23", "07:59"), at("2024-01-23", "08:00"))

    (finding,) = result.findings
    assert (finding.check, finding.count) == ("off_session", 1)
    assert finding.examples == ("2024-01-22T22:00 UTC",)


def test_rows_that_go_back_in_time_are_named_and_those_of_one_minute_are_in_order() -> None:
    result = checked(bar(5), bar(3), bar(3, contract="MGCJ4"), bar(4), bar(2), bar(1), bar(0))

    (finding,) = (finding for finding in result.findings if finding.check == "out_of_order")
    assert (finding.count, finding.examples) == (4, ("row 2", "row 5", "row 6"))


@pytest.mark.parametrize(("before", "reasons"), [(0, {}), (1, {"before_1970": 1})])
def test_the_first_minute_of_1970_is_a_time_and_the_one_before_is_none(
    before: int, reasons: dict[str, int]
) -> None:
    assert checked(("MGCG4", -before, 2000.0, 2000.0, 2000.0, 2000.0, 1.0)).reasons == reasons


def test_before_its_first_known_day_the_exchange_is_not_open() -> None:
    hours = trade_dates("CMEGlobex_Gold", 2024, 2024)
    before = int(hours.open[0]) - 1

    assert hours.is_open(np.array([before, before + 1])).tolist() == [False, True]
