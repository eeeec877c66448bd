"""The settings, read from the environment in one place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ml_core.market.market import MarketFileError
from tasks.named_files import UnknownNameError
from tasks.runs.environment import prepare_environment
from tasks.settings import SettingsError, current_settings


def test_everything_lies_below_the_home_by_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ORBCAST_HOME", raising=False)
    settings = current_settings()
    assert settings.home == tmp_path / "var"
    assert settings.url == f"sqlite:///{tmp_path / 'var' / 'orbcast.sqlite'}"
    assert settings.lake().root == tmp_path / "var" / "lake"
    assert not settings.home.exists()


def test_a_value_that_cannot_be_used_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORBCAST_LATE_AFTER_SECONDS", "soon")
    with pytest.raises(SettingsError, match="ORBCAST_LATE_AFTER_SECONDS='soon'"):
        current_settings()


def test_markets_are_a_list_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORBCAST_MARKETS", "MGC, nq")
    assert current_settings().markets == ("mgc", "nq")


@pytest.mark.parametrize(
    ("value", "gold", "nasdaq"),
    [
        ("mine", "mine", "mine"),
        ("mine, NQ=other", "mine", "other"),
        ("nq=other", "orb-default", "other"),
        ("mgc=mine,nq=other", "mine", "other"),
    ],
)
def test_a_market_may_be_traded_by_a_strategy_of_its_own(
    monkeypatch: pytest.MonkeyPatch, value: str, gold: str, nasdaq: str
) -> None:
    monkeypatch.setenv("ORBCAST_STRATEGY", value)
    settings = current_settings()
    assert (settings.strategy_of("MGC"), settings.strategy_of("NQ")) == (gold, nasdaq)


def test_an_unknown_market_is_refused_with_those_there_are() -> None:
    with pytest.raises(UnknownNameError, match="mgc, nq"):
        current_settings().market("gold")


def test_an_unknown_roll_rule_is_refused_with_those_there_are() -> None:
    with pytest.raises(MarketFileError, match="same_day_volume"):
        current_settings().market("mgc", roll="tomorrow")


def test_a_password_in_the_database_url_is_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORBCAST_DATABASE_URL", "postgresql://me:secret@db/orbcast")
    assert current_settings().shown_url == "postgresql://me:***@db/orbcast"


def test_what_the_person_set_for_prefect_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", {"PREFECT_HOME": "/mine", "ORBCAST_HOME": str(tmp_path)})
    prepare_environment(current_settings(), PREFECT_API_URL="http://127.0.0.1:1/api")
    assert os.environ["PREFECT_HOME"] == "/mine"
    assert os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert os.environ["PREFECT_API_URL"] == "http://127.0.0.1:1/api"
