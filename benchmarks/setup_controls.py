"""Controls of the setup study: markets in which no setup has value, and ones with a planted one.

    python benchmarks/setup_controls.py [--markets 200] [--tables 200] [--planted 50]
                                        [--workers 2]

Part of `make controls`; the results are in docs/evidence.md.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from datetime import date, timedelta
from functools import partial
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(PROJECT))  # it uses the tests' fair trades, which are not installed

from benchmarks.control_worlds import bars_of  # noqa: E402
from ml_core.market.market import Market, load_market  # noqa: E402
from ml_core.market.schedule import build_schedule  # noqa: E402
from ml_core.market.simulation import simulate  # noqa: E402
from ml_core.setups.plan import StudyPlan  # noqa: E402
from ml_core.setups.setup import SetupGrid  # noqa: E402
from ml_core.setups.setup_study import SetupStudy  # noqa: E402
from ml_core.setups.study import study_setups  # noqa: E402
from ml_core.setups.trades import TradeTable, setup_returns, trade_table  # noqa: E402
from tests.ml_core.evidence.fair_trades import fair_table, plant  # noqa: E402

FIRST, LAST = date(2021, 1, 4), date(2023, 12, 29)
TABLE_DAYS, TABLE_SEED = 1150, 10_000
PLANTED_RANGE, PLANTED_SHARE = "1000", 0.2


def judged(table: TradeTable, market: Market, seed: int) -> SetupStudy:
    plan = StudyPlan()
    returns = setup_returns(table, SetupGrid().setups(market), plan.search_days(len(table.days)))
    return study_setups(returns, plan=plan, seed=seed)


def null_market(market: Market, seed: int) -> tuple[bool, bool]:
    """Return whether a study of simulated null bars reported anything, with and without costs."""
    schedule = build_schedule(market, FIRST - timedelta(days=40), LAST)
    bars = bars_of(market, simulate(market, schedule, seed=seed, with_truth=False))
    instrument = market.instrument.model_copy(
        update={"commission_per_side": 0.0, "slippage_ticks_per_side": 0.0}
    )
    named = []
    for priced in (market, market.model_copy(update={"instrument": instrument})):
        table = trade_table(bars, priced, SetupGrid(), first=FIRST, last=LAST)
        named.append(bool(judged(table, priced, seed).named))
    return named[0], named[1]


def fair(market: Market, share: float, seed: int) -> bool:
    """Return whether a study of martingale trades, with some losers turned, reported anything."""
    table = fair_table(TABLE_DAYS, TABLE_SEED + seed, grid=SetupGrid())
    if share:
        plant(table, PLANTED_RANGE, share, seed, days=slice(None))
    return bool(judged(table, market, seed).named)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("markets", 200), ("tables", 200), ("planted", 50), ("workers", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    args = parser.parse_args()
    market = load_market(PROJECT / "deployments" / "markets" / "mgc.toml")
    with ProcessPoolExecutor(args.workers) as pool:
        nulls = list(pool.map(partial(null_market, market), range(args.markets)))
        tables = list(pool.map(partial(fair, market, 0.0), range(args.tables)))
        planted = list(pool.map(partial(fair, market, PLANTED_SHARE), range(args.planted)))
    print("### The setup study\n")
    print("| studies | named any setup |")
    print("|---|---|")
    for words, results in (
        ("simulated null markets of three years, after costs", [null[0] for null in nulls]),
        ("the same without costs", [null[1] for null in nulls]),
        ("tables of exact martingale trades", tables),
        (f"the same, one loser in five of {PLANTED_RANGE} long turned into a win", planted),
    ):
        print(f"| {words} | {sum(results)} of {len(results)} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
