"""Which notices a channel gets: levels, switches by kind and market, quiet hours across DST."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.channel_rules import (
    ChannelRules,
    QuietHours,
    Switch,
    notice_lifetime,
    rules_in_words,
    with_switch,
)
from monitoring.notices import NOTICE_LIFETIME

AT = datetime(2024, 6, 3, 14, 0, tzinfo=UTC)
"""Midnight in Brisbane."""
NIGHT = QuietHours(begin=time(22), end=time(7), zone="Australia/Brisbane")
MORNING = datetime(2024, 6, 3, 21, 0, tzinfo=UTC)


def off(kind: str | None = None, market: str | None = None, at: datetime = AT) -> Switch:
    return Switch(on=False, at=at, kind=kind, market=market)


def on(kind: str | None = None, market: str | None = None, at: datetime = AT) -> Switch:
    return Switch(on=True, at=at, kind=kind, market=market)


@pytest.mark.parametrize(
    ("switches", "sent"),
    [
        ((), {"break MGC", "break NQ", "forecast MGC", "forecast NQ"}),
        ((off("break"),), {"forecast MGC", "forecast NQ"}),
        ((off("break", "NQ"),), {"break MGC", "forecast MGC", "forecast NQ"}),
        ((off(None, "NQ"),), {"break MGC", "forecast MGC"}),
        ((off(None, "NQ"), on("forecast", "NQ")), {"break MGC", "forecast MGC", "forecast NQ"}),
        (
            (off("break", "NQ"), on("break")),
            {"break MGC", "break NQ", "forecast MGC", "forecast NQ"},
        ),
        ((off(), on("forecast"), off("forecast", "NQ")), {"forecast MGC"}),
    ],
)
def test_the_last_switch_that_concerns_a_notice_decides(
    switches: tuple[Switch, ...], sent: set[str]
) -> None:
    rules = ChannelRules(switches=switches)
    kinds = [(kind, market) for kind in ("break", "forecast") for market in ("MGC", "NQ")]
    assert {f"{kind} {market}" for kind, market in kinds if rules.sends(kind, market, AT)} == sent


def test_a_switch_concerns_nothing_that_happened_before_it() -> None:
    rules = ChannelRules(switches=(off("breaker"),))
    assert rules.sends("breaker", "MGC", AT - timedelta(seconds=1))
    assert not rules.sends("breaker", "MGC", AT)
    again = ChannelRules(switches=(*rules.switches, on("breaker", at=AT + timedelta(hours=1))))
    assert not again.sends("breaker", "MGC", AT + timedelta(minutes=59))
    assert again.sends("breaker", "MGC", AT + timedelta(hours=1))


def test_a_switch_of_a_market_does_not_affect_notices_without_a_market() -> None:
    assert ChannelRules(switches=(off(None, "MGC"),)).sends("up", None, AT)
    assert not ChannelRules(switches=(off("up"),)).sends("up", None, AT)


def test_the_level_holds_whatever_is_switched_on() -> None:
    assert not ChannelRules(least="trouble", switches=(on("forecast"),)).sends(
        "forecast", "MGC", AT
    )


def test_a_notice_in_the_quiet_hours_is_held_dropped_or_sent_by_its_kind() -> None:
    rules = ChannelRules(quiet=NIGHT)
    assert rules.delivers_from("breaker", "MGC", AT) == MORNING
    assert rules.delivers_from("forecast", "MGC", AT) is None
    assert rules.delivers_from("break", "MGC", AT) is None
    other = QuietHours(
        begin=NIGHT.begin,
        end=NIGHT.end,
        zone=NIGHT.zone,
        policies={"breaker": "at once", "settled": "left out", "forecast": "held"},
    )
    own = ChannelRules(quiet=other)
    assert own.delivers_from("breaker", "MGC", AT) == AT
    assert own.delivers_from("settled", "MGC", AT) is None
    assert own.delivers_from("forecast", "MGC", AT) == MORNING
    assert own.is_due("forecast", "MGC", AT, MORNING)  # it counts from the morning on


@pytest.mark.parametrize(
    ("local", "ends"),
    [
        ("21:59", None),
        ("22:00", "07:00"),
        ("23:59", "07:00"),
        ("00:00", "07:00"),
        ("06:59", "07:00"),
        ("07:00", None),
        ("12:00", None),
    ],
)
def test_quiet_hours_over_midnight_begin_and_end_to_the_minute(
    local: str, ends: str | None
) -> None:
    hour, minute = map(int, local.split(":"))
    at = datetime(2024, 6, 3, hour, minute, tzinfo=UTC) - timedelta(hours=10)
    end = NIGHT.end_after(at)
    assert (f"{end + timedelta(hours=10):%H:%M}" if end else None) == ends


def test_quiet_hours_within_a_day_are_those_hours() -> None:
    noon = QuietHours(begin=time(12), end=time(13), zone="UTC")
    assert noon.end_after(datetime(2024, 6, 3, 12, 30, tzinfo=UTC)) == datetime(
        2024, 6, 3, 13, 0, tzinfo=UTC
    )
    assert noon.end_after(datetime(2024, 6, 3, 13, 0, tzinfo=UTC)) is None
    assert noon.end_after(datetime(2024, 6, 3, 11, 59, tzinfo=UTC)) is None


def test_quiet_hours_end_after_the_hour_that_the_clocks_repeat() -> None:
    """In New York 01:15 comes twice that night; the second is 06:15 in UTC."""
    night = QuietHours(begin=time(22), end=time(1, 30), zone="US/Eastern")
    again = datetime(2024, 11, 3, 6, 15, tzinfo=UTC)
    assert night.end_after(again) == datetime(2024, 11, 3, 6, 30, tzinfo=UTC)
    first = again - timedelta(hours=1)
    assert night.end_after(first) == datetime(2024, 11, 3, 5, 30, tzinfo=UTC)


_TIMES = st.times().map(lambda clock: clock.replace(second=0, microsecond=0))


@given(
    st.datetimes(
        min_value=datetime(2023, 1, 1),  # noqa: DTZ001 - hypothesis wants it without a zone
        max_value=datetime(2026, 1, 1),  # noqa: DTZ001
        timezones=st.just(UTC),
    ),
    _TIMES,
    _TIMES,
    st.sampled_from(["US/Eastern", "Europe/Berlin", "Australia/Sydney", "UTC"]),
)
def test_quiet_hours_end_after_they_hold_and_within_a_day_and_an_hour(
    at: datetime, begin: time, end: time, zone: str
) -> None:
    ends = QuietHours(begin=begin, end=end, zone=zone).end_after(at)
    assert ends is None or at < ends <= at + timedelta(hours=25)


@pytest.mark.parametrize("kind", ["forecast", "break"])
def test_a_notice_that_is_soon_outdated_is_sent_for_an_hour(kind: str) -> None:
    rules = ChannelRules()
    assert rules.is_due(kind, "MGC", AT, AT + timedelta(minutes=59))
    assert not rules.is_due(kind, "MGC", AT, AT + timedelta(hours=1))
    assert notice_lifetime("breaker") == NOTICE_LIFETIME


def test_a_notice_that_is_held_is_not_due_before_the_quiet_hours_end() -> None:
    rules = ChannelRules(quiet=NIGHT)
    assert not rules.is_due("breaker", "MGC", AT, MORNING - timedelta(seconds=1))
    assert rules.is_due("breaker", "MGC", AT, MORNING)
    assert rules.is_due("breaker", "MGC", AT, MORNING + NOTICE_LIFETIME - timedelta(seconds=1))
    assert not rules.is_due("breaker", "MGC", AT, MORNING + NOTICE_LIFETIME)


def test_switches_that_nothing_depends_on_any_more_are_forgotten() -> None:
    switches: tuple[Switch, ...] = ()
    for days, state in enumerate([False, True] * 20):
        switches = with_switch(
            switches, Switch(on=state, at=AT + timedelta(days=days), kind="break")
        )
    assert len(switches) < 8
    last = AT + timedelta(days=39)
    for hours in range(0, 72, 6):
        moment = last - timedelta(hours=hours)
        state = (moment - AT).days % 2 == 1
        assert ChannelRules(switches=switches).sends("break", "MGC", moment) is state
    assert with_switch((off("day"),), on("week", at=last)) == (off("day"), on("week", at=last))


def test_rules_are_described_in_their_present_state() -> None:
    rules = ChannelRules(
        switches=(off("break", "NQ"), off("day"), on("day", at=AT + timedelta(days=1))),
        quiet=NIGHT,
    )
    lines = rules_in_words(rules)
    assert lines[:2] == ("break of NQ off", "day of every market on")
    assert lines[2].startswith("quiet from 22:00 to 07:00 Australia/Brisbane; held: settled, day")
    assert lines[2].endswith("left out: forecast, break")
    assert rules_in_words(ChannelRules()) == ()
