"""When a dead channel is retried, which levels it gets, and the text of a late notice."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.notices import EndedRun, Level, dated, matters_enough, paused_until

AT = datetime(2024, 6, 3, 9, 5, tzinfo=UTC)
RUN = EndedRun(
    flow="shadow-predict",
    run="calm-owl",
    state="Failed",
    market="mgc",
    opening_range="0900",
    words="no bars",
)


def test_a_channel_that_never_failed_is_not_paused() -> None:
    assert paused_until([]) is None


def test_each_failure_in_a_row_doubles_the_pause_up_to_an_hour() -> None:
    ends = [paused_until([AT] * count) for count in (1, 2, 3, 4, 5, 500)]
    minutes = [10, 20, 40, 60, 60, 60]
    assert ends == [AT + timedelta(minutes=minute) for minute in minutes]


@given(st.lists(st.datetimes(timezones=st.just(UTC)), min_size=1, max_size=40).map(sorted))
def test_a_channel_is_found_alive_again_within_the_hour(failures: list[datetime]) -> None:
    end = paused_until(failures)
    assert end is not None
    assert timedelta(minutes=10) <= end - failures[-1] <= timedelta(hours=1)


@pytest.mark.parametrize(
    ("kind", "least", "wanted"),
    [
        ("gate", "info", True),
        ("gate", "warning", False),
        ("run", "warning", True),
        ("run", "trouble", False),
        *((kind, "warning", True) for kind in ("drift", "estimate", "approval")),
        *((kind, "trouble", False) for kind in ("drift", "estimate", "approval")),
        *(
            (kind, "trouble", True)
            for kind in ("missed", "rollout", "breaker", "up", "retrain", "serving")
        ),
        ("test", "warning", False),
        ("a new kind", "trouble", True),
    ],
)
def test_a_channel_gets_notices_from_its_level_on(kind: str, least: Level, wanted: bool) -> None:
    assert matters_enough(kind, least) is wanted


def test_a_late_notice_states_how_late_it_is_and_where_to_look() -> None:
    assert dated("12 R down", AT, AT + timedelta(seconds=2)) == "12 R down\n2024-06-03 09:05 UTC"
    late = dated("12 R down", AT, AT + timedelta(hours=3, minutes=7))
    assert "sent 3 h 7 min late" in late
    assert "orbcast notices" in late


def test_a_quarter_of_an_hour_is_late_and_a_second_less_is_not() -> None:
    soon = dated("12 R down", AT, AT + timedelta(minutes=15) - timedelta(seconds=1))
    assert soon == dated("12 R down", AT, AT)
    assert "sent 0 h 15 min late" in dated("12 R down", AT, AT + timedelta(minutes=15))


def test_a_fault_is_reported_once_in_each_quarter_of_a_day() -> None:
    midnight = datetime(2024, 6, 3, tzinfo=UTC)
    stretches = [RUN.key(midnight + timedelta(minutes=number)) for number in range(24 * 60)]
    begins = [number for number in range(1, 24 * 60) if stretches[number] != stretches[number - 1]]
    assert begins == [6 * 60, 12 * 60, 18 * 60]


def test_the_same_fault_is_one_notice_for_six_hours_and_another_one_is_another() -> None:
    soon, later = AT + timedelta(minutes=15), AT + timedelta(hours=6)
    assert RUN.key(AT) == replace(RUN, run="next-one").key(soon)
    assert RUN.key(AT) != RUN.key(later)
    others = [{"words": "disk full"}, {"market": "nq"}, {"opening_range": "1000"}]
    assert len({RUN.key(AT), *(replace(RUN, **change).key(AT) for change in others)}) == 4


def test_a_notice_of_a_failed_run_has_the_command_that_repeats_it() -> None:
    assert RUN.subject == "MGC: shadow-predict failed"
    assert "orbcast run shadow-predict --market mgc --param opening_range=0900" in RUN.body
    bare = replace(RUN, market=None, opening_range=None)
    assert bare.subject == "shadow-predict failed"
    assert "orbcast run shadow-predict\n" in bare.body
    assert "start it again in the Prefect UI" in replace(RUN, flow="promote").body
