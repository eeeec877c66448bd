"""How long a study of 2,000 setups over four and a half years takes: the median of five.

    python benchmarks/setup_study.py

Real MGC bars are read in place (../shared/data) and never copied.
"""

from __future__ import annotations

import statistics
import sys
import time
from datetime import date
from pathlib import Path

from benchmarks.real_bars import DATA, real_bars
from ml_core.bars.arrays import Bars
from ml_core.market.market import Market, load_market
from ml_core.setups.plan import StudyPlan
from ml_core.setups.setup import SetupGrid
from ml_core.setups.setup_study import SetupStudy
from ml_core.setups.study import study_setups
from ml_core.setups.trades import setup_returns, trade_table

PROJECT = Path(__file__).resolve().parent.parent
REPEATS = 5
FIRST, LAST = date(2020, 12, 20), date(2025, 6, 30)
TARGET_SECONDS = 60.0


def whole_study(bars: Bars, market: Market) -> SetupStudy:
    """Run the study from bars to verdict, like `orbcast study setups`."""
    grid, plan = SetupGrid(), StudyPlan()
    table = trade_table(bars, market, grid, first=FIRST, last=LAST)
    returns = setup_returns(table, grid.setups(market), plan.search_days(len(table.days)))
    return study_setups(returns, plan=plan)


def main() -> int:
    if not DATA.is_dir():
        print(f"licensed market data is not at {DATA}: nothing to measure on", file=sys.stderr)
        return 2
    market = load_market(PROJECT / "deployments" / "markets" / "mgc.toml")
    bars = real_bars(market)
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        study = whole_study(bars, market)
        times.append(time.perf_counter() - start)
    took, summary = statistics.median(times), study.summary
    what = f"{summary.setups:,} setups ({summary.judged:,} judged), {summary.days:,} days"
    good = took <= TARGET_SECONDS
    print(
        f"{'ok  ' if good else 'SLOW'} {what:58s} {took:>12.1f} s   at most {TARGET_SECONDS:g} s"
    )
    print(f"     the first, with imports and calendar {times[0]:37.1f} s")
    print(f"     {study.verdict}")
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
