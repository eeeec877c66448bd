"""Parity: logged features are recomputed bit for bit, and a changed bar is named."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from flows.audit import audit
from ml_core.bars.contract import RawBatch
from ml_core.json_values import json_values
from ml_core.market.schedule import to_minute
from registry.database import open_database
from registry.health.parity import latest_parity
from tasks.health.parity import audit_parity
from tasks.prediction import predict as prediction
from tasks.prediction.slots import latest_slot
from tasks.settings import current_settings, now
from tests.ml_core.bars.lake.test_lake import Row, batch

THURSDAY_0905 = datetime(2024, 11, 20, 23, 5, 4, tzinfo=UTC)
DAY = THURSDAY_0905.date()


@pytest.fixture
def logged(own: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Record a live prediction, made after its bars arrived, like every real one."""
    del own
    monkeypatch.setenv("ORBCAST_MISSED_AFTER_MINUTES", "100000000")
    with open_database(current_settings().url).session() as session:
        session.execute(text("DELETE FROM predictions"))
    slot = latest_slot(current_settings().market("mgc"), THURSDAY_0905)
    predicted = prediction.predict_slot.fn("mgc", slot, "live")
    assert predicted.entries[0].status == "predicted"


def audited() -> dict[str, object]:
    report = audit_parity.fn("mgc", DAY, DAY + timedelta(days=1), now())
    return json_values(report)


def changed_bar(*, minutes_before: int, close: float) -> RawBatch:
    """Return a bar of the busiest contract, minutes before the decision, with another close."""
    settings = current_settings()
    at = to_minute(THURSDAY_0905.replace(second=0)) - minutes_before
    rows = settings.lake().stored(settings.market("mgc"), at, at + 1).to_pylist()
    row = max(rows, key=lambda candidate: candidate["volume"])
    price = row["close"] + close
    bar: Row = (
        row["contract"],
        at,
        row["open"],
        max(row["high"], price),
        min(row["low"], price),
        price,
        row["volume"],
    )
    return batch([bar], name="revision")


@pytest.mark.usefixtures("logged")
def test_logged_features_are_computed_again_to_the_bit() -> None:
    report = audited()
    assert report["same"] == report["compared"]
    kept = latest_parity(current_settings().database(), "MGC")
    assert kept is not None
    assert kept.unexplained == 0
    assert kept.compared == report["compared"]


@pytest.mark.usefixtures("logged")
def test_a_revised_bar_is_named_as_the_cause() -> None:
    settings = current_settings()
    settings.lake().ingest(
        [changed_bar(minutes_before=1, close=0.5)], settings.market("mgc"), now()
    )
    report = audited()
    assert report["bars"] == report["compared"]
    assert report["unexplained"] == 0
    differing = json.dumps(report["differing"])
    assert "2024-11-20 23:04 UTC was revised" in differing
    assert "close_position" in differing


@pytest.mark.usefixtures("logged")
def test_a_feature_that_nothing_accounts_for_is_a_fault_even_beside_a_revised_bar() -> None:
    with open_database(current_settings().url).session() as session:
        session.execute(
            text("UPDATE predictions SET features = replace(features, :a, :b)"),
            {"a": '"range_size_basis_points":', "b": '"range_size_basis_points":1'},
        )
    settings = current_settings()
    settings.lake().ingest(
        [changed_bar(minutes_before=1, close=0.5)], settings.market("mgc"), now()
    )
    report = audited()
    assert report["unexplained"] == report["compared"]


@pytest.mark.usefixtures("logged", "prefect_server")
def test_the_flow_audits_both_and_running_it_twice_keeps_one_report() -> None:
    for _ in range(2):
        result = audit("mgc", DAY, DAY + timedelta(days=1))
    assert result.lookahead.clean
    assert result.parity.same == result.parity.compared > 0
    with open_database(current_settings().url).session() as session:
        assert session.execute(text("SELECT count(*) FROM parity_reports")).scalar() == 1
