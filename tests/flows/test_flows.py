"""The flows, run on a small simulated market."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flows.log_outcomes import log_outcomes
from flows.nightly_retrain import nightly_retrain
from flows.refresh_data import refresh_data
from flows.shadow_predict import shadow_predict
from ml_core.bars.checks.bad_rows import BatchRefusedError
from ml_core.features.audit import AuditReport, Leak, LookAheadError
from ml_core.learning.datasets.splits import TooFewSamplesError
from registry.ledger.ledger import Ledger
from registry.models.decisions import list_decisions
from tasks.data.sources import SourceSpec
from tasks.data.standing_sources import NoSourceError
from tasks.prediction import predict as prediction
from tasks.prediction.slots import latest_slot
from tasks.settings import current_settings, now
from tasks.training import train as training

pytestmark = pytest.mark.usefixtures("prefect_server")

# Wednesday 2024-11-20: not in the training data, with a whole day after it
WEDNESDAY_0905 = datetime(2024, 11, 19, 23, 5, tzinfo=UTC)


def files_of(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_refreshing_without_a_source_names_the_command_that_gives_one(home: Path) -> None:
    with pytest.raises(NoSourceError, match=r"orbcast ingest --market mgc .* --remember"):
        refresh_data("mgc")
    assert not (home / "lake").exists()


def test_refreshing_twice_adds_nothing(trained: Path) -> None:
    before = files_of(trained / "lake")
    brought = refresh_data("mgc", full=True)
    assert (brought.added, brought.revised, brought.new_batches) == (0, 0, 0)
    assert brought.bars > 300_000
    assert files_of(trained / "lake") == before


def test_a_refresh_in_the_past_sets_bars_of_the_future_aside(
    home: Path, simulated_database: Path
) -> None:

    spec = SourceSpec(
        kind="duckdb", paths=(str(simulated_database),), columns={"contract": "contract"}
    )
    with pytest.raises(BatchRefusedError, match="from_the_future"):
        refresh_data("mgc", source=spec, as_of=datetime(2024, 3, 15, tzinfo=UTC))
    status = current_settings().lake().status("MGC")
    assert status.last is not None
    assert status.last < datetime(2024, 3, 1, tzinfo=UTC)
    assert (home / "orbcast.sqlite").exists()


def test_retraining_makes_the_baseline_champion_and_the_model_challenger(trained: Path) -> None:
    models = current_settings().models()
    serving = models.serving("MGC", now())
    champion = models.find("MGC", "champion")
    challenger = models.find("MGC", "challenger")
    assert (champion.kind, challenger.kind) == ("baseline", "residual")
    assert serving.record == champion
    assert serving.fallback is None
    first = models.history("MGC", "champion")[0]
    assert (first.by, "baseline" in first.reason) == ("orbcast", True)
    report = (trained / "reports" / "MGC" / f"{challenger.version}.html").read_text("utf-8")
    assert challenger.version in report


def test_retraining_twice_changes_no_version_alias_or_decision(trained: Path) -> None:

    models = current_settings().models()
    before = (
        files_of(trained / "models"),
        models.versions("MGC"),
        models.history("MGC", "champion"),
        models.history("MGC", "challenger"),
        list_decisions(current_settings().database(), "MGC"),
    )
    result = nightly_retrain("mgc")
    after = (
        files_of(trained / "models"),
        models.versions("MGC"),
        models.history("MGC", "champion"),
        models.history("MGC", "challenger"),
        list_decisions(current_settings().database(), "MGC"),
    )
    assert after == before
    assert result.challenger == models.find("MGC", "challenger").version


def test_too_little_history_says_how_much_is_needed(trained: Path) -> None:

    before = files_of(trained / "models")
    with pytest.raises(TooFewSamplesError, match="at least"):
        nightly_retrain("mgc", to_day=datetime(2024, 2, 1, tzinfo=UTC).date(), refresh=False)
    assert files_of(trained / "models") == before


def test_a_feature_that_saw_the_future_stops_the_training(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leak = Leak("window_volume", "2024-05-02", "0900", "deleted", 1.0, 2.0)

    def leaking(*_: object, **__: object) -> AuditReport:
        return AuditReport(
            market="MGC", decisions=1, features=("window_volume",), never_seen=(), leaks=(leak,)
        )

    monkeypatch.setattr(training, "audit_lookahead", leaking)
    before = files_of(trained / "models")
    with pytest.raises(LookAheadError, match="window_volume"):
        nightly_retrain("mgc", refresh=False)
    assert files_of(trained / "models") == before


def test_a_replayed_prediction_is_logged_once_with_both_voices_and_every_feature(
    trained: Path,
) -> None:
    del trained
    first = shadow_predict("mgc", "0900", as_of=WEDNESDAY_0905)
    again = shadow_predict("mgc", "0900", as_of=WEDNESDAY_0905 + timedelta(minutes=40))
    assert first.slot == again.slot == "MGC:2024-11-20:0900"
    assert [entry.role for entry in first.entries] == ["champion", "challenger"]
    assert [entry.added for entry in again.entries] == [False, False]
    day = WEDNESDAY_0905.date() + timedelta(days=1)
    rows = Ledger(current_settings().database()).settled("MGC", first=day, last=day)
    assert len(rows) == 2
    champion = rows[0].prediction
    assert (champion.mode, champion.late, champion.status) == ("replay", False, "predicted")
    assert champion.p_up == champion.baseline_p_up
    assert len(champion.features) >= 60
    assert champion.outputs.after_training is False  # it learned from every day
    assert current_settings().ledger().verify_chain() == ()


def test_a_time_without_a_zone_is_the_market_s_own(trained: Path) -> None:
    del trained
    predicted = shadow_predict("mgc", as_of=datetime(2024, 11, 21, 10, 7))  # noqa: DTZ001 - the point
    assert predicted.slot == "MGC:2024-11-21:1000"


def test_a_holiday_is_answered_with_its_reason(trained: Path) -> None:
    del trained
    christmas = datetime(2023, 12, 25, 9, 6)  # noqa: DTZ001 - in the market's time zone
    predicted = shadow_predict("mgc", "0900", as_of=christmas)
    entry = predicted.entries[0]
    assert (entry.status, entry.reason) == ("abstained", "holiday")


def test_bars_that_stopped_coming_are_answered_as_stale(trained: Path) -> None:
    del trained
    predicted = shadow_predict("mgc", "0900", as_of=datetime(2024, 12, 11, 9, 6))  # noqa: DTZ001
    assert [entry.reason for entry in predicted.entries] == ["stale_data", "stale_data"]


def test_a_live_slot_long_past_is_recorded_as_missed_and_late(own: Path) -> None:
    del own  # a live row in the file's home would make all slots since then missed
    settings = current_settings()
    slot = latest_slot(settings.market("mgc"), datetime(2024, 11, 22, 0, 5, tzinfo=UTC), "1000")
    predicted = prediction.predict_slot.fn("mgc", slot, "live")
    assert [entry.reason for entry in predicted.entries] == ["missed", "missed"]
    assert all(entry.late for entry in predicted.entries)


def test_without_any_model_the_slot_is_still_answered(home: Path) -> None:
    predicted = shadow_predict("mgc", as_of=WEDNESDAY_0905)
    assert predicted.entries[0].reason == "no_model"
    assert (home / "orbcast.sqlite").exists()


def test_outcomes_are_logged_once_and_only_when_they_are_known(trained: Path) -> None:
    del trained
    ten_past_nine = datetime(2024, 11, 24, 23, 10, tzinfo=UTC)  # Monday in Brisbane
    shadow_predict("mgc", "0900", as_of=ten_past_nine)
    day = ten_past_nine.date() + timedelta(days=1)

    log_outcomes("mgc", as_of=ten_past_nine)
    ledger = current_settings().ledger()
    waiting = ledger.settled("MGC", first=day, last=day)
    assert [row.outcome for row in waiting] == [None, None]

    counts = log_outcomes("mgc")
    settled = ledger.settled("MGC", first=day, last=day)
    assert counts.added >= 1
    assert len(settled) == 2
    assert all(row.outcome is not None and row.revision == 0 for row in settled)
    assert log_outcomes("mgc").added == 0


def test_a_damaged_champion_is_replaced_by_another_and_the_reason_kept(trained: Path) -> None:
    models = current_settings().models()
    models.set_alias(
        "MGC",
        "champion",
        models.find("MGC", "challenger").version,
        at=datetime.now(UTC),
        by="test",
        reason="to be damaged",
    )
    broken = models.find("MGC", "champion").folder / "metrics.json"
    whole = broken.read_bytes()
    broken.write_bytes(whole + b" ")
    try:
        predicted = shadow_predict("mgc", "1100", as_of=datetime(2024, 11, 26, 11, 6))  # noqa: DTZ001
        champion, challenger = predicted.entries
        assert champion.model == "baseline"
        assert "metrics.json was changed" in (champion.fallback or "")
        assert challenger.reason == "model_unusable"
    finally:
        broken.write_bytes(whole)
        models.rollback("MGC", at=datetime.now(UTC), by="test", reason="mended")
    assert trained.exists()
