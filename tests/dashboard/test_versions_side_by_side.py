"""Two versions side by side: recorded figures, and bars of the trees' importances."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployments.dashboard.charts.theme import LIGHT
from deployments.dashboard.version_compare import figures_of, importance_chart
from ml_core.learning.predictions.reasons import named
from monitoring.pages.formatting import percent, signed
from registry.health.performance import performance_records
from registry.models.versions import VersionRecord
from tasks.settings import Settings, current_settings
from tests.dashboard.chart_parts import rows_of


@pytest.fixture
def settings(day_home: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("ORBCAST_HOME", str(day_home))
    return current_settings()


@pytest.fixture
def versions(settings: Settings) -> dict[str, VersionRecord]:
    return {record.kind: record for record in settings.models().versions("MGC")}


def test_figures_are_those_of_the_version_beside_its_corridor(
    versions: dict[str, VersionRecord],
) -> None:
    version = versions["residual"]
    scores = version.metrics["directional"]
    figures = figures_of(version, [])
    assert figures["accuracy"] == (
        f"{percent(scores['model']['accuracy'])}; "
        f"corridor {percent(scores['corridor']['accuracy'])}"
    )
    change = scores["model"]["log_loss"] - scores["corridor"]["log_loss"]
    assert f"{abs(change):.4f}" in figures["log loss less the corridor's"]
    every = version.metrics["trading"]["every_break"]
    words = f"{signed(every['net_r']['estimate'], 2)} ("
    assert figures["net R a trade, every break"].startswith(words)
    assert f"{every['trades']:,} trades" in figures["net R a trade, every break"]
    assert figures["live"] == "no break of a live prediction has an outcome yet"
    assert list(figures) == list(figures_of(versions["baseline"], [])), "rows of one table"


def test_live_days_are_counted_for_the_version_that_answered(
    settings: Settings, versions: dict[str, VersionRecord]
) -> None:
    by_kind = {
        kind: performance_records(
            settings.database(), "MGC", mode="live", role="champion", version=record.version
        )
        for kind, record in versions.items()
    }
    answered = [kind for kind, rows in by_kind.items() if rows]
    assert len(answered) == 1
    rows = [row for row in by_kind[answered[0]] if row.opening_range == "all"]
    text = figures_of(versions[answered[0]], rows)["live"]
    assert text.startswith(f"{len(rows)} days, ")
    assert "too few days" in text


def test_the_largest_share_of_either_version_stands_on_top() -> None:
    shares = {"one": {"atr20": 0.2, "body": 0.1}, "other": {"body": 0.7, "atr14": 0.05}}
    chart = importance_chart(shares, LIGHT)
    order = [named(feature) for feature in ("body", "atr20", "atr14")]
    one, other = (rows_of(chart, "share", nth) for nth in (0, 1))
    assert [bar["words"] for bar in one] == [bar["words"] for bar in other] == order
    assert [bar["share"] for bar in one] == [0.1, 0.2, 0.0]
    assert [bar["share"] for bar in other] == [0.7, 0.0, 0.05]
    assert [label["words"] for label in chart["layer"][-1]["data"]["values"]] == order
    many = {"one": {f"f{at}": at / 100 for at in range(40)}}
    assert len(rows_of(importance_chart(many, LIGHT), "share")) == 12
