"""The record: every slot that the calendar expects has a row, and every change is named."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from alembic import command
from sqlalchemy import text
from typer.testing import CliRunner

from deployments.cli.app import app
from ml_core.bars.continuous import join
from ml_core.files import sha256_of
from ml_core.market.schedule import build_schedule
from registry.database import open_database
from registry.notices import notices
from registry.schema import migrations_of
from registry.studies.evaluations import EvaluationRecord, record_evaluation
from tasks.health.sealing import seal_weekly
from tasks.prediction import predict as prediction
from tasks.prediction.missed import fill_missed, unanswered
from tasks.prediction.predict import decided_entries
from tasks.prediction.slots import latest_slot, slots_between
from tasks.rollout.facts import verified_record
from tasks.settings import _opened, current_settings

WEDNESDAY_0905 = datetime(2024, 11, 19, 23, 5, 4, tzinfo=UTC)


def predict_live(monkeypatch: pytest.MonkeyPatch, at: datetime) -> None:
    monkeypatch.setattr(prediction, "_made_at", lambda: at)
    slot = latest_slot(current_settings().market("mgc"), at)
    prediction.predict_slot.fn("mgc", slot, "live")


def verify(*options: str) -> tuple[int, dict[str, object]]:
    result = CliRunner().invoke(app, ["verify", "--json", *options])
    return result.exit_code, json.loads(result.stdout) if result.stdout else {}


@pytest.mark.usefixtures("own")
def test_before_the_first_live_answer_nothing_was_missed() -> None:
    assert current_settings().ledger().settled("MGC", mode="live") == ()
    assert fill_missed.fn("mgc", datetime(2024, 11, 29, tzinfo=UTC)) == 0
    assert current_settings().ledger().settled("MGC", mode="live") == ()


@pytest.mark.usefixtures("own")
def test_slots_expected_by_the_calendar_equal_rows_present(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    predict_live(monkeypatch, WEDNESDAY_0905)
    monday = datetime(2024, 12, 1, 23, 30, tzinfo=UTC)
    absent = unanswered(current_settings(), "mgc", monday)
    assert fill_missed.fn("mgc", monday) == len(absent) > 0
    assert fill_missed.fn("mgc", monday) == 0
    rows = [row.prediction for row in current_settings().ledger().settled("MGC", mode="live")]
    champion = [entry for entry in rows if entry.role == "champion"]
    # eight weekdays of six ranges, none missing: Wednesday 20th to Friday 29th
    assert len(champion) == 8 * 6
    assert champion[0].status == "predicted"
    # Thanksgiving's too: all six ranges are over when trading ends at 13:00 in New York
    assert [(entry.reason, entry.late) for entry in champion[1:]] == [("missed", True)] * (
        8 * 6 - 1
    )
    assert current_settings().ledger().verify_chain() == ()


@pytest.mark.slow
@pytest.mark.usefixtures("own")
def test_years_unanswered_are_filled_at_once_holidays_as_holidays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    predict_live(monkeypatch, WEDNESDAY_0905)
    added = fill_missed.fn("mgc", datetime(2025, 12, 31, tzinfo=UTC))
    rows = [row.prediction for row in current_settings().ledger().settled("MGC", mode="live")]
    champion = [entry for entry in rows if entry.role == "champion"]
    assert len(champion) == added + 1 > 1700
    christmas = {entry.reason for entry in champion if entry.trading_day == date(2024, 12, 25)}
    assert christmas == {"holiday"}


@pytest.mark.usefixtures("own")
def test_a_slot_within_its_deadline_is_not_missed_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    predict_live(monkeypatch, WEDNESDAY_0905)
    before = datetime(2024, 11, 20, 0, 50, tzinfo=UTC)  # 10:00 closed at 00:05, an hour is given
    assert fill_missed.fn("mgc", before) == 0
    assert fill_missed.fn("mgc", datetime(2024, 11, 20, 1, 6, tzinfo=UTC)) == 1


def test_a_whole_record_is_verified_and_every_kind_of_damage_is_named(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict_live(monkeypatch, datetime(2024, 11, 20, 23, 5, 4, tzinfo=UTC))
    status, report = verify()
    assert (status, report["faults"]) == (0, [])
    head = str(report["head"])
    assert verify("--head", head[:16])[0] == 0

    card = next((own / "models" / "MGC" / "baseline").iterdir()) / "model_card.md"
    whole = card.read_bytes()
    card.write_bytes(b"x")
    status, report = verify()
    assert status == 1
    assert "model_card.md was changed" in str(report["faults"])
    card.write_bytes(whole)

    database = open_database(current_settings().url)
    with database.session() as session:
        session.execute(
            text("DELETE FROM predictions WHERE id = (SELECT max(id) FROM predictions)")
        )
    status, report = verify("--head", head)  # intact by itself: the head was noted elsewhere
    assert status == 1
    cut, gone_from_end = report["faults"]
    assert "1 predictions recorded" in cut
    assert "rows are missing from its end" in gone_from_end
    assert verify("--accept-restored", "--by", "ann")[0] == 2
    signed = ("--accept-restored", "--by", "ann", "--reason", "last week's backup")
    status, report = verify(*signed)
    assert (status, report["faults"]) == (0, [])
    assert "1 predictions" in str(report["accepted_gaps"])
    assert "accepted by ann" in CliRunner().invoke(app, ["verify"]).stdout
    assert verify(*signed)[0] == 2  # nothing else is missing
    for wrong in (("--head", "%"), ("--by", "ann")):
        assert verify(*wrong)[0] == 2

    (own / "orbcast.sqlite").write_bytes(b"not a database at all" * 100)
    database.close()
    current_settings().database().close()
    fresh = own.parent / "fresh"
    fresh.mkdir()
    (fresh / "orbcast.sqlite").write_bytes(b"not a database at all" * 100)
    monkeypatch.setenv("ORBCAST_HOME", str(fresh))
    assert verify()[0] == 2


@pytest.mark.usefixtures("own")
def test_a_slot_is_explained_from_its_row_and_an_unknown_one_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    predict_live(monkeypatch, datetime(2024, 11, 20, 23, 5, 4, tzinfo=UTC))
    result = CliRunner().invoke(app, ["explain", "mgc:2024-11-21:0900"])
    assert result.exit_code == 0, result.stderr
    assert "champion (live)" in result.stdout
    assert "worth taking" in result.stdout
    for slot, words in (
        ("MGC:2019-01-02:0900", "no prediction in the ledger"),
        ("yesterday", "is not a slot"),
        ("MGC:soon:0900", "no readable day"),
    ):
        refused = CliRunner().invoke(app, ["explain", slot])
        assert refused.exit_code == 2
        assert words in refused.stderr


@pytest.mark.usefixtures("own")
def test_on_roll_days_half_days_and_after_clocks_change_each_slot_has_one_answer() -> None:
    settings = current_settings()
    market = settings.market("mgc")
    bars = settings.lake().read(market)
    tape = join(bars, build_schedule(market, date(2024, 1, 2), date(2024, 11, 29)), market.roll)
    rolled = tape.schedule.days[tape.day[np.flatnonzero(tape.rolled)]].tolist()
    assert rolled
    half_day, changed = date(2024, 7, 4), [date(2024, 3, 11), date(2024, 4, 1), date(2024, 11, 4)]
    ledger = settings.ledger()
    for day in sorted({rolled[-1], half_day, *changed}):
        slots = slots_between(market, day, day)
        for slot in slots:
            ledger.record(
                decided_entries(
                    settings, market, slot, slot.decision + timedelta(seconds=3), "live"
                )
            )
        rows = [e.prediction for e in ledger.settled("MGC", first=day, last=day, mode="live")]
        champion = [entry for entry in rows if entry.role == "champion"]
        assert [entry.opening_range for entry in champion] == [
            expected.opening_range for expected in slots
        ]
        assert [entry.decision_time for entry in champion] == [
            expected.decision for expected in slots
        ]
        assert not any(entry.late for entry in champion)
        # the half day's last range too: it is over before trading ends at 13:00 in New York
        assert {entry.reason or entry.status for entry in champion} == {"predicted"}
    assert ledger.verify_chain() == ()


@pytest.mark.usefixtures("own")
def test_a_champion_written_into_the_database_is_named_by_table_and_row() -> None:
    settings = current_settings()
    status, report = verify()
    assert (status, report["faults"], report["chained_as_they_stood"]) == (0, [], [])
    chains: Any = report["chains"]
    head, number = chains["aliases"]["head"], chains["aliases"]["rows"] + 1
    assert verify("--head", head[:16])[0] == 0
    printed = CliRunner().invoke(app, ["verify"]).stdout
    assert f"head of aliases {head}" in printed
    assert "as they were written" in printed

    with settings.database().session() as session:
        session.execute(
            text(
                "INSERT INTO aliases (market, alias, version, at, by, reason) VALUES "
                "('MGC', 'champion', 'forged', '2024-11-21 00:00:00.000000', 'ann', 'better')"
            )
        )

    status, report = verify()
    assert status == 1
    assert all(f"aliases row {number} (MGC:champion)" in str(it) for it in report["faults"])  # type: ignore[attr-defined]


def test_a_home_of_before_the_tables_were_chained_is_verified_and_says_since_when(
    own: Path,
) -> None:
    settings = current_settings()
    command.downgrade(migrations_of(settings.database().engine), "0008")
    settings.database().close()
    _opened.cache_clear()
    checkpoints = own / "ledger-heads.jsonl"
    lines = checkpoints.read_text("utf-8").splitlines(keepends=True)
    ledger = [line for line in lines if json.loads(line)["chain"] in {"predictions", "outcomes"}]
    checkpoints.write_text("".join(ledger), "utf-8")

    status, report = verify()

    assert (status, report["faults"]) == (0, [])
    stood: Any = report["chained_as_they_stood"]
    assert {"aliases", "model_versions", "recipes"} <= {begun["table"] for begun in stood}
    printed = CliRunner().invoke(app, ["verify"]).stdout
    assert "chained as they were: " in printed


def study_on_record(home: Path, name: str, market: str = "NQ") -> Path:
    """Record a study with one file, for a market without versions; return the file."""
    path = home / "studies" / market / name / "evaluation.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"study": name}), "utf-8")
    recipe = current_settings().recipe("residual-mirrored")
    record_evaluation(
        current_settings().database(),
        EvaluationRecord(
            market=market,
            recipe=recipe.name,
            recipe_hash=recipe.hash,
            study_hash=name,
            settings={},
            data_fingerprint="bars",
            verdict="no lift",
            figures={},
            files={str(path.relative_to(home)): sha256_of(path)},
            at=datetime(2024, 11, 20, tzinfo=UTC),
        ),
        recipe,
    )
    return path


def test_a_study_s_file_that_is_edited_exchanged_or_gone_is_named_before_any_training(
    home: Path,
) -> None:
    one, other = (study_on_record(home, name) for name in ("a" * 64, "b" * 64))
    assert verify() == (0, {**verify()[1], "faults": []})
    whole = one.read_bytes()

    one.write_bytes(whole.replace(b"a", b"c", 1))
    edited = verify()
    one.write_bytes(other.read_bytes())
    other.write_bytes(whole)
    exchanged = verify()
    other.unlink()
    gone = verify()

    for (status, report), named in ((edited, 1), (exchanged, 2), (gone, 2)):
        assert status == 1
        faults: Any = report["faults"]
        assert len(faults) == named
        assert all(fault.startswith("study residual-mirrored ") for fault in faults)
    assert "was changed" in str(exchanged[1]["faults"])
    assert "is missing" in str(gone[1]["faults"])


@pytest.mark.usefixtures("own")
def test_a_sealed_record_is_walked_from_its_checkpoint_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    predict_live(monkeypatch, WEDNESDAY_0905)
    status, sealed = verify("--seal")
    assert (status, sealed["sealed"], sealed["whole"], sealed["since_checkpoint"]) == (
        *(0, True, True),
        None,
    )
    with current_settings().database().session() as session:
        session.execute(text("UPDATE predictions SET p_up = 0.99 WHERE id = 1"))
    status, since = verify("--since-checkpoint")
    assert (status, since["whole"], since["faults"]) == (0, False, [])
    assert since["since_checkpoint"]["rows"]["predictions"] == since["rows"]  # type: ignore[index]
    words = CliRunner().invoke(app, ["verify", "--since-checkpoint"]).stdout
    assert "walked from the checkpoint of" in words
    assert "`orbcast verify --whole`" in " ".join(words.split())
    assert verify()[0] == verify("--whole")[0] == verify("--seal")[0] == 1


@pytest.mark.usefixtures("own")
def test_the_record_is_sealed_once_a_week_and_a_fault_is_reported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    predict_live(monkeypatch, WEDNESDAY_0905)
    ledger, week = current_settings().ledger(), timedelta(days=7)
    for at in (WEDNESDAY_0905, WEDNESDAY_0905 + week / 2, WEDNESDAY_0905 + week):
        seal_weekly.fn(at)
    assert ledger.verify().ends["sealed_checkpoints"].rows == 2
    assert verified_record(current_settings(), WEDNESDAY_0905 + week).since is not None
    with current_settings().database().session() as session:
        session.execute(text("UPDATE predictions SET p_up = 0.99 WHERE id = 1"))
    assert verified_record(current_settings(), WEDNESDAY_0905 + week).faults == ()
    seal_weekly.fn(WEDNESDAY_0905 + 2 * week)
    bodies = [it.notice.body for it in notices(current_settings().database())]
    assert any("was edited" in body for body in bodies)
    # the gates rely on no checkpoint that the audit should have renewed
    assert len(verified_record(current_settings(), WEDNESDAY_0905 + 2.5 * week).faults) == 1
