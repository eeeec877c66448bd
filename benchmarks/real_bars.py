"""The licensed Micro Gold bars, read in place and never copied."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from ml_core.bars.arrays import Bars
from ml_core.bars.lake.lake import Lake
from ml_core.bars.sources.dbn import read_dbn
from ml_core.market.market import Market

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "mgc-ohlcv-1m"


def lake_of_real_bars(folder: Path, market: Market) -> Lake:
    """Import the bars into a lake in a folder."""
    lake = Lake(folder)
    lake.ingest(read_dbn([str(DATA)], market.contract_pattern), market, datetime.now(UTC))
    return lake


@cache
def real_bars(market: Market) -> Bars:
    """Read the bars, once for a process and its forks.

    Raises
    ------
    FileNotFoundError
        The bars are missing.
    """
    if not DATA.is_dir():
        raise FileNotFoundError(f"licensed market data is not at {DATA}")
    with tempfile.TemporaryDirectory() as folder:
        return lake_of_real_bars(Path(folder), market).read(market)
