"""A slot is settled by its bars, and again when a bar is revised, at any age."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from ml_core.decision.entry import PredictionEntry
from ml_core.market.schedule import from_minute
from registry.ledger.entries import OutcomeEntry, Settled
from tasks.prediction.missed import unanswered_entries
from tasks.prediction.outcomes.settling import OutcomeCounts, settle
from tasks.prediction.slots import latest_slot
from tasks.settings import current_settings
from tests.ml_core.bars.lake.test_lake import Row, batch
from tests.ml_core.builders import minute

DAY = date(2024, 1, 16)
NINE = minute(str(DAY), "09:00")
READ_AT = datetime(2024, 1, 16, 2, 0, tzinfo=UTC)
"""Noon in Brisbane."""


def row(at: int, *prices: float) -> Row:
    opened, high, low, close = prices
    return ("MGCG4", at, opened, high, low, close, 5)


BEFORE = row(NINE - 1, 2000.0, 2000.0, 2000.0, 2000.0)
WINDOW = [row(NINE, 2000.0, 2001.0, 2000.0, 2000.5), row(NINE + 4, 2000.5, 2001.0, 2000.0, 2000.6)]
BREAK = row(NINE + 8, 2001.0, 2001.3, 2000.9, 2001.2)
"""UP at 2001.2: stop 2000.0, target 2002.4."""
TARGET = row(NINE + 20, 2001.2, 2002.4, 2000.5, 2002.0)
NEARLY = row(NINE + 20, 2001.2, 2002.3, 2000.5, 2002.0)
STOP = row(NINE + 30, 2001.0, 2001.0, 2000.0, 2000.1)
LAST = row(NINE + 479, 2001.0, 2001.0, 2001.0, 2001.0)


@pytest.fixture(autouse=True)
def predicted(home: Path) -> None:
    """Record one ledger row, for Tuesday's 09:00 range, in an empty home."""
    del home
    settings = current_settings()
    slot = latest_slot(settings.market("mgc"), from_minute(NINE + 5), "0900")
    assert slot.trading_day == DAY
    market = settings.market("mgc")
    entries: list[PredictionEntry] = unanswered_entries(
        settings, market, {slot: "missed"}, slot.decision
    )
    settings.ledger().record(entries)


def read(*rows: Row, at: datetime = READ_AT) -> None:
    settings = current_settings()
    settings.lake().ingest([batch([BEFORE, *WINDOW, *rows], repr(at))], settings.market("mgc"), at)


def counts(at: datetime) -> OutcomeCounts:
    return settle.fn("mgc", at)


def counts_of(*, added: int, revised: int, unchanged: int, open_slots: int) -> OutcomeCounts:
    return OutcomeCounts(
        symbol="MGC",
        predictions=1,
        added=added,
        revised=revised,
        unchanged=unchanged,
        open=open_slots,
    )


def latest() -> tuple[OutcomeEntry, int]:
    (settled,) = current_settings().ledger().settled("MGC")
    assert isinstance(settled, Settled)
    assert settled.outcome is not None
    return settled.outcome, settled.revision


def test_a_trade_is_open_until_the_bar_that_ends_it_has_closed() -> None:
    read(BREAK, TARGET)

    before = counts(from_minute(NINE + 20))  # its exit bar opens now
    after = counts(from_minute(NINE + 21))

    assert before == counts_of(added=0, revised=0, unchanged=0, open_slots=1)
    assert after == counts_of(added=1, revised=0, unchanged=0, open_slots=0)
    outcome, revision = latest()
    assert (outcome.outcome, outcome.r_gross, revision) == ("WIN", 1.0, 0)
    assert outcome.resolved_at == from_minute(NINE + 21)


def test_a_revised_bar_settles_the_outcome_again_beside_the_first() -> None:
    read(BREAK, TARGET, STOP)
    counts(READ_AT)
    later = READ_AT + timedelta(days=1)

    read(BREAK, NEARLY, STOP, at=later)
    again = counts(later)

    assert again == counts_of(added=0, revised=1, unchanged=0, open_slots=0)
    outcome, revision = latest()
    assert (outcome.outcome, outcome.r_gross, revision) == ("LOSS", -1.0, 1)
    assert outcome.resolved_at == from_minute(NINE + 31)
    (change,) = current_settings().ledger().revisions("MGC")
    assert (change.earlier.outcome, change.later.outcome) == ("WIN", "LOSS")
    assert (change.earlier_recorded_at, change.later_recorded_at) == (READ_AT, later)
    assert counts(later).unchanged == 1


def test_a_revision_that_changes_nothing_of_the_outcome_is_no_revision() -> None:
    read(BREAK, TARGET)
    counts(READ_AT)

    read(row(NINE + 8, 2001.0, 2001.4, 2000.9, 2001.2), TARGET, at=READ_AT + timedelta(hours=1))

    assert counts(READ_AT + timedelta(hours=1)).unchanged == 1


@pytest.mark.parametrize("days", [10, 11, 400])
@pytest.mark.parametrize("waited", [0, 10])
def test_however_old_a_slot_is_a_revised_bar_settles_it_again(days: int, waited: int) -> None:
    read(BREAK, TARGET, STOP)
    counts(READ_AT)
    later = READ_AT + timedelta(days=days)

    read(BREAK, NEARLY, STOP, at=later)

    assert counts(later + timedelta(days=waited)).revised == 1


@pytest.mark.parametrize(("days", "revised"), [(10, 1), (11, 0)])
def test_a_bar_that_comes_late_settles_a_slot_again_for_ten_days(days: int, revised: int) -> None:
    read(BREAK, STOP)
    counts(READ_AT)
    later = READ_AT + timedelta(days=days)

    read(BREAK, TARGET, STOP, at=later)

    assert counts(later).revised == revised


def test_a_trade_that_a_revision_opens_again_keeps_the_outcome_it_had() -> None:
    read(BREAK, TARGET)
    counts(READ_AT)
    later = READ_AT + timedelta(days=1)

    read(BREAK, NEARLY, at=later)

    assert counts(later) == counts_of(added=0, revised=0, unchanged=0, open_slots=1)
    assert latest()[0].outcome == "WIN"


def test_an_unfinished_trade_is_marked_at_the_end_of_its_session() -> None:
    read(BREAK, LAST, at=READ_AT + timedelta(hours=6))

    before = counts(from_minute(NINE + 479))
    after = counts(from_minute(NINE + 480))

    assert (before.open, after.added) == (1, 1)
    outcome, _ = latest()
    assert (outcome.outcome, outcome.resolved_at) == ("TIMEOUT", from_minute(NINE + 480))
    assert outcome.r_gross == pytest.approx(-0.2 / 1.2)
