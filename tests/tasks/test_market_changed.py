"""A changed market file: what was made under the old one is not used under the new one."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ml_core.decision.abstain import OTHER_MARKET
from ml_core.decision.entry import PredictionEntry
from ml_core.decision.slot import Slot
from ml_core.market.definition import MarketDefinition
from registry.definitions.markets import definition_faults, definitions, remember_definition
from registry.errors import UnusableVersionError
from tasks.data.market_definition import note_definitions
from tasks.health.market_overview import market_overview_of
from tasks.health.parity import audit_parity
from tasks.prediction.missed import unanswered_entries
from tasks.prediction.outcomes.settling import settle
from tasks.prediction.predict import decided_entries
from tasks.prediction.slots import latest_slot
from tasks.settings import current_settings, now
from tests.tasks.live_market import RECIPES, START, LiveMarket
from tests.tasks.test_settling import BEFORE, BREAK, NINE, READ_AT, TARGET, WINDOW, batch, row

AT = datetime(2024, 11, 28, 23, 30, tzinfo=UTC)
COSTS = ("slippage_ticks_per_side = 1", "slippage_ticks_per_side = 0")
LONGER = ("minutes = 5", "minutes = 15")


def edit(*changes: tuple[str, str]) -> None:
    """Write the home's own market file: the shipped one with changed lines."""
    settings = current_settings()
    text = (settings.markets_dir / "mgc.toml").read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    settings.own_markets_dir.mkdir(parents=True, exist_ok=True)
    (settings.own_markets_dir / "mgc.toml").write_text(text, encoding="utf-8")


def slot_now() -> Slot:
    return latest_slot(current_settings().market("mgc"), AT, "0900")


def champion_entry() -> PredictionEntry:
    settings = current_settings()
    slot = slot_now()
    return decided_entries(
        settings, settings.market("mgc"), slot, slot.decision + timedelta(seconds=2), "live"
    )[0]


def forget_definitions(home: Path) -> None:
    """Return a home to its state before definitions were recorded."""
    with closing(sqlite3.connect(home / "orbcast.sqlite")) as database, database:
        database.execute("DELETE FROM market_definitions")
        for table in ("model_versions", "evaluations", "trials"):
            database.execute(f"UPDATE {table} SET market_hash = ''")  # noqa: S608 - own names


def test_a_version_does_not_answer_on_another_definition_and_does_again_once_it_is_put_back(
    own: Path,
) -> None:
    del own
    before = champion_entry()
    assert before.reason is None
    assert before.market_hash == MarketDefinition.of(current_settings().market("mgc")).hash

    edit(COSTS)
    after = champion_entry()
    assert (after.status, after.reason) == ("abstained", OTHER_MARKET)
    detail = after.outputs.detail or ""
    assert "instrument.slippage_ticks_per_side was 1.0, is 0.0" in detail
    assert after.market_hash == MarketDefinition.of(current_settings().market("mgc")).hash
    trouble = market_overview_of(current_settings(), "mgc", AT).trouble
    assert trouble is not None
    assert "another market definition" in trouble

    edit(("Micro Gold (COMEX)", "Gold, micro"), ("spike_ticks = 500", "spike_ticks = 400"))
    again = champion_entry()
    assert (again.version, again.p_up) == (before.version, before.p_up)


def test_a_version_of_another_definition_is_not_made_champion(own: Path) -> None:
    del own
    models = current_settings().models()
    edit(COSTS)
    model = next(record for record in models.versions("MGC") if record.kind != "baseline")
    with pytest.raises(UnusableVersionError, match="another market definition"):
        models.set_alias("MGC", "champion", model.version, at=now(), by="ana", reason="best")


@pytest.mark.slow
def test_a_retrain_on_another_definition_opens_a_new_series_and_says_so(own: Path) -> None:
    from flows.nightly_retrain import nightly_retrain  # noqa: PLC0415 - Prefect

    del own
    old = current_settings().models().find("MGC", "champion")
    edit(COSTS)

    result = nightly_retrain("mgc", refresh=False)

    settings = current_settings()
    champion = settings.models().find("MGC", "champion")
    assert champion.version != old.version
    assert champion.kind == "baseline"
    assert champion.market_hash == MarketDefinition.of(settings.market("mgc")).hash
    assert any("a new series" in reason and "slippage" in reason for reason in result.reasons)
    assert champion_entry().reason is None
    assert len(definitions(settings.database(), "MGC")) == 2
    assert definition_faults(settings.database()) == ()


def test_a_home_of_before_is_used_and_taken_to_be_of_the_first_definition(own: Path) -> None:
    forget_definitions(own)
    before = champion_entry()
    assert before.reason is None

    settings = current_settings()
    note_definitions(settings, AT)
    edit(LONGER)
    note_definitions(settings, AT)  # what is noted stays

    assert champion_entry().reason == OTHER_MARKET


def test_a_row_that_names_another_definition_than_the_version_s_files_is_a_fault(
    own: Path,
) -> None:
    settings = current_settings()
    edit(COSTS)
    present = MarketDefinition.of(settings.market("mgc"))
    remember_definition(settings.database(), present, AT)
    with closing(sqlite3.connect(own / "orbcast.sqlite")) as database, database:
        database.execute("UPDATE model_versions SET market_hash = ?", (present.hash,))

    models = settings.models()
    for record in models.versions("MGC"):
        assert "another market definition" in " ".join(models.faults(record))


def test_a_definition_that_was_edited_or_removed_is_a_fault(own: Path) -> None:
    settings = current_settings()
    with closing(sqlite3.connect(own / "orbcast.sqlite")) as database, database:
        text = database.execute("SELECT definition FROM market_definitions").fetchone()[0]
        changed = text.replace('"minutes":5', '"minutes":6')
        database.execute("UPDATE market_definitions SET definition = ?", (changed,))
    assert [fault.rpartition(" ")[2] for fault in definition_faults(settings.database())] == [
        "edited"
    ]
    with closing(sqlite3.connect(own / "orbcast.sqlite")) as database, database:
        database.execute("DELETE FROM market_definitions")
    faults = definition_faults(settings.database())
    assert any(fault.startswith("versions of MGC name the market definition") for fault in faults)


def record_missed(slot: Slot) -> None:
    settings = current_settings()
    market = settings.market("mgc")
    remember_definition(settings.database(), MarketDefinition.of(market), slot.decision)
    settings.ledger().record(unanswered_entries(settings, market, {slot: "missed"}, slot.decision))


@pytest.mark.parametrize("of_before", [False, True], ids=["with its hash", "of before"])
def test_a_slot_is_settled_on_the_definition_that_it_was_predicted_on(
    home: Path, *, of_before: bool
) -> None:
    settings = current_settings()
    day = date(2024, 1, 16)
    slot = latest_slot(settings.market("mgc"), READ_AT, "0900")
    assert slot.trading_day == day
    record_missed(slot)
    if of_before:
        ledger_of_before(home)
    # until 09:15 the range reaches 2001.3 and never breaks; until 09:05 it broke at 2001.2
    rows = [BEFORE, *WINDOW, BREAK, TARGET, row(NINE + 479, 2001.0, 2001.0, 2001.0, 2001.0)]
    settings.lake().ingest([batch(rows, "bars")], settings.market("mgc"), READ_AT)
    edit(LONGER)

    settle.fn("mgc", NINE_DONE)

    (settled,) = current_settings().ledger().settled("MGC")
    assert settled.outcome is not None
    assert (settled.outcome.direction, settled.outcome.entry) == ("UP", 2001.2)
    assert settled.outcome.market_hash == settled.prediction.market_hash
    assert current_settings().ledger().verify().faults == ()


NINE_DONE = datetime(2024, 1, 16, 12, 0, tzinfo=UTC)


def ledger_of_before(home: Path) -> None:
    """Rewrite the only row in the form from before rows named a definition."""
    from dataclasses import replace  # noqa: PLC0415 - one use

    (settled,) = current_settings().ledger().settled("MGC")
    with closing(sqlite3.connect(home / "orbcast.sqlite")) as database, database:
        database.execute("DELETE FROM predictions")
    (home / "ledger-heads.jsonl").unlink()
    current_settings().ledger().record([replace(settled.prediction, market_hash="")])


def test_features_logged_on_another_definition_are_not_held_against_this_one(own: Path) -> None:
    del own
    settings = current_settings()
    before = champion_entry()
    remember_definition(settings.database(), MarketDefinition.of(settings.market("mgc")), AT)
    settings.ledger().record([before])
    assert compared(before.trading_day) == 1
    edit(LONGER)
    assert compared(before.trading_day) == 0


def compared(day: date) -> int:
    return audit_parity.fn("mgc", day, day, AT).compared


@pytest.mark.parametrize("other", [{"market_hash": "another"}, {"market_hash": ""}], ids=str)
def test_a_study_counts_on_its_own_definition_only(
    market: LiveMarket, other: dict[str, Any]
) -> None:
    from tasks.training.studies_on_record import study_that_counts  # noqa: PLC0415 - one use

    recipe, at = RECIPES["skilled"].hash, START + timedelta(hours=2)
    assert study_that_counts(market.settings, "MGC", recipe, at) is not None
    market.study(START + timedelta(hours=1), "of another market", **other)
    counts = study_that_counts(market.settings, "MGC", recipe, at)
    assert counts is not None
    assert counts.study_hash == "study"
