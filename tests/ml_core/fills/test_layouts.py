"""Every platform's export of the same three executions is read as the same executions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ml_core.fills.fill import Fill
from ml_core.fills.layouts import LAYOUTS
from ml_core.fills.read import FillsReading, read_fills
from ml_core.market.market import Market, load_market
from tests.conftest import PROJECT

FILES = Path(__file__).with_name("files")
AT = datetime(2025, 6, 20, tzinfo=UTC)
NEW_YORK = FillsReading(zone="America/New_York")

READINGS = {
    "ninjatrader": FillsReading(zone="Australia/Brisbane"),
    "tradovate": FillsReading(),
    "tradovate-orders": NEW_YORK,
    "rithmic": NEW_YORK,
    "ib": NEW_YORK,
    "metatrader": FillsReading(zone="Europe/Athens", instrument="GOLD.f"),
    "generic": FillsReading(
        zone="Australia/Brisbane",
        columns={
            "date": "Day",
            "time": "When",
            "side": "What",
            "quantity": "Lots",
            "price": "At",
            "commission": "Fees",
            "execution_id": "Fill",
            "order_id": "Ticket",
        },
    ),
}
NO_COMMISSION = {"tradovate-orders"}
AN_ORDER_A_ROW = {"tradovate-orders", "rithmic"}
NO_ACCOUNT = {"metatrader"}
WITHOUT_CONTRACT = {"metatrader", "generic"}

LEFT_OUT = {
    "ninjatrader": {"ES 09-25": 1},
    "tradovate": {"ESU5": 1},
    "tradovate-orders": {"Status Canceled": 1},
    "rithmic": {"orders without a fill": 1},
    "ib": {"LevelOfDetail ORDER": 1},
    "metatrader": {"Type balance": 1},
    "generic": {},
}


@pytest.fixture(scope="module")
def market() -> Market:
    return load_market(PROJECT / "deployments/markets/mgc.toml")


def executions(platform: str) -> tuple[Fill, ...]:
    """Return the executions that every file holds."""
    rows = (
        ("00:12:00", "buy", 2.0, 3386.4, 2.48),
        ("00:40:30", "sell", 1.0, 3391.0, 1.24),
        ("01:05:10", "sell", 1.0, 3381.8, 1.24),
    )
    return tuple(
        Fill(
            platform=platform,
            account="" if platform in NO_ACCOUNT else "LIVE7",
            contract="MGC" if platform in WITHOUT_CONTRACT else "MGCQ5",
            time=datetime.fromisoformat(f"2025-06-19T{time}+00:00"),
            side=side,
            quantity=quantity,
            price=price,
            commission=None if platform in NO_COMMISSION else pytest.approx(commission),
            execution_id=f"e{place}",
            order_id=f"e{place}" if platform in AN_ORDER_A_ROW else f"o{place}",
            occurrence=1,
            source_line=0,
        )
        for place, (time, side, quantity, price, commission) in enumerate(rows, 1)
    )


def test_every_layout_has_its_file() -> None:
    assert {path.stem for path in FILES.glob("*.csv")} == set(LAYOUTS) == set(READINGS)


@pytest.mark.parametrize("platform", sorted(LAYOUTS))
def test_a_platforms_file_is_known_by_its_header_and_read_whole(
    platform: str, market: Market
) -> None:
    file = read_fills(FILES / f"{platform}.csv", market, READINGS[platform], at=AT)
    assert file.platform == platform
    assert tuple(replace(fill, source_line=0) for fill in file.fills) == executions(platform)
    assert dict(file.left_out) == LEFT_OUT[platform]
    assert file.set_aside == ()


@pytest.mark.parametrize("platform", sorted(set(LAYOUTS) - {"generic"}))
def test_lines_are_those_of_the_file(platform: str, market: Market) -> None:
    path = FILES / f"{platform}.csv"
    file = read_fills(path, market, READINGS[platform], at=AT)
    lines = path.read_text(encoding="utf-8").splitlines()
    for fill in file.fills:
        assert fill.execution_id in lines[fill.source_line - 1]
