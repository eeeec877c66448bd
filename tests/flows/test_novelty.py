"""A version must not predict a range unlike its training data, or anything once it is old."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from deployments.cli.app import app
from ml_core.decision import decide as decision
from ml_core.decision.entry import PredictionEntry
from ml_core.decision.slot import Slot
from ml_core.learning.bundle import Bundle
from ml_core.learning.datasets.assemble import assemble_live
from ml_core.learning.datasets.dataset import Dataset
from ml_core.learning.predictions.novelty import Novelty
from ml_core.learning.predictions.prediction import NoveltyScore
from ml_core.learning.saved_bundle import load_bundle
from registry.models.versions import CHAMPION
from tasks.prediction import predict as prediction
from tasks.prediction import slot_context
from tasks.prediction.slots import latest_slot, slots_between
from tasks.settings import current_settings, now
from tests.predictions import NOVEL

THURSDAY_0905 = datetime(2024, 11, 20, 23, 5, 4, tzinfo=UTC)


def score_of(entry: PredictionEntry) -> NoveltyScore:
    prediction = entry.outputs.prediction
    assert prediction is not None
    assert prediction.novelty is not None
    return prediction.novelty


@pytest.fixture(autouse=True)
def empty_ledger(own: object, monkeypatch: pytest.MonkeyPatch) -> None:
    del own
    monkeypatch.setenv("ORBCAST_MISSED_AFTER_MINUTES", "100000000")
    with current_settings().database().session() as session:
        session.execute(text("DELETE FROM predictions"))


def answered(at: datetime | None = None, slot: Slot | None = None) -> dict[str, PredictionEntry]:
    """Return the live rows of a slot, by role, made at a time."""
    slot = slot or latest_slot(current_settings().market("mgc"), THURSDAY_0905)
    with pytest.MonkeyPatch.context() as clock:
        clock.setattr(prediction, "_made_at", lambda: at or now())
        prediction.predict_slot.fn("mgc", slot, "live")
    rows = (
        current_settings().ledger().settled("MGC", first=slot.trading_day, last=slot.trading_day)
    )
    return {
        row.prediction.role: row.prediction
        for row in rows
        if row.prediction.opening_range == slot.opening_range
    }


def be_novel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Novelty, "judge", lambda *_: NOVEL)


def test_every_prediction_has_its_dissimilarity_to_the_training_data() -> None:
    entries = answered()
    assert set(entries) == {"champion", "challenger"}
    for entry in entries.values():
        score = score_of(entry)
        assert score.dissimilarity >= 0  # zero for a row in the training data
        assert score.threshold > 0


def test_a_novel_range_is_not_answered_by_a_model_and_is_by_the_corridor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    be_novel(monkeypatch)
    rows = answered()
    model, corridor = rows["challenger"], rows["champion"]
    assert (model.status, model.reason, model.p_up) == ("abstained", "novel_input", None)
    assert model.features
    assert model.outputs.prediction is not None
    assert corridor.status == "predicted"
    printed = CliRunner().invoke(app, ["explain", "MGC:2024-11-21:0900"]).stdout
    assert "the range is unlike anything the version was trained on" in printed
    assert "dissimilarity 1.50, at most 0.70" in printed
    assert "20-day average true range (90%)" in " ".join(printed.split())


def test_a_range_fifty_times_as_high_as_ever_is_novel_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fifty_times(*arguments: Any, **more: Any) -> Dataset:
        row = assemble_live(*arguments, **more)
        features = row.features.copy()
        features[0, row.feature_names.index("range_size_basis_points")] *= 50
        return replace(row, features=features)

    monkeypatch.setattr(decision, "assemble_live", fifty_times)
    model = answered()["challenger"]
    assert (model.status, model.reason, model.recommendation) == ("abstained", "novel_input", None)
    assert score_of(model).words[0].startswith("range height against the price (")
    printed = CliRunner().invoke(app, ["predict", "--at", "2024-11-21T09:05"]).stdout
    assert "unlike the training data, in range height against the price (" in " ".join(
        printed.split()
    )


def test_a_champion_whole_but_unreadable_is_followed_by_the_one_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    models = current_settings().models()
    bad = models.find("MGC", "challenger")
    models.set_alias("MGC", CHAMPION, bad.version, at=now(), by="test", reason="to see it fail")

    def loads_all_but_one(folder: Path) -> Bundle:
        if folder.name == bad.version:
            raise ValueError("a field of tomorrow")
        return load_bundle(folder)

    monkeypatch.setattr(slot_context, "load_bundle", loads_all_but_one)
    champion = answered()["champion"]
    assert champion.status == "predicted"
    assert champion.version != bad.version
    assert "a field of tomorrow" in (champion.outputs.fallback or "")


def test_no_more_slots_are_silenced_than_stated_and_then_they_are_marked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    be_novel(monkeypatch)
    market = current_settings().market("mgc")
    slots = slots_between(market, THURSDAY_0905.date(), THURSDAY_0905.date() + timedelta(days=2))
    rows: list[Any] = [answered(slot=slot).get("challenger") for slot in slots[:8]]
    assert [row.reason for row in rows] == ["novel_input"] * 6 + [None] * 2
    assert score_of(rows[-1]).too_many_silenced
    assert rows[-1].recommendation is not None


@pytest.fixture
def ageing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let versions expire after the default lifetime."""
    for name in ("MODEL", "BASELINE"):
        monkeypatch.delenv(f"ORBCAST_{name}_EXPIRES_DAYS", raising=False)


@pytest.mark.usefixtures("ageing")
def test_an_old_model_does_not_answer_and_the_champion_before_it_does() -> None:
    models = current_settings().models()
    challenger = models.find("MGC", "challenger")
    learned_until = challenger.version[:8]
    later = datetime.strptime(learned_until, "%Y%m%d").replace(tzinfo=UTC) + timedelta(days=46)
    rows = answered(later)
    assert (rows["challenger"].status, rows["challenger"].reason) == ("abstained", "model_expired")
    assert rows["champion"].status == "predicted"

    models.set_alias(
        "MGC", CHAMPION, challenger.version, at=now(), by="test", reason="to see it expire"
    )
    slot = latest_slot(current_settings().market("mgc"), THURSDAY_0905 - timedelta(days=1))
    champion = answered(later, slot)["champion"]
    assert champion.status == "predicted"
    assert champion.version != challenger.version
    assert "expired on" in (champion.outputs.fallback or "")


@pytest.mark.usefixtures("ageing")
def test_where_everything_is_old_the_slot_is_answered_with_that() -> None:
    champion = answered(now() + timedelta(days=500))["champion"]
    assert (champion.status, champion.reason) == ("abstained", "model_expired")
    assert "expired on" in (champion.outputs.detail or "")
