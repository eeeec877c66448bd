"""Prometheus metrics: the same as `orbcast status`, and all that the dashboard board queries."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from typer.testing import CliRunner

from deployments.cli.app import app
from tasks.health import prometheus_figures
from tasks.health.breaker import change
from tasks.health.market_overview import MarketOverview, market_overview_of
from tasks.health.prometheus_figures import LEFT_OUT_AFTER, write_figures
from tasks.settings import Settings, current_settings, now
from tests.live_days import set_clock

BOARD = Path(__file__).resolve().parents[2] / "deployments" / "grafana" / "orbcast.json"
NOON = datetime(2024, 11, 28, 2, 0, tzinfo=UTC)
"""A time on a trading day of the trained home, after its first ranges, without predictions."""
MARKETS = ("mgc", "nq", "es")


@pytest.fixture
def with_markets(own: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a trained home that serves ``MARKETS``, of which only MGC has bars."""
    (own / "markets").mkdir()
    text = current_settings().market_file("nq").read_text("utf-8")
    (own / "markets" / "es.toml").write_text(text.replace('"NQ"', '"ES"'), "utf-8")
    monkeypatch.setenv("ORBCAST_MARKETS", ",".join(MARKETS))
    return own


def samples_in(home: Path) -> list[Sample]:
    """Return the samples in a home's file."""
    text = (home / "metrics" / "orbcast.prom").read_text("utf-8")
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def markets_in(home: Path) -> set[str]:
    return {sample.labels["market"] for sample in samples_in(home)}


def figures(text: str) -> dict[tuple[str, ...], float]:
    """Return each metric by its name and the values of its labels except the market's."""
    return {
        (sample.name, *(value for label, value in sample.labels.items() if label != "market")): (
            sample.value
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_the_figures_equal_those_of_the_status(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_clock(monkeypatch, own / "clock", NOON)
    change(current_settings(), "MGC", "open", cause="by hand", detail="doubt", by="test", at=now())
    write_figures(current_settings(), "mgc", now())
    (market,) = json.loads(CliRunner().invoke(app, ["status", "--json"]).stdout)["markets"]
    written = figures((own / "metrics" / "orbcast.prom").read_text("utf-8"))
    assert [path.name for path in (own / "metrics").iterdir()] == ["orbcast.prom"]
    assert written["orbcast_bars",] == market["bars"]
    assert written["orbcast_last_bar_timestamp_seconds",] == at(market["last_bar"])
    assert written["orbcast_version_expires_timestamp_seconds",] == at(market["serves_until"])
    assert written["orbcast_last_retrain_timestamp_seconds",] == at(market["last_retrain"])
    assert written["orbcast_breaker", "open"] == 1.0
    assert written["orbcast_breaker", "closed"] == 0.0
    assert written["orbcast_stage", market["stage"]] == 1.0
    states = [slot["state"] for slot in market["slots"]]
    for state in ("absent", "due"):
        assert written["orbcast_slots_today", state] == states.count(state) > 0
    assert written["orbcast_slots_unpredicted_today",] == states.count("absent")
    assert written["orbcast_problems",] > written["orbcast_slots_unpredicted_today",]
    result = CliRunner().invoke(app, ["status", "--prometheus"])
    assert result.exit_code == 0
    assert figures(result.stdout).keys() == written.keys()


def test_a_market_whose_status_cannot_be_read_hides_no_other(own: Path) -> None:
    (own / "markets").mkdir()
    (own / "markets" / "odd.toml").write_text("no market", "utf-8")
    for name in ("mgc", "odd"):
        write_figures(current_settings(), name, now())
    assert markets_in(own) == {"MGC"}


def test_a_run_looks_at_its_own_market_only_and_the_file_has_them_all(
    with_markets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[str] = []

    def counted(settings: Settings, name: str, at: datetime) -> MarketOverview:
        looked_at.append(name)
        return market_overview_of(settings, name, at)

    monkeypatch.setattr(prometheus_figures, "market_overview_of", counted)
    moments = [NOON + timedelta(minutes=number) for number in range(len(MARKETS))]
    for name, moment in zip(MARKETS, moments, strict=True):
        write_figures(current_settings(), name, moment)
    assert looked_at == list(MARKETS)
    written = {
        sample.labels["market"]: sample.value
        for sample in samples_in(with_markets)
        if sample.name == "orbcast_written_timestamp_seconds"
    }
    assert written == {
        name.upper(): moment.timestamp() for name, moment in zip(MARKETS, moments, strict=True)
    }


def test_runs_that_end_at_once_lose_no_figures(with_markets: Path) -> None:
    settings = current_settings()
    for _ in range(4):
        with ThreadPoolExecutor(len(MARKETS)) as pool:
            list(pool.map(lambda name: write_figures(settings, name, NOON), MARKETS))
        assert markets_in(with_markets) == {name.upper() for name in MARKETS}
        (with_markets / "metrics" / "orbcast.prom").unlink()


def test_figures_that_no_run_renews_go(with_markets: Path) -> None:
    write_figures(current_settings(), "es", NOON)
    write_figures(current_settings(), "mgc", NOON + LEFT_OUT_AFTER)
    assert markets_in(with_markets) == {"ES", "MGC"}
    write_figures(current_settings(), "mgc", NOON + LEFT_OUT_AFTER + timedelta(seconds=1))
    assert markets_in(with_markets) == {"MGC"}


@pytest.mark.parametrize(
    "text", ["no figures {", "orbcast_written_timestamp_seconds 1.0\n", 'orbcast_bars{market="ES"']
)
def test_a_file_that_is_broken_or_of_another_release_is_written_anew(own: Path, text: str) -> None:
    (own / "metrics").mkdir()
    (own / "metrics" / "orbcast.prom").write_text(text, "utf-8")
    write_figures(current_settings(), "mgc", NOON)
    assert markets_in(own) == {"MGC"}


@pytest.mark.usefixtures("own")
def test_every_figure_that_the_board_queries_is_written() -> None:
    text = CliRunner().invoke(app, ["status", "--prometheus"]).stdout
    written = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    board = json.loads(BOARD.read_text("utf-8"))
    queries = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    queries += [
        variable["definition"]
        for variable in board["templating"]["list"]
        if "definition" in variable
    ]
    queried = {name for query in queries for name in re.findall(r"\borbcast_\w+", query)}
    assert len(queries) > len(board["panels"])
    assert queried - written == set()
    assert written - queried == set()  # and the board uses all of them


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
