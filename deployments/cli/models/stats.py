"""`orbcast stats`: outcomes of ranges that meet a condition, compared with luck."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

import tasks
from deployments import cli
from deployments.cli.progress import progress
from deployments.cli.terminal import AsJson, MarketOption, days_of, echo, print_json, show_table
from ml_core.json_values import json_values
from monitoring.pages.formatting import interval, percent_or_dash, signed_or_dash
from tasks import data, statistics

if TYPE_CHECKING:
    from rich.table import Table

    from ml_core.evidence.intervals import Interval
    from ml_core.setups.conditional import ConditionalStats, GroupFigures


def stats(
    condition: Annotated[
        str, typer.Option("--if", help='Such as "range_size_atr14 > 0.1 and weekday == 2".')
    ],
    opening_range: Annotated[
        str | None, typer.Option("--range", help="This opening range; all if left out.")
    ] = None,
    side: Annotated[str, typer.Option(help="Trades of breaks up, down or either.")] = "either",
    market: MarketOption = "mgc",
    first: Annotated[str | None, typer.Option("--from", help="First trading day.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last trading day.")] = None,
    stop: Annotated[str, typer.Option(help="Stop: full or half.")] = "full",
    rr: Annotated[float, typer.Option(help="Target distance in risks.")] = 1.0,
    as_json: AsJson = False,
) -> None:
    """Compare the ranges that meet a condition with those that do not.

    The condition may name any feature known when the range closes (those of `orbcast dataset`),
    compared with numbers or with one another, joined by and, or, not and brackets. It may also
    name the market's sessions: asia_range_atr, asia_move_atr and asia_position are of the Asian
    session as it was last completed. Each distinct
    question is counted as a trial of the market, like a recipe. The answer says how much of the
    difference that many trials would show by luck alone.

    Example: orbcast stats --range 1100 --if "asia_range_atr > 0.8" --side up

    Example: orbcast stats --if "weekday == 0 or early_close == 1" --json
    """
    settings = tasks.settings.current_settings()
    begin, end = days_of(first, last)
    question = statistics.conditional_stats.range_question(
        settings.catalogue(),
        settings.market(market),
        condition,
        side=side,
        opening_range=opening_range,
        label=data.datasets.label_spec(stop=stop, rr=rr),
        first=begin,
        last=end,
    )
    with progress("Computing ranges, labels and features"):
        answer = statistics.conditional_stats.answer_question(
            settings, market, question, tasks.settings.now()
        )
    if as_json:
        print_json(
            {"market": settings.market(market).symbol, **question.values} | json_values(answer)
        )
        return
    show_table(_table(answer))
    if answer.unknown:
        echo(
            f"{answer.unknown:,} ranges left out: a feature of the condition is unknown for them."
        )
    if answer.difference.is_known:
        alone = interval(answer.difference.low, answer.difference.high, 2)
        paid_for = interval(answer.low, answer.high, 2)
        echo(
            f"Net R a trade differs by {signed_or_dash(answer.difference.estimate)} R ({alone}; "
            f"corrected for {answer.looks:,} tests {paid_for})."
        )
    echo(answer.verdict)


def _table(answer: ConditionalStats) -> Table:
    table = cli.drawing.borderless_table("", "it holds", "it does not", gap=2)
    groups = (answer.holds, answer.others)
    for words, cell in (
        ("ranges", lambda group: f"{group.ranges:,}"),
        ("trading days", lambda group: f"{group.days:,}"),
        ("breaks", lambda group: f"{group.breaks:,}"),
        ("broke UP", lambda group: _share(group.broke_up)),
        (_trades(answer), lambda group: f"{group.trades:,}"),
        ("won", lambda group: _share(group.won)),
        ("net R a trade", _net_r),
    ):
        table.add_row(words, *map(cell, groups))
    return table


def _trades(answer: ConditionalStats) -> str:
    return "trades" if answer.side == "either" else f"trades of breaks {answer.side}"


def _share(share: Interval) -> str:
    if not share.is_known:
        return percent_or_dash(share.estimate)
    return (
        f"{percent_or_dash(share.estimate)} "
        f"({percent_or_dash(share.low, 0)} to {percent_or_dash(share.high, 0)})"
    )


def _net_r(group: GroupFigures) -> str:
    own = group.net_r
    span = f" ({interval(own.low, own.high, 2)})" if own.is_known else ""
    return f"{signed_or_dash(own.estimate)}{span}"
