"""Ten kinds of leak on a simulated market, each found by the audit before a training."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from benchmarks.control_worlds import bars_of
from benchmarks.planted_leaks import planted_leaks
from ml_core.features.all import CATALOGUE
from ml_core.features.audit import AuditReport, audit_lookahead
from ml_core.features.history import read_history
from ml_core.market.market import load_market
from ml_core.market.schedule import build_schedule
from ml_core.market.simulation import simulate
from ml_core.ranges.label_spec import LabelSpec

FIRST, LAST = date(2022, 1, 3), date(2023, 3, 31)
MARKET = Path(__file__).resolve().parents[2] / "deployments" / "markets" / "mgc.toml"
KINDS = (
    "on_fridays",
    "on_wednesdays_in_the_last_range",
    "at_the_start_of_a_month",
    "on_roll_days",
    "when_clocks_change",
    "on_half_days",
    "open_trade_of_the_range_before",
    "contract_of_tomorrow",
    "half_day_tomorrow",
    "table_of_days",
)


@pytest.fixture(scope="module")
def report() -> AuditReport:
    market = load_market(MARKET)
    schedule = build_schedule(market, FIRST, LAST)
    bars = bars_of(market, simulate(market, schedule, seed=11, with_truth=False))
    leaks = planted_leaks(read_history(bars, market, LabelSpec(), schedule))
    features = (*CATALOGUE.select("all"), *leaks)
    return audit_lookahead(bars, market, LabelSpec(), features, first=FIRST, last=LAST)


@pytest.mark.parametrize("kind", KINDS)
def test_a_leak_of_this_kind_is_found(report: AuditReport, kind: str) -> None:
    assert kind in report.leaking


def test_every_kind_is_planted_and_no_honest_feature_is_blamed(report: AuditReport) -> None:
    assert report.leaking == KINDS
    assert report.never_seen == ()


def test_sixty_decisions_are_of_every_kind(report: AuditReport) -> None:
    assert report.decisions == 60
    counts = {kind.name: kind.decisions for kind in report.kinds}
    assert min(counts.values()) >= 3, counts
