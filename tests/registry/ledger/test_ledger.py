"""The ledger: first entries are final, and outcomes are revised by new rows."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ml_core.decision.entry import Outputs, PredictionEntry
from registry.database import Database, open_database
from registry.errors import PrematurePredictionError
from registry.ledger.entries import OutcomeEntry
from registry.ledger.ledger import Ledger
from tests.ledger_rows import DECIDED, OUTCOME, PREDICTION
from tests.predictions import predicted

T0 = DECIDED


def prediction_entry(day: int = 0, role: str = "champion", p_up: float = 0.6) -> PredictionEntry:
    return replace(
        PREDICTION,
        trading_day=date(2024, 6, 4) + timedelta(days=day),
        role=role,  # type: ignore[arg-type]
        decision_time=T0 + timedelta(days=day),
        made_at=T0 + timedelta(days=day, seconds=3),
        version="v1",
        p_up=p_up,
        outputs=Outputs(prediction=predicted(p_up=p_up)),
    )


def outcome_entry(r_net: float = 0.8, outcome: str = "WIN") -> OutcomeEntry:
    return replace(OUTCOME, outcome=outcome, r_net=r_net)


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database)


def test_the_first_word_on_a_slot_stands(ledger: Ledger) -> None:
    assert ledger.record([prediction_entry(), prediction_entry(role="challenger")]) == 2
    assert ledger.record([prediction_entry(p_up=0.9)]) == 0

    (champion, _) = ledger.settled("MGC")
    assert champion.prediction == prediction_entry()
    assert champion.outcome is None


def test_what_was_appended_is_returned_as_recorded_and_what_stood_before_is_not(
    ledger: Ledger,
) -> None:
    first = replace(prediction_entry(), made_at=T0 + timedelta(seconds=100))
    second = prediction_entry(role="challenger")
    assert ledger.append([first]) == (first,)
    behind = replace(second, made_at=first.made_at - timedelta(seconds=90))
    late = replace(behind, late=True, outputs=replace(second.outputs, clock_behind_seconds=90.0))
    assert ledger.append([prediction_entry(p_up=0.9), behind]) == (late,)
    assert ledger.of_slot("MGC", first.trading_day, first.opening_range, "live") == (first, late)


def test_a_slot_s_entries_are_those_of_its_market_day_range_and_mode(ledger: Ledger) -> None:
    entries = [
        prediction_entry(),
        replace(prediction_entry(), opening_range="1000"),
        replace(prediction_entry(), mode="replay"),
        replace(prediction_entry(), market="MES"),
        prediction_entry(1),
    ]
    ledger.record(entries)
    day = prediction_entry().trading_day
    assert ledger.of_slot("MGC", day, prediction_entry().opening_range, "live") == (entries[0],)
    assert ledger.of_slot("MGC", day, "1000", "live") == (entries[1],)
    assert ledger.of_slot("MGC", day, prediction_entry().opening_range, "replay") == (entries[2],)
    assert ledger.of_slot("MGC", day, "2300", "live") == ()


def test_reasons_are_those_of_earlier_slots_by_role_and_decision(ledger: Ledger) -> None:
    novel = {"status": "abstained", "reason": "novel_input"}
    ledger.record(
        [
            prediction_entry(0),
            replace(prediction_entry(1), **novel),
            replace(prediction_entry(1, role="challenger"), **novel),
            replace(prediction_entry(2), mode="replay", **novel),
            replace(prediction_entry(3), **novel),
            prediction_entry(4),
        ]
    )

    def reasons(first: int, before: int) -> dict[str, tuple[str | None, ...]]:
        start = prediction_entry(first).trading_day
        until = prediction_entry(before).decision_time
        return ledger.reasons("MGC", first=start, before=until, mode="live")

    whole = {"champion": (None, "novel_input", "novel_input"), "challenger": ("novel_input",)}
    assert reasons(0, 4) == whole
    assert reasons(2, 4) == {"champion": ("novel_input",)}
    assert reasons(1, 3) == {"champion": ("novel_input",), "challenger": ("novel_input",)}
    assert reasons(0, 0) == {}


def test_an_outcome_is_added_once_and_revised_beside_itself(ledger: Ledger) -> None:
    ledger.record([prediction_entry()])

    at = T0 + timedelta(hours=2)
    steps = [
        ledger.record_outcome(outcome, at)
        for outcome in (outcome_entry(), outcome_entry(), outcome_entry(-1.2, "LOSS"))
    ]

    assert steps == ["added", "unchanged", "revised"]
    (row,) = ledger.settled("MGC")
    assert (row.revision, row.outcome) == (1, outcome_entry(-1.2, "LOSS"))


def test_late_duplicate_and_revised_outcomes_change_no_prediction_and_are_all_visible(
    ledger: Ledger,
) -> None:
    ledger.record([prediction_entry()])
    hours = [T0 + timedelta(hours=hour) for hour in range(2, 7)]
    before = ledger.head()
    outcomes = [
        outcome_entry(),
        outcome_entry(),
        outcome_entry(-1.2, "LOSS"),
        outcome_entry(),
        replace(outcome_entry(), r_net=float("nan")),
    ]
    steps = [
        ledger.record_outcome(outcome, at) for outcome, at in zip(outcomes, hours, strict=True)
    ]

    assert steps == ["added", "unchanged", "revised", "revised", "revised"]
    assert ledger.record_outcome(outcomes[-1], hours[-1]) == "unchanged"
    assert ledger.head() == before
    assert ledger.settled("MGC")[0].prediction == prediction_entry()
    revisions = ledger.revisions("MGC")
    assert [revision.revision for revision in revisions] == [1, 2, 3]
    assert [(revision.earlier.r_net, revision.later.r_net) for revision in revisions] == [
        (0.8, -1.2),
        (-1.2, 0.8),
        (0.8, None),
    ]
    assert [
        (revision.earlier_recorded_at, revision.later_recorded_at) for revision in revisions
    ] == [
        (hours[0], hours[2]),
        (hours[2], hours[3]),
        (hours[3], hours[4]),
    ]
    assert ledger.revisions("NQ") == ()
    assert ledger.verify().revisions == 3


def test_predictions_of_a_period_are_returned_with_their_outcomes(ledger: Ledger) -> None:
    ledger.record([prediction_entry(day) for day in range(5)])
    for day in range(5):
        slot = replace(outcome_entry(), trading_day=date(2024, 6, 4) + timedelta(days=day))
        ledger.record_outcome(slot, T0 + timedelta(days=day + 1))

    settled = ledger.settled("MGC", first=date(2024, 6, 5), last=date(2024, 6, 7))

    whole = ledger.settled("MGC")
    assert settled == whole[1:4]
    assert [row.outcome is not None for row in whole] == [True] * 5


def test_a_live_prediction_dated_before_its_window_closed_is_refused_a_replayed_one_is_not(
    ledger: Ledger,
) -> None:
    early = replace(prediction_entry(), made_at=T0 - timedelta(seconds=1))

    with pytest.raises(PrematurePredictionError, match=r"MGC:2024-06-04:0900 .*clock"):
        ledger.record([prediction_entry(1), early])

    assert ledger.settled("MGC") == ()
    assert ledger.record([replace(early, mode="replay")]) == 1


def test_predictions_of_a_clock_set_back_are_late_until_it_passes_the_last_time(
    ledger: Ledger,
) -> None:
    ahead = replace(prediction_entry(0), made_at=T0 + timedelta(days=400))
    ledger.record([ahead])
    ledger.record([prediction_entry(1), prediction_entry(1, role="challenger")])
    ledger.record(
        [
            replace(
                prediction_entry(2),
                made_at=prediction_entry(1).made_at - timedelta(seconds=59),
                mode="replay",
            )
        ]
    )
    ledger.record([prediction_entry(3)])

    rows = [row.prediction for row in ledger.settled("MGC", mode="live")]

    assert [prediction.late for prediction in rows] == [False, True, False, False]
    behind = rows[1].outputs.clock_behind_seconds
    assert behind == (ahead.made_at - prediction_entry(1).made_at).total_seconds()
    assert all(row.outputs.clock_behind_seconds is None for row in (rows[0], *rows[2:]))
    assert ledger.verify_chain() == ()


def test_a_replay_is_recorded_beside_the_live_prediction(ledger: Ledger) -> None:
    for first, second in (("live", "replay"), ("replay", "live")):
        day = 0 if first == "live" else 1
        assert ledger.record([replace(prediction_entry(day), mode=first)]) == 1  # type: ignore[arg-type]
        assert ledger.record([replace(prediction_entry(day), mode=second)]) == 1  # type: ignore[arg-type]
    assert len(ledger.settled("MGC", mode="live")) == len(ledger.settled("MGC")) / 2 == 2


def test_a_prediction_may_be_dated_at_the_moment_its_window_closed(ledger: Ledger) -> None:
    assert ledger.record([replace(prediction_entry(), made_at=T0)]) == 1


@pytest.mark.parametrize(("seconds", "late"), [(59, False), (60, False), (60.001, True)])
def test_a_clock_may_be_a_minute_behind_the_last_recorded_prediction(
    ledger: Ledger, seconds: float, late: bool
) -> None:
    ahead = replace(prediction_entry(), made_at=T0 + timedelta(hours=1))
    behind = replace(
        prediction_entry(), role="challenger", made_at=ahead.made_at - timedelta(seconds=seconds)
    )
    ledger.record([ahead, behind])

    assert [row.prediction.late for row in ledger.settled("MGC")] == [False, late]


def test_a_replay_recorded_among_live_predictions_does_not_move_the_clock(ledger: Ledger) -> None:
    replayed = replace(prediction_entry(1), mode="replay", made_at=T0 + timedelta(days=900))
    ledger.record([prediction_entry(0), replayed, prediction_entry(2)])
    ledger.record([prediction_entry(3)])

    assert [row.prediction.late for row in ledger.settled("MGC")] == [False] * 4


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    entries=st.lists(
        st.builds(
            prediction_entry,
            day=st.integers(0, 5),
            role=st.sampled_from(["champion", "challenger"]),
            p_up=st.floats(0.01, 0.99),
        ),
        max_size=12,
    )
)
def test_recording_anything_twice_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, migrated_file: Path, entries: list[PredictionEntry]
) -> None:
    file = shutil.copy(migrated_file, tmp_path_factory.mktemp("db") / "o.sqlite")
    ledger = Ledger(open_database(f"sqlite:///{file}"))

    added = ledger.record(entries)
    before = ledger.settled("MGC")

    assert ledger.record(entries) == 0
    assert ledger.settled("MGC") == before
    assert len(before) == added == len({(row.trading_day, row.role) for row in entries})
    assert ledger.verify_chain() == ()


def test_two_predictors_of_one_slot_make_one_entry(database: Database) -> None:
    def predict(number: int) -> int:
        return Ledger(database).record([prediction_entry(p_up=0.1 + number / 100)])

    with ThreadPoolExecutor(8) as pool:
        added = list(pool.map(predict, range(24)))

    assert sum(added) == 1
    assert Ledger(database).verify_chain() == ()


def test_a_naive_time_never_enters(ledger: Ledger) -> None:
    naive = replace(prediction_entry(), made_at=datetime(2024, 6, 3, 23, 5))  # noqa: DTZ001 - what is refused

    with pytest.raises(Exception, match="has no zone"):
        ledger.record([naive])

    assert ledger.settled("MGC") == ()
