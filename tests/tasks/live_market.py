"""A market with a live history: a real registry, in its own home, filled with rows."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

from sqlalchemy import delete

from ml_core.decision.entry import Outputs, PredictionEntry
from ml_core.health.drift import DriftFigures
from ml_core.health.parity import ParityReport
from ml_core.learning.recipe import Recipe
from ml_core.learning.version_folder import SUMS
from ml_core.market.definition import MarketDefinition
from ml_core.market_events import BreakerEvent
from monitoring.rollout.facts import Facts
from monitoring.rollout.stage import Position
from registry.health.breaker import record_breaker
from registry.health.drift import DriftRecord, record_drift
from registry.health.parity import ParityRecord, record_parity
from registry.ledger.entries import OutcomeEntry
from registry.ledger.verification import OUTCOMES
from registry.models.versions import VersionRecord
from registry.studies.evaluations import EvaluationRecord, record_evaluation
from registry.tables.watch import DriftRow, ParityRow
from tasks.rollout.facts import facts_of
from tasks.runs.code_hash import code_hash
from tasks.settings import Settings
from tests.ledger_rows import OUTCOME, PREDICTION, as_kept

MARKET = "MGC"
START = datetime(2025, 1, 6, tzinfo=UTC)
DAY = timedelta(days=1)
NOW = START + 10 * DAY

RECIPES = {
    name: Recipe.model_validate({"name": name, "kind": kind})
    for name, kind in (("skilled", "residual"), ("rival", "residual"), ("corridor", "baseline"))
}

ANSWER = replace(
    PREDICTION,
    market=MARKET,
    trading_day=START.date(),
    decision_time=START,
    made_at=START + timedelta(seconds=3),
    model="skilled",
    version="v",
    recipe_hash=RECIPES["skilled"].hash,
    p_up=0.75,
    recommendation="long",
    expected_net_r=0.1,
    features={},
    outputs=Outputs(),
)
"""A skilled model's values: UP with 75 %, corridor 60 %, and a recommended trade."""

BECAME = replace(
    OUTCOME,
    market=MARKET,
    trading_day=START.date(),
    r_net=0.9,
    resolved_at=START + timedelta(hours=1),
)

Row = tuple[PredictionEntry, OutcomeEntry | None]


def row_at(decided: datetime, name: str = "0900", **changes: Any) -> PredictionEntry:
    """Return the entry of a slot decided at a time and made three seconds later."""
    values = {
        "trading_day": decided.date(),
        "opening_range": name,
        "decision_time": decided,
        "made_at": decided + timedelta(seconds=3),
    }
    return replace(ANSWER, **{**values, **changes})


def outcome_of(answer: PredictionEntry, **changes: Any) -> OutcomeEntry:
    """Return the outcome of an entry's slot: UP and a win, unless changed."""
    slot = {name: getattr(answer, name) for name in ("market", "trading_day", "opening_range")}
    resolved = answer.decision_time + timedelta(hours=1)
    return replace(BECAME, **{**slot, "resolved_at": resolved, **changes})


class LiveMarket:
    """A registry with its ledger, versions, checks and breaker."""

    def __init__(self, home: Path, **given: Any) -> None:
        self.settings = Settings(home=home, **given)
        self._numbers = itertools.count()

    @property
    def database(self) -> Any:
        """The SQL database."""
        return self.settings.database()

    def close(self) -> None:
        """Close the database."""
        self.database.close()

    def champion(
        self, recipe: str, at: datetime, data: str = "bars", symbol: str = MARKET
    ) -> VersionRecord:
        """Register a version of a recipe and make it champion."""
        record = self.version(recipe, at, data, symbol)
        self.make_champion(record, at)
        return record

    def make_champion(self, record: VersionRecord, at: datetime) -> None:
        """Point the alias at a version."""
        self.settings.models().set_alias(
            record.market, "champion", record.version, at=at, by="ana", reason="it is better"
        )

    def version(
        self, recipe: str, at: datetime, data: str = "bars", symbol: str = MARKET
    ) -> VersionRecord:
        """Register a version whose only file names what it was made of."""

        def write(folder: Path) -> None:
            text = f"{recipe} of {data}"
            (folder / "model.txt").write_text(text)
            digest = hashlib.sha256(text.encode()).hexdigest()
            (folder / SUMS).write_text(f"{digest}  model.txt\n")

        bundle: Any = SimpleNamespace(
            trained={"market": symbol, "data_fingerprint": data},
            version=f"{recipe}-{data}",
            recipe=RECIPES[recipe],
        )
        return self.settings.models().register(bundle, write, metrics={}, at=at)

    def study(self, at: datetime, name: str = "study", **changes: Any) -> None:
        """Record a study of the skilled recipe."""
        record = EvaluationRecord(
            market=MARKET,
            recipe="skilled",
            recipe_hash=RECIPES["skilled"].hash,
            study_hash=name,
            settings={"counts": True, "code": code_hash()},
            market_hash=MarketDefinition.of(self.settings.market("mgc")).hash,
            data_fingerprint="bars",
            verdict="studied",
            figures={},
            files={},
            at=at,
        )
        record_evaluation(self.database, replace(record, **changes), RECIPES["skilled"])

    def live(self, rows: Iterable[Row]) -> None:
        """Record entries like a live run, and the outcomes of those that have one."""
        pairs = list(rows)
        self.settings.ledger().record([answer for answer, _ in pairs])
        with self.database.session() as session:
            end = OUTCOMES.head(session)
            for outcome in map(as_kept, filter(None, (became for _, became in pairs))):
                end = OUTCOMES.append(session, outcome, end)

    def breaker(self, state: str, at: datetime) -> None:
        """Record a change of the breaker."""
        record_breaker(
            self.database,
            BreakerEvent(
                market=MARKET, at=at, state=state, cause="drawdown", detail="12 R", by="ana"
            ),
        )

    def drift(self, at: datetime, **changes: Any) -> None:
        """Record a drift check without findings, unless changed."""
        record = DriftRecord(
            market=MARKET,
            version="v",
            first_day=(at - 30 * DAY).date(),
            last_day=at.date(),
            rows=next(self._numbers),
            detected=False,
            verdict="no drift",
            figures=DriftFigures(why_not=""),
            at=at,
        )
        record_drift(self.database, replace(record, **changes))

    def parity(self, at: datetime, **changes: Any) -> None:
        """Record a parity check without findings, unless changed."""
        nothing = ParityReport.of(
            (), market=MARKET, first_day=at.date(), last_day=at.date(), mode="live"
        )
        record = ParityRecord(
            market=MARKET,
            first_day=(at - DAY).date(),
            last_day=at.date(),
            compared=6,
            unexplained=0,
            verdict="all agree",
            figures=replace(nothing, compared=next(self._numbers)),
            at=at,
        )
        record_parity(self.database, replace(record, **changes))

    def forget_checks(self, kind: Literal["drift", "parity"]) -> None:
        """Remove all records of a check."""
        with self.database.session() as session:
            session.execute(delete(DriftRow if kind == "drift" else ParityRow))


def answers(*changes: dict[str, Any]) -> list[PredictionEntry]:
    """Return entries on consecutive days from the first day on, with the given changes."""
    return [row_at(START + number * DAY, **it) for number, it in enumerate(changes)]


def facts(market: LiveMarket, at: Any = NOW, **position: Any) -> Facts:
    return facts_of(market.settings, MARKET, Position(**position), at)
