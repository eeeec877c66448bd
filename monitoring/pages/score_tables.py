"""Tables of figures shared by several pages, every figure beside its baselines."""

from __future__ import annotations

from typing import Literal

from ml_core.evidence.evaluation import (
    DirectionScores,
    EntryScores,
    Evaluation,
    NetRScores,
    NoTrades,
    Trades,
    Trading,
)
from ml_core.evidence.intervals import Interval
from monitoring.pages.document import Block, Cell, CellText, Paragraph, Table
from monitoring.pages.findings import FEW_TRADES
from monitoring.pages.formatting import (
    DASH,
    NOT_KNOWN,
    TOO_FEW,
    interval,
    is_known,
    percent,
    percent_or_dash,
    signed,
)

_METRICS = {
    "accuracy": "accuracy (higher is better)",
    "log_loss": "log loss (lower is better)",
    "brier": "Brier score (lower is better)",
    "auc": "AUC (higher is better)",
    "ece": "calibration error (lower is better)",
    "ece_at_most": "calibration error allowed with so many rows",
}


def scoreboard(evaluation: Evaluation) -> tuple[Block, ...]:
    """Return the headline figures: direction, target before stop, and trading results."""
    summary, quality = evaluation.summary, evaluation.quality
    blocks: list[Block] = [
        Paragraph(
            f"{summary.first_day} to {summary.last_day}: {summary.rows:,} opening ranges, "
            f"{summary.breaks:,} broke up or down, {summary.no_break:,} did not. Beside each "
            "figure its 95 % interval, drawn by whole days."
        ),
        direction_table(evaluation.directional, "Which way the range breaks"),
    ]
    if isinstance(quality, EntryScores):
        note = f"Of {quality.rows:,} trades; {quality.timeouts:,} reached neither in time."
        if is_zero(quality.difference["driftless"].log_loss):
            note += " No model was used: the driftless baseline itself predicted."
        blocks.append(_scores(quality, "Target before stop", note))
    blocks.append(_trading(evaluation.trading, _r_words(evaluation.net_r)))
    return tuple(blocks)


def direction_table(scores: DirectionScores, title: str) -> Table:
    """Return the metrics of the breakout's direction beside corridor and majority."""
    return _scores(scores, title)


def interval_cell(
    change: Interval, decimals: int, unit: str = "", *, scale: float = 1.0, few: bool = False
) -> CellText:
    """Return an estimate with its interval below, or a note that there are few rows."""
    if not is_known(change.estimate):
        return NOT_KNOWN
    span = TOO_FEW if few else interval(scale * change.low, scale * change.high, decimals)
    return Cell(signed(scale * change.estimate, decimals) + unit, span)


def is_zero(change: Interval) -> bool:
    """Return whether two forecasts were equal on every row, whatever days are resampled."""
    return change.estimate == change.low == change.high == 0.0


def r_cell(trades: Trades | NoTrades, costs: Literal["before costs", "after costs"]) -> CellText:
    """Return R per trade with its interval, or that trades are too few; a dash without trades."""
    if not isinstance(trades, Trades):
        return DASH
    r = trades.net_r if costs == "after costs" else trades.gross_r
    return interval_cell(r, 3, few=trades.trades < FEW_TRADES)


def _scores(scores: DirectionScores | EntryScores, title: str, note: str = "") -> Table:
    """Return a row for each metric: model, baselines, and model minus the first baseline."""
    by_forecaster = scores.scores
    _, baseline, *_ = by_forecaster
    rows = []
    for metric, words in _METRICS.items():
        cells = [
            _score(metric, getattr(values, metric), getattr(scores.interval[name], metric, None))
            for name, values in by_forecaster.items()
        ]
        change = getattr(scores.difference[baseline], metric, None)
        rows.append((words, *cells, _change(metric, change) if change else ""))
    return Table(("", *by_forecaster, f"model less {baseline}"), tuple(rows), title, note)


def _score(metric: str, value: float, ends: Interval | None) -> CellText:
    if not is_known(value):
        return NOT_KNOWN
    is_share = metric == "accuracy"
    scale, decimals = (100, 1) if is_share else (1, 4 if metric == "log_loss" else 3)
    text = percent(value) if is_share else f"{value:.{decimals}f}"
    if ends is None or not ends.is_known:
        return text
    return Cell(text, interval(ends.low * scale, ends.high * scale, min(decimals, 3), sign=False))


def _change(metric: str, change: Interval) -> CellText:
    if metric != "accuracy":
        return interval_cell(change, 4)
    return interval_cell(change, 1, " points", scale=100)


def _trading(trading: Trading, note: str) -> Table:
    columns = (trading.every_break, trading.followed)
    taken = [trades if isinstance(trades, Trades) else None for trades in columns]
    falls = (
        f"{trades.drawdown_r:.1f} R" if trades and is_known(trades.drawdown_r) else DASH
        for trades in taken
    )
    won = (percent_or_dash(trades.hit_rate if trades else None) for trades in taken)
    rows: tuple[tuple[CellText, ...], ...] = (
        ("trades", *(f"{trades.trades:,}" for trades in columns)),
        ("R a trade before costs", *(r_cell(trades, "before costs") for trades in columns)),
        ("R a trade after costs", *(r_cell(trades, "after costs") for trades in columns)),
        (
            "won, after costs",
            *won,
        ),
        ("largest drawdown", *falls),
    )
    head = ("", "every break", "recommended only")
    return Table(head, rows, "Trading it", note)


def _r_words(net_r: NetRScores) -> str:
    figures = (net_r.model_mean, net_r.driftless_mean, net_r.actual_mean.estimate)
    if not net_r.rows or not all(map(is_known, figures)):
        return ""
    model, driftless, actual = (signed(figure, 3) for figure in figures)
    words = (
        f"The R model expected {model} R net on the side that broke, a driftless price "
        f"{driftless}; the result was {actual}."
    )
    if is_zero(net_r.squared_error_difference):
        words = (
            f"No R model was used: its baseline, a driftless price, expected {driftless} R net "
            f"on the side that broke; the result was {actual}."
        )
    if net_r.interval_coverage is None:
        return words
    return f"{words} {percent(net_r.interval_coverage, 0)} fell inside the stated interval."
