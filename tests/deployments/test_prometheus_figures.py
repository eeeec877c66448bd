"""Figures for Prometheus: what `status` says of a market, and what the board asks for."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from deployments.cli.app import app
from tasks.health.breaker import change
from tasks.health.prometheus_figures import write_figures
from tasks.settings import current_settings, now
from tests.live_days import set_clock

BOARD = Path(__file__).resolve().parents[2] / "deployments" / "grafana" / "orbcast.json"
NOON = datetime(2024, 11, 28, 2, 0, tzinfo=UTC)
"""Of a trading day of the trained home, its first ranges over and nobody asked."""


def figures(text: str) -> dict[tuple[str, ...], float]:
    """Each figure by its name and the values of its labels but the market's."""
    return {
        (sample.name, *(value for label, value in sample.labels.items() if label != "market")): (
            sample.value
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_they_say_what_the_status_says(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    set_clock(monkeypatch, own / "clock", NOON)
    change(current_settings(), "MGC", "open", cause="by hand", detail="doubt", by="test", at=now())
    write_figures(current_settings(), now())
    (told,) = json.loads(CliRunner().invoke(app, ["status", "--json"]).stdout)["markets"]
    found = figures((own / "metrics" / "orbcast.prom").read_text("utf-8"))
    assert [path.name for path in (own / "metrics").iterdir()] == ["orbcast.prom"]
    assert found["orbcast_bars",] == told["bars"]
    assert found["orbcast_last_bar_timestamp_seconds",] == at(told["last_bar"])
    assert found["orbcast_version_expires_timestamp_seconds",] == at(told["serves_until"])
    assert found["orbcast_last_retrain_timestamp_seconds",] == at(told["last_retrain"])
    assert found["orbcast_breaker", "open"] == 1.0
    assert found["orbcast_breaker", "closed"] == 0.0
    assert found["orbcast_stage", told["stage"]] == 1.0
    states = [slot["state"] for slot in told["slots"]]
    for state in ("absent", "due"):
        assert found["orbcast_slots_today", state] == states.count(state) > 0
    assert found["orbcast_slots_unpredicted_today",] == states.count("absent")
    assert found["orbcast_problems",] > found["orbcast_slots_unpredicted_today",]
    shown = CliRunner().invoke(app, ["status", "--prometheus"])
    assert shown.exit_code == 0
    assert figures(shown.stdout).keys() == found.keys()


def test_a_market_that_cannot_be_looked_at_hides_no_other(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own / "markets").mkdir()
    (own / "markets" / "odd.toml").write_text("no market", "utf-8")
    monkeypatch.setenv("ORBCAST_MARKETS", "odd,mgc")
    write_figures(current_settings(), now())
    text = (own / "metrics" / "orbcast.prom").read_text("utf-8")
    assert 'orbcast_bars{market="MGC"}' in text


@pytest.mark.usefixtures("own")
def test_every_figure_that_the_board_asks_for_is_written() -> None:
    text = CliRunner().invoke(app, ["status", "--prometheus"]).stdout
    written = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    board = json.loads(BOARD.read_text("utf-8"))
    queries = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    queries += [each["definition"] for each in board["templating"]["list"] if "definition" in each]
    asked = {name for query in queries for name in re.findall(r"\borbcast_\w+", query)}
    assert len(queries) > len(board["panels"])
    assert asked - written == set()
    assert written - asked == set()  # and the board leaves none out


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
