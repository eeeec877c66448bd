"""`orbcast performance`: results of the predictions on record, compared with the corridor."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

import monitoring
import tasks
from deployments import cli
from deployments.cli.terminal import (
    AsJson,
    MarketOption,
    OptionError,
    echo,
    print_json,
    show_table,
)
from tasks import health

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from monitoring.performance import Period
    from registry.health.estimates import EstimateRecord
    from tasks.health.performance import Record

_MOST_REVISED = 10
_ESTIMATES_SHOWN = 20


class By(StrEnum):
    """What each line of the table is for."""

    VERSION = "version"
    RANGE = "range"
    MONTH = "month"
    DAY = "day"


class Mode(StrEnum):
    """Which predictions."""

    LIVE = "live"
    REPLAY = "replay"


def performance(
    market: MarketOption = "mgc",
    mode: Annotated[
        Mode, typer.Option(help="Which predictions: live, or replayed ones.")
    ] = Mode.LIVE,
    by: Annotated[By, typer.Option(help="A line for each day.")] = By.VERSION,
    last: Annotated[str, typer.Option(help="Only the latest days, such as 90d.")] = "",
    estimates: Annotated[
        bool, typer.Option("--estimates", help="Show the estimates made before the outcomes.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the results of the predictions on record, and whether they differ from the corridor.

    Accuracy, log loss, Brier and calibration are over breaks up or down that were predicted in
    time; R is over finished trades. A difference is reported only if its whole 95 % interval,
    resampled by whole days, lies on one side of 0.

    Example: orbcast performance --by month --last 180d
    """
    settings = tasks.settings.current_settings()
    symbol = settings.market(market).symbol
    record = health.performance.record_of(
        settings, symbol, mode.value, by.value, last_days=_days(last), at=tasks.settings.now()
    )
    if as_json:
        print_json(record)
        return
    if not record.groups:
        echo(_no_outcomes(symbol, market, mode))
        return
    if estimates:
        _print_estimates(record.estimates)
        return
    _print_record(record, by)


def _days(text: str) -> int | None:
    if not text:
        return None
    matched = re.fullmatch(r"([1-9]\d{0,4})d?", text.strip())
    if matched is None:
        raise OptionError("--last", text, "is not a number of days", "write one such as 90d")
    return int(matched[1])


def _no_outcomes(symbol: str, market: str, mode: Mode) -> str:
    if mode is Mode.REPLAY:
        return (
            f"{symbol}: no replayed predictions in these days. Replay a past slot with `orbcast "
            f"run shadow-predict --market {market} --param as_of=2025-06-30T09:05`, then "
            f"`orbcast run log-outcomes --market {market}`"
        )
    return (
        f"{symbol}: no live predictions in these days. `orbcast up` predicts each slot as it "
        f"comes and logs its outcome; `orbcast run log-outcomes --market {market}` updates "
        "the figures. Past days can be replayed: --mode replay"
    )


def _print_record(record: Record, by: By) -> None:
    echo(f"{record.market}, {record.champion.verdict}")
    show_table(_periods(record.groups, by))
    for line in _remarks(record):
        echo(f"  {line}")


def _table(*headings: str) -> Table:
    """Return a table that fits 80 columns; its first column is a name."""
    return cli.drawing.borderless_table(headings[0], figures=headings[1:], whole=True, gap=1)


def _periods(groups: dict[str, Period], by: By) -> Table:

    table = _table(
        f"\n{by}",
        "\nn",
        "model\nright",
        "corr.\nright",
        "loss\nmore",
        "95 %\ninterval",
        "\nECE",
        "\nnet R",
        "in\n80 %",
    )
    for name, group in groups.items():
        scores: tuple[str, ...] = ("-",) * 5
        if group.forecasters:
            model, change = group.forecasters["model"], group.difference["corridor"].log_loss
            span = f"{change.low:+.3f}..{change.high:+.3f}"
            scores = (
                f"{model.accuracy:.1%}",
                f"{group.forecasters['corridor'].accuracy:.1%}",
                f"{change.estimate:+.3f}",
                span if group.days >= monitoring.performance.MIN_DAYS else "few days",
                f"{model.ece:.3f}",
            )
        taken = group.trades["taken"]
        table.add_row(
            name.replace(" ", "\n"),
            f"{group.counts.breaks:,}",
            *scores,
            f"{taken.r_net:+.1f}" if taken.trades else "-",
            f"{group.coverage.estimate:.0%}" if group.coverage.rows else "-",
        )
    return table


def _remarks(record: Record) -> list[str]:
    whole, lines = record.champion, []
    if whole.forecasters:
        model, corridor = whole.forecasters["model"], whole.forecasters["corridor"]
        lines.append(
            f"log loss {model.log_loss:.4f}, corridor {corridor.log_loss:.4f}; Brier "
            f"{model.brier:.4f}, {corridor.brier:.4f}; ECE {model.ece:.3f}, "
            f"{corridor.ece:.3f} (chance alone gives {model.ece_by_chance:.3f})"
        )
    if "majority" in whole.forecasters:
        majority, change = whole.forecasters["majority"], whole.difference["majority"].log_loss
        lines.append(
            f"the majority of the training days: right {majority.accuracy:.1%}, log loss "
            f"{majority.log_loss:.4f}; the model's is {change.estimate:+.3f} "
            f"({change.low:+.3f} to {change.high:+.3f})"
        )
    words = {
        "taken": "recommended trades",
        "predicted_side": "every break on the predicted side",
        "every_break": "every break",
    }
    for key, name in words.items():
        trades = whole.trades[key]
        if trades.trades:
            lines.append(
                f"{name}: {trades.trades:,}, {trades.r_gross:+.1f} R before costs, "
                f"{trades.r_net:+.1f} R after, {trades.net_r.estimate:+.3f} R a trade"
            )
    if whole.abstained:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in whole.abstained.items())
        lines.append(f"no prediction: {reasons}")
    counts = whole.counts
    lines.append(
        f"{counts.open:,} still open, {counts.late:,} predicted too late to be scored, "
        f"{counts.late_outcomes:,} outcomes recorded late, {counts.revised:,} revised"
    )
    lines += [
        f"revised {revision.slot}: {revision.earlier.direction} {_r(revision.earlier.r_net)} "
        f"became {revision.later.direction} {_r(revision.later.r_net)} on "
        f"{revision.later_recorded_at:%Y-%m-%d}"
        for revision in record.revised[-_MOST_REVISED:]
    ]
    for role, line in record.monitors.items():
        lines += [
            f"{role}, {monitor.watches}: {'ALARM, ' if monitor.alarm else ''}"
            f"e-value {monitor.e_value:.3g} "
            f"(alarm at {1 / monitor.alpha:.0f}); {monitor.words}"
            for monitor in line
        ]
    return lines


def _print_estimates(estimates: Sequence[EstimateRecord]) -> None:
    if not estimates:
        echo(
            "No estimate yet: one is made from the latest predictions each day, once there are "
            "30 of one recipe, live and in time."
        )
        return
    table = _table(
        "to",
        "role",
        "rows",
        "log loss\nexpected",
        "95 %\ninterval",
        "\ncame",
        "\nerror",
        "ECE\nexp.",
        "\ncame",
    )
    for row in estimates[-_ESTIMATES_SHOWN:]:
        expected, truth = row.expected.metrics, row.realised
        loss, ece = expected["log_loss"], expected["ece"]
        outside = "" if truth is None or truth.inside["log_loss"] else " !"
        table.add_row(
            str(row.last_day),
            row.role,
            str(row.rows),
            f"{loss.value:.3f}",
            f"{loss.low:.3f}..{loss.high:.3f}",
            "-" if truth is None else f"{truth.realised['log_loss']:.3f}{outside}",
            "-" if truth is None else f"{truth.error['log_loss']:+.3f}",
            f"{ece.value:.3f}",
            "-" if truth is None else f"{truth.realised['ece']:.3f}",
        )
    show_table(table)
    inside = [estimate.realised.inside["log_loss"] for estimate in estimates if estimate.realised]
    if inside:
        words = f"  {sum(inside)} of {len(inside)} were within their interval; windows overlap."
        echo(words)
    last = estimates[-1]
    if last.expected.warning:
        echo(f"  {last.role} {last.version}: {last.expected.warning}")
    echo(
        "  An estimate assumes that the probabilities are right: it cannot detect that the "
        "market has changed.",
    )


def _r(value: float | None) -> str:
    return "-" if value is None else f"{value:+.2f} R"
