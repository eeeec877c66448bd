"""The output of a backtest: a table of its ranges, a tear sheet, CSV files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import ml_core
import tasks
from deployments import cli
from monitoring import pages
from monitoring.pages.formatting import count_of, interval, percent_or_dash, signed_or_dash

if TYPE_CHECKING:
    from rich.table import Table

    from ml_core.backtest.backtest_result import BacktestResult
    from ml_core.market.market import Market
    from ml_core.strategy.rules import Rules
    from tasks.prediction.account_now import AccountNow


def write_files(
    market: Market, rules: Rules, result: BacktestResult, folder: Path, balance: float
) -> list[Path]:
    """Write the tear sheet and the tables of a backtest; return their paths."""
    followed = tasks.followed_rules.FollowedRules(result.taken, market.instrument)
    tables = {
        "trades": followed.trades().set_index("trading_day"),
        "orders": followed.orders(),
        "days": followed.days(balance),
    }
    page = folder / "tear-sheet.html"
    sheet = pages.tear_sheet.tear_sheet_page(market, rules, result, made_at=tasks.settings.now())
    pages.document.write_html(sheet, page)
    files = {name: folder / f"{name}.csv" for name in tables}
    for name, path in files.items():
        with ml_core.files.written_atomically(path) as temporary:
            tables[name].to_csv(temporary)
    return [page, *files.values()]


def in_account(account: AccountNow) -> str:
    """Return a line with the result of a backtest's trades in an account."""
    over = f"; it ended by {account.ended.replace('_', ' ')}" if account.ended else ""
    return (
        f"In the account {account.account}, with the contracts that it allows: "
        f"{account.balance:,.2f} {account.currency} after "
        f"{count_of(account.trades, 'trade')}{over}."
    )


def by_range(result: BacktestResult) -> Table:
    """Return a table with a line for each range that was traded, and one for all."""
    headings = ("", "trades", "won", "net R", "a trade (95 %)", "costs", "driftless", "fall")
    table = cli.drawing.borderless_table(*headings, gap=1)
    for name, group in {**result.ranges, "all": result.whole}.items():
        statistics, mean = group.statistics, group.statistics.per_trade
        table.add_row(
            name,
            f"{statistics.trades:,}",
            percent_or_dash(statistics.hit_rate),
            signed_or_dash(statistics.total_r, 1),
            f"{signed_or_dash(mean.estimate)} ({interval(mean.low, mean.high, 2)})",
            signed_or_dash(-group.cost_per_trade),
            signed_or_dash(group.driftless.net_per_trade if group.driftless else None),
            f"{statistics.drawdown_r:.1f}",
        )
    return table
