"""The wait for bars ends when they arrive or at the deadline, on any clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_core.bars.sources.duckdb_file import DatabaseLockedError
from ml_core.decision.entry import PredictionEntry
from ml_core.decision.slot import Slot
from tasks.data import ingest
from tasks.data.freshness import is_awaited
from tasks.data.sources import SourceSpec
from tasks.data.standing_sources import remember_source
from tasks.prediction import await_bars as arrival
from tasks.prediction.await_bars import LONGEST_PAUSE, await_bars, pauses
from tasks.prediction.missed import unanswered_entries
from tasks.prediction.predict import decided_entries
from tasks.prediction.slot_bars import Arrival, read_bars
from tasks.prediction.slots import latest_slot
from tasks.settings import current_settings
from tests.tasks.unread_version import unread_version

# Wednesday 2024-11-20 at 09:05 in Brisbane; the day before, G5 is the contract most traded
T0 = datetime(2024, 11, 19, 23, 5, tzinfo=UTC)
FRONT, BACK = "MGCG5", "MGCJ5"


class Source:
    """A trader's database that grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with duckdb.connect(str(path)) as writer:
            writer.execute(
                "CREATE TABLE bars_1m(ts_utc TIMESTAMP, symbol TEXT, contract TEXT, open DOUBLE,"
                " high DOUBLE, low DOUBLE, close DOUBLE, volume BIGINT)"
            )

    def adds(self, moment: datetime, contract: str = FRONT, volume: int = 10) -> None:
        """Write one bar."""
        with duckdb.connect(str(self._path)) as writer:
            writer.execute(
                "INSERT INTO bars_1m VALUES (?, 'MGC', ?, 2600, 2601, 2599, 2600.5, ?)",
                [moment.replace(tzinfo=None), contract, volume],
            )


class Clock:
    """A clock moved only by sleeping, if at all; scheduled actions happen at their time."""

    def __init__(self, at: datetime, *, stopped: bool = False) -> None:
        self.at, self.stopped, self.slept = at, stopped, list[float]()
        self.due: dict[int, Callable[[], None]] = {}

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if not self.stopped:
            self.at += timedelta(seconds=seconds)
        happens = self.due.get(len(self.slept))
        if happens:
            happens()


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Source:
    """A standing source that ends with the window's fourth minute."""
    monkeypatch.setenv("ORBCAST_HOME", str(tmp_path / "home"))
    made = Source(tmp_path / "trader.duckdb")
    for contract, volume in ((FRONT, 100), (BACK, 3)):
        made.adds(T0 - timedelta(hours=12), contract, volume)
    for minutes in (5, 4, 3, 2):
        made.adds(T0 - timedelta(minutes=minutes))
    spec = SourceSpec(
        kind="duckdb", paths=(str(tmp_path / "trader.duckdb"),), columns={"contract": "contract"}
    )
    remember_source(current_settings().sources_file, "mgc", spec)
    return made


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    simulated = Clock(T0 + timedelta(seconds=2))
    monkeypatch.setattr(arrival, "now", simulated.now)
    monkeypatch.setattr(arrival, "sleep", simulated.sleep)
    return simulated


def slot() -> Slot:
    return latest_slot(current_settings().market("mgc"), T0, "0900")


def awaited_bars() -> Arrival:
    return await_bars.fn("mgc", slot())


def still_awaited() -> bool:
    settings, requested = current_settings(), slot()
    market = settings.market("mgc")
    ingest.read_source("mgc", None, T0 + timedelta(hours=1), full=False)
    return is_awaited(settings, market, requested, read_bars(settings, market, requested))


@pytest.mark.usefixtures("source")
def test_a_window_whose_last_minute_has_no_bar_yet_is_awaited() -> None:
    assert still_awaited()


def test_the_bar_of_the_last_minute_of_the_traded_contract_ends_it(source: Source) -> None:
    source.adds(T0 - timedelta(minutes=1))
    assert not still_awaited()


def test_another_contract_s_bar_of_that_minute_proves_nothing(source: Source) -> None:
    source.adds(T0 - timedelta(minutes=1), BACK)
    assert still_awaited()


def test_after_a_week_without_bars_any_contract_s_bar_ends_it(source: Source) -> None:
    settings = current_settings()
    market = settings.market("mgc")
    later = latest_slot(market, T0 + timedelta(days=14), "0900")
    source.adds(later.decision - timedelta(minutes=1), BACK)
    ingest.read_source("mgc", None, later.decision, full=False)
    assert not is_awaited(settings, market, later, read_bars(settings, market, later))


@pytest.mark.parametrize("contract", [FRONT, BACK])
def test_any_later_bar_proves_that_the_last_minute_had_no_trade(
    source: Source, contract: str
) -> None:
    source.adds(T0 + timedelta(minutes=2), contract)
    assert not still_awaited()


@pytest.mark.usefixtures("source")
def test_nothing_is_awaited_where_the_exchange_is_closed() -> None:
    settings = current_settings()
    market = settings.market("mgc")
    christmas = latest_slot(market, datetime(2024, 12, 24, 23, 5, tzinfo=UTC), "0900")
    assert christmas.trading_day == date(2024, 12, 25)
    assert not is_awaited(settings, market, christmas, read_bars(settings, market, christmas))


def test_bars_that_come_in_time_are_not_waited_for_longer(source: Source, clock: Clock) -> None:
    clock.due[2] = lambda: source.adds(T0 - timedelta(minutes=1))
    assert awaited_bars() == Arrival(present=True, tries=3)
    assert clock.slept == [1.0, 2.0]


@pytest.mark.usefixtures("source")
def test_waiting_ends_at_the_deadline_counted_from_the_decision(clock: Clock) -> None:
    clock.at = T0 + timedelta(seconds=280)
    assert awaited_bars() == Arrival(present=False, tries=6)
    assert clock.at == T0 + timedelta(seconds=300)


@pytest.mark.usefixtures("source")
def test_waiting_ends_on_a_stopped_clock(clock: Clock) -> None:
    clock.stopped = True
    result = awaited_bars()
    assert not result.present
    assert sum(clock.slept) == pytest.approx(298)
    assert result.tries == len(clock.slept) + 1


@pytest.mark.usefixtures("source")
def test_waiting_ends_early_on_a_clock_that_leaps(clock: Clock) -> None:
    clock.due[1] = lambda: setattr(clock, "at", T0 + timedelta(hours=3))
    assert awaited_bars().tries == 2


@pytest.mark.usefixtures("source")
def test_past_the_deadline_the_source_is_read_once(clock: Clock) -> None:
    clock.at = T0 + timedelta(minutes=20)
    assert awaited_bars() == Arrival(present=False, tries=1)
    assert clock.slept == []


@pytest.mark.usefixtures("source")
def test_a_slot_that_was_answered_is_not_waited_for(clock: Clock) -> None:
    settings = current_settings()
    entries: list[PredictionEntry] = unanswered_entries(
        settings, settings.market("mgc"), {slot(): "missed"}, T0 + timedelta(hours=2)
    )
    settings.ledger().record(entries)
    assert awaited_bars().tries == 1
    assert clock.slept == []


def test_a_locked_source_is_tried_again_and_forgotten_once_it_is_read(
    source: Source, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.adds(T0 - timedelta(minutes=1))
    read, locked = ingest.read_source, [True, True]

    def sometimes(*given: object, **named: object) -> object:
        if locked and locked.pop():
            raise DatabaseLockedError("trader.duckdb")
        return read(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(arrival, "read_source", sometimes)
    assert awaited_bars() == Arrival(present=True, tries=3)
    assert clock.slept == [1.0, 2.0]


@pytest.mark.usefixtures("source")
def test_a_source_that_stays_locked_is_named_in_a_notice(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: object, **__: object) -> object:
        raise DatabaseLockedError("trader.duckdb")

    notified: list[tuple[object, ...]] = []
    monkeypatch.setattr(arrival, "read_source", locked)
    monkeypatch.setattr(arrival, "notify", lambda *words: notified.append(words))
    result = awaited_bars()
    assert not result.present
    assert "trader.duckdb is open for writing in another program" in str(result.trouble)
    assert len(notified) == 1
    assert clock.at == T0 + timedelta(seconds=300)


@pytest.mark.usefixtures("source")
def test_a_window_still_awaited_is_answered_as_stale_data_not_from_its_first_minutes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings, requested = current_settings(), slot()
    ingest.read_source("mgc", None, T0, full=False)
    (entry,) = decided_entries(
        settings, settings.market("mgc"), requested, T0 + timedelta(minutes=5), "live"
    )
    assert entry.reason == "no_model"
    monkeypatch.setattr(
        "tasks.prediction.slot_context.versions_for", lambda *_: (unread_version(),)
    )
    (entry,) = decided_entries(
        settings, settings.market("mgc"), requested, T0 + timedelta(minutes=5), "live"
    )
    assert (entry.status, entry.reason, entry.late) == ("abstained", "stale_data", True)


@given(seconds=st.floats(-10, 4000, allow_nan=False))
def test_pauses_fill_the_time_there_is_and_no_more(seconds: float) -> None:
    lengths = pauses(seconds)
    assert sum(lengths) == pytest.approx(max(seconds, 0.0))
    assert all(0 < length <= LONGEST_PAUSE for length in lengths)
    assert list(lengths[:-1]) == sorted(lengths[:-1])
