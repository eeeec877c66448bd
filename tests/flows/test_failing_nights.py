"""Nights of failing retrains: pause, notice, expiry, the baseline serves, and recovery."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from flows.log_outcomes import log_outcomes
from flows.nightly_retrain import nightly_retrain
from registry.errors import EditedRecipeError
from registry.models.versions import CHAMPION
from registry.notices import notices
from tasks.data.sources import SourceSpec
from tasks.data.standing_sources import remember_source
from tasks.settings import current_settings, now
from tasks.training.retrain import backoff

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("prefect_server")]

RECIPE = "residual-mirrored"
FIRST_NIGHT = datetime(2024, 11, 2, 22, 15, tzinfo=UTC)
DAYS = 6
"""How long a model may serve after the last day that it learned from."""


class Nights:
    """Nights of one market on a simulated clock, each with a retrain and a log-outcomes run."""

    def __init__(self, clock: Path, source: Path, whole: Path) -> None:
        self._clock, self._source, self._whole = clock, source, whole
        with duckdb.connect(str(source)) as writer:
            writer.execute(f"ATTACH '{whole}' AS whole (READ_ONLY)")
            writer.execute("CREATE TABLE bars_1m AS SELECT * FROM whole.bars_1m LIMIT 0")
        self.ends: list[str] = []

    @staticmethod
    def now_at(night: int) -> datetime:
        return FIRST_NIGHT + timedelta(days=night)

    def go_to(self, night: int) -> None:
        ahead = self.now_at(night) - datetime.now(UTC)
        self._clock.write_text(str(ahead.total_seconds()), "utf-8")
        with duckdb.connect(str(self._source)) as writer:
            writer.execute(f"ATTACH '{self._whole}' AS whole (READ_ONLY)")
            writer.execute(
                "INSERT INTO bars_1m SELECT * FROM whole.bars_1m WHERE ts_utc < ? AND ts_utc > "
                "coalesce((SELECT max(ts_utc) FROM bars_1m), TIMESTAMP '2000-01-01')",
                [self.now_at(night).replace(tzinfo=None) - timedelta(minutes=5)],
            )

    def live(self, night: int) -> None:
        self.go_to(night)
        try:
            self.ends.append("rests" if nightly_retrain("mgc").skipped else "done")
        except EditedRecipeError:
            self.ends.append("fails")
        log_outcomes("mgc")


def notice_subjects(kind: str) -> list[str]:
    every = notices(current_settings().database())
    return [record.notice.subject for record in every if record.notice.kind == kind]


def test_a_fortnight_of_them(
    home: Path, simulated_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = tmp_path / "clock"
    monkeypatch.setenv("ORBCAST_CLOCK_FILE", str(clock))
    monkeypatch.setenv("ORBCAST_MODEL_EXPIRES_DAYS", str(DAYS))
    monkeypatch.setattr(backoff, "by_itself", lambda: True)
    database = tmp_path / "trader.duckdb"
    nights, settings = Nights(clock, database, simulated_database), current_settings()
    source = SourceSpec(kind="duckdb", paths=(str(database),), columns={"contract": "contract"})
    remember_source(settings.sources_file, "mgc", source)
    nights.go_to(-1)
    nightly_retrain("mgc")
    models = settings.models()
    (old,) = (record for record in models.versions("MGC") if record.kind != "baseline")
    models.set_alias("MGC", CHAMPION, old.version, at=now(), by="ann", reason="to grow old")
    edited = home / "recipes" / f"{RECIPE}.toml"
    edited.parent.mkdir(exist_ok=True)
    text = settings.recipe_file(RECIPE).read_text("utf-8")
    edited.write_text(text.replace("num_leaves = 3", "num_leaves = 5"), "utf-8")

    for night in range(12):
        nights.live(night)
        serving = models.serving("MGC", nights.now_at(night))
        has_expired = nights.now_at(night) >= models.expires_at(old)
        assert (serving.record.kind == "baseline") == has_expired, night
    assert nights.now_at(3) < models.expires_at(old) < nights.now_at(8)
    edited.unlink()
    nights.live(12)

    assert nights.ends == [
        *(["fails"] * 3 + ["rests"]),
        *(["fails"] + ["rests"] * 2),
        *(["fails"] + ["rests"] * 4),
        "done",
    ]
    assert notice_subjects("retrain") == [f"MGC: {n} retrains in a row failed" for n in (3, 4, 5)]
    (stead,) = notice_subjects("serving")
    assert "predicts in place of the champion" in stead
    back = models.serving("MGC", nights.now_at(12))
    assert back.trouble is None
    assert back.record.recipe_hash == old.recipe_hash
    assert back.record.version != old.version
