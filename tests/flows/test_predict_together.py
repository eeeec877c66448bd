"""Two markets whose ranges close together: each has its row, whatever happens to the other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from flows.for_each_market import for_each_market
from flows.predict_together import predict_together
from ml_core.bars.contract import SourceError
from registry.notices import notices
from tasks.data.sources import SourceSpec
from tasks.data.standing_sources import remember_source
from tasks.notices.market_faults import MarketsFailedError
from tasks.prediction import await_bars
from tasks.prediction import predict_together as together
from tasks.settings import current_settings

T0 = datetime(2024, 11, 28, 23, 5, tzinfo=UTC)  # Friday, 09:05 in Brisbane
RANGES = {"mgc": ["0900"], "gcx": ["0900"]}

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture
def two_markets(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trained MGC, and another market with its hours, without bars or a model."""
    (own / "markets").mkdir()
    text = (Path("deployments") / "markets" / "mgc.toml").read_text("utf-8")
    other = text.replace('symbol = "MGC"', 'symbol = "GCX"').replace("MGC[", "GCX[")
    (own / "markets" / "gcx.toml").write_text(other, "utf-8")
    settings = current_settings()
    spec = SourceSpec(kind="csv", paths=(str(own / "nowhere.csv"),))
    remember_source(settings.sources_file, "gcx", spec)
    monkeypatch.setenv("ORBCAST_WAIT_FOR_BARS_SECONDS", "1")
    monkeypatch.setattr(await_bars, "SHORT_SECONDS", 0.3)
    for name in (
        "flows.predict_together.own_time",
        "tasks.prediction.await_bars.now",
        "tasks.prediction.predict._made_at",
    ):
        monkeypatch.setattr(name, lambda: T0 + timedelta(seconds=2))


def rows() -> dict[str, str | None]:
    """Return the champion's status or reason of each market's slot in the ledger."""
    settings = current_settings()
    slots, _ = together.slots_of(settings, RANGES, T0 + timedelta(seconds=2))
    ledger = settings.ledger()
    return {
        of.market: entry.reason or entry.status
        for of in slots
        for entry in ledger.of_slot(
            of.slot.symbol, of.slot.trading_day, of.slot.opening_range, "live"
        )
        if entry.role == "champion"
    }


@pytest.mark.usefixtures("two_markets")
def test_one_market_has_its_row_while_the_other_s_source_hangs_and_a_rerun_adds_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    released = Event()

    def hangs(_: Any, market: Any, *__: Any, **___: Any) -> None:
        if market.symbol == "GCX":
            released.wait()
        raise SourceError("x.csv", "it is empty", "write it")

    monkeypatch.setattr("tasks.data.ingest.take_in", hangs)

    result = predict_together(RANGES)

    released.set()
    assert rows() == {"mgc": "predicted", "gcx": "no_model"}
    assert result.verdict == "2 of 2 ranges are in the ledger"
    assert {one.slot.partition(":")[0] for one in result.slots} == {"MGC", "GCX"}
    subjects = {kept.notice.subject for kept in notices(current_settings().database())}
    assert "GCX: the source could not be read for 0900" in subjects
    again = predict_together(RANGES)
    assert not any(entry.added for one in again.slots for entry in one.entries)


@pytest.mark.usefixtures("two_markets")
def test_a_market_that_fails_costs_the_other_nothing_and_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    predict = together.predict_slot.fn

    def fails(market: str, *rest: Any) -> Any:
        if market == "mgc":
            raise KeyError("close")
        return predict(market, *rest)

    monkeypatch.setattr(together.predict_slot, "fn", fails)
    with pytest.raises(MarketsFailedError, match="MGC 0900: KeyError: 'close'"):
        predict_together(RANGES)
    assert rows() == {"gcx": "no_model"}
    recorded = [kept.notice for kept in notices(current_settings().database())]
    (failed,) = [notice for notice in recorded if "shadow-predict failed" in notice.subject]
    assert (failed.market, failed.subject) == ("MGC", "MGC: shadow-predict failed")
    assert "orbcast run shadow-predict --market mgc --param opening_range=0900" in failed.body


@pytest.mark.usefixtures("two_markets")
def test_light_flows_go_on_to_the_next_market_after_one_that_fails() -> None:
    with pytest.raises(MarketsFailedError, match="GCX: SourceError: "):
        for_each_market("refresh-data", ["gcx", "mgc"])
    (failed,) = [
        kept.notice
        for kept in notices(current_settings().database())
        if "refresh-data failed" in kept.notice.subject
    ]
    assert failed.market == "GCX"
    done = for_each_market("watch-feed", ["gcx", "mgc"])
    assert done.verdict == "watch-feed is done for 2 of 2 markets"
