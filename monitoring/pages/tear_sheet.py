"""The tear sheet of a backtest: the result, the days, and how far it can be trusted."""

from __future__ import annotations

from calendar import month_abbr
from datetime import datetime

from ml_core.backtest.backtest_result import BacktestResult, GroupResult
from ml_core.backtest.tear_sheet import Fall, TearSheet, tear_sheet
from ml_core.market.market import Market
from ml_core.strategy.rules import Rules
from monitoring.pages.document import (
    BulletList,
    CellText,
    Chart,
    Charts,
    Document,
    FactTable,
    Finding,
    Paragraph,
    Section,
    Table,
)
from monitoring.pages.figure_style import CORRIDOR, MODEL, Mark
from monitoring.pages.formatting import (
    DASH,
    count_of,
    interval,
    is_known,
    percent_or_dash,
    signed,
    signed_or_dash,
    with_true_minuses,
)
from monitoring.pages.plots.days import Running, days_plot, equity_plot

_LIMITS = tuple(
    " ".join(paragraph.split())
    for paragraph in """
Prices are those of the bars: an order fills at its price or at the open beyond it, plus the
slippage that the market file assumes. Where stop and target lie in one bar, the stop came first.

R is of the plan's size; a trade belongs to the day of its range, whenever it was closed.

Rules that were changed until this page looked good are not evidence. Each distinct backtest is
counted, and the interval corrected for all of them is the one to use.

The ratio of a year is of days as if they were independent, and holds for one test.
""".strip().split("\n\n")
)


def tear_sheet_page(
    market: Market, rules: Rules, result: BacktestResult, *, made_at: datetime | None = None
) -> Document:
    """Return the page.

    Parameters
    ----------
    market, rules
        The traded market, and the rules.
    result
        The result of the backtest.
    made_at
        Printed at the foot, in UTC; without it, the same backtest gives the same bytes.
    """
    sheet, statistics = tear_sheet(result.taken), result.whole.statistics
    days = f"{sheet.days[0]} to {sheet.days[-1]}, {len(sheet.days):,} trading days"
    if not statistics.trades:
        return Document(
            title=f"Orbcast: {market.symbol} {rules.name}",
            names=(market.symbol, rules.name, "backtest"),
            verdict="No trade.",
            lines=(f"{days}; {_refusals(result)}.",),
            made_at=made_at,
        )
    return Document(
        title=f"Orbcast: {market.symbol} {rules.name}",
        names=(market.symbol, rules.name, "backtest"),
        verdict=f"{statistics.verdict[0].upper()}{statistics.verdict[1:]}.",
        finding=_finding(result),
        lines=(with_true_minuses(f"{statistics.words}."), f"{days}."),
        sections=(
            Section("Figures", (FactTable(_figures(sheet, result)),)),
            Section("Charts", (Charts(_charts(sheet)),)),
            Section("Month by month", (_months(sheet),)),
            Section("By range and year", _parts(result)),
            Section("Method", _verdict(rules, result)),
        ),
        made_at=made_at,
    )


def _finding(result: BacktestResult) -> Finding:
    paid = result.paid_for
    if paid is not None and paid[0] > 0 and result.whole.statistics.per_trade.above_zero:
        return "better"
    return "worse" if result.whole.statistics.per_trade.below_zero else "none"


def _figures(sheet: TearSheet, result: BacktestResult) -> dict[str, CellText]:
    statistics = result.whole.statistics
    ratio = (
        DASH
        if sheet.sharpe is None
        else f"{signed(sheet.sharpe, 2)}, standard error {sheet.sharpe_error:.2f}"
    )
    factor = DASH if sheet.profit_factor is None else f"{sheet.profit_factor:.2f}"
    return {
        "R net": f"{signed(statistics.total_r, 1)} in {statistics.trades:,} trades",
        "R net a trade": f"{signed(statistics.per_trade.estimate, 3)} "
        f"({interval(statistics.per_trade.low, statistics.per_trade.high, 3)})",
        "trades won": percent_or_dash(statistics.hit_rate),
        "won by lost R": factor,
        "days up": percent_or_dash(sheet.days_up),
        "best and worst day": f"{signed(sheet.best_day, 1)} R, {signed(sheet.worst_day, 1)} R",
        "longest run of losses": f"{sheet.longest_losing_run} trades",
        "largest drawdown by day": _fall_words(sheet.fall),
        "Sharpe ratio of days, a year": ratio,
    }


def _fall_words(fall: Fall) -> str:
    if fall.began is None:
        return "none"
    back = f"recovered on {fall.recovered}" if fall.recovered else "not recovered by the end"
    return f"{fall.r:.1f} R, from {fall.began} to {fall.lowest}, {back}"


def _charts(sheet: TearSheet) -> tuple[Chart, ...]:
    days = [str(day) for day in sheet.days]
    lines = [
        Running("after costs", sheet.running_net.tolist(), MODEL),
        Running("before costs", sheet.gross_r.cumsum().tolist(), CORRIDOR, dashed=True),
    ]
    below = [Running("below the high", sheet.below_high.tolist(), MODEL)]
    words = "The gap between the lines is costs."
    return (
        Chart("equity", "Running R", words, equity_plot(days, lines)),
        Chart(
            "falls",
            "How far below its high",
            "0 is a new high.",
            days_plot(days, below, "R below the high", Mark(0, ""), unit=" R"),
        ),
    )


def _months(sheet: TearSheet) -> Table:
    years = sorted({year for year, _ in sheet.months})
    rows = []
    for year in years:
        values = [sheet.months.get((year, month)) for month in range(1, 13)]
        whole = sum(value for value in values if value is not None)
        cells = (DASH if value is None else signed(value, 1) for value in values)
        rows.append((str(year), *cells, signed(whole, 1)))
    return Table(
        head=("R net", *month_abbr[1:], "year"), rows=tuple(rows), note="By the day of the range."
    )


def _parts(result: BacktestResult) -> tuple[Table, ...]:
    ranges = {**result.ranges, "all": result.whole}
    return (
        Table(
            head=("range", "trades", "won", "R net", "a trade", "95 %", "costs", "driftless"),
            rows=tuple((name, *_group(group)) for name, group in ranges.items()),
            note="Driftless: what a price without drift gives the same rules in the same bars.",
        ),
        Table(
            head=("year", "trades", "won", "R net", "a trade", "95 %"),
            rows=tuple(
                (
                    year,
                    f"{statistics.trades:,}",
                    percent_or_dash(statistics.hit_rate),
                    signed(statistics.total_r, 1),
                    signed_or_dash(statistics.per_trade.estimate, 3),
                    interval(statistics.per_trade.low, statistics.per_trade.high, 3),
                )
                for year, statistics in result.years.items()
            ),
        ),
    )


def _group(group: GroupResult) -> tuple[CellText, ...]:
    statistics, mean = group.statistics, group.statistics.per_trade
    cost = -group.cost_per_trade
    return (
        f"{statistics.trades:,}",
        percent_or_dash(statistics.hit_rate),
        signed(statistics.total_r, 1),
        signed_or_dash(mean.estimate, 3),
        interval(mean.low, mean.high, 3),
        signed(cost, 3) if is_known(cost) else DASH,
        signed_or_dash(group.driftless.net_per_trade if group.driftless else None, 3),
    )


def _verdict(rules: Rules, result: BacktestResult) -> tuple[Paragraph | BulletList, ...]:
    blocks = [Paragraph(f"Rules {rules.name}, {rules.hash[:12]}. {_refusals(result)}.")]
    if beside := beside_driftless_words(result):
        blocks.append(Paragraph(with_true_minuses(beside)))
    return (*blocks, BulletList(_LIMITS))


def beside_driftless_words(result: BacktestResult) -> str:
    """Return the comparison with driftless prices, adjusted for all looks; "" without a trade."""
    if result.whole.driftless is None or result.paid_for is None:
        return ""
    beside, looks = result.whole.driftless.words, count_of(result.looks, "look")
    ends = interval(*result.paid_for, 3)
    return f"{beside[0].upper()}{beside[1:]}; corrected for {looks} {ends}."


def _refusals(result: BacktestResult) -> str:
    if not result.refused:
        return "No rule refused a range"
    return "Refused: " + ", ".join(f"{why} {count:,}" for why, count in result.refused.items())
