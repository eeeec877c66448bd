"""The tables of figures that pages share, every figure beside its baselines."""

from __future__ import annotations

from monitoring.pages.document import Block, Cell, CellText, Paragraph, Table
from monitoring.pages.findings import FEW_TRADES, Figures
from monitoring.pages.formatting import (
    DASH,
    NOT_KNOWN,
    TOO_FEW,
    interval,
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
}


def scoreboard(evaluation: Figures) -> tuple[Block, ...]:
    """Return the headline figures: direction, target before stop, and trading it."""
    summary, quality = evaluation["summary"], evaluation["quality"]
    blocks: list[Block] = [
        Paragraph(
            f"{summary['first_day']} to {summary['last_day']}: {summary['rows']:,} opening "
            f"ranges, {summary['breaks']:,} broke up or down, {summary['no_break']:,} did not. "
            "Beside each figure its 95 % interval, drawn by whole days."
        ),
        direction_table(evaluation["directional"], "Which way the range breaks"),
    ]
    if quality["rows"]:
        note = f"Of {quality['rows']:,} trades that reached target or stop."
        blocks.append(_scores(quality, ("model", "driftless"), "Target before stop", note))
    blocks.append(_trading(evaluation["trading"], _r_words(evaluation["net_r"])))
    return tuple(blocks)


def direction_table(scores: Figures, title: str) -> Table:
    """Return the metrics of the direction of the break beside corridor and majority."""
    return _scores(scores, ("model", "corridor", "majority"), title)


def interval_cell(
    change: Figures, decimals: int, unit: str = "", *, few: bool = False
) -> CellText:
    """Return an estimate with its interval below; with few rows it says that instead."""
    if change["estimate"] is None:
        return NOT_KNOWN
    span = TOO_FEW if few else interval(change, decimals)
    return Cell(signed(change["estimate"], decimals) + unit, span)


def r_cell(trades: Figures, key: str) -> CellText:
    """Return R a trade with its interval, or say that the trades are too few; a dash for none."""
    if not trades["trades"]:
        return DASH
    return interval_cell(trades[key], 3, few=trades["trades"] < FEW_TRADES)


def _scores(scores: Figures, versions: tuple[str, ...], title: str, note: str = "") -> Table:
    """Return a row for each metric: model and baselines, and the first less the second."""
    rows = []
    for metric, words in _METRICS.items():
        cells = [
            _score(metric, scores[name].get(metric), scores["interval"][name].get(metric))
            for name in versions
        ]
        change = scores["difference"][versions[1]].get(metric)
        rows.append((words, *cells, _change(metric, change) if change else ""))
    return Table(("", *versions, f"model less {versions[1]}"), tuple(rows), title, note)


def _score(metric: str, value: float | None, ends: Figures | None) -> CellText:
    if value is None:
        return NOT_KNOWN
    is_share = metric == "accuracy"
    scale, decimals = (100, 1) if is_share else (1, 4 if metric == "log_loss" else 3)
    text = percent(value) if is_share else f"{value:.{decimals}f}"
    if ends is None or ends["low"] is None:
        return text
    scaled = {key: ends[key] * scale for key in ("low", "high")}
    return Cell(text, interval(scaled, min(decimals, 3), sign=False))


def _change(metric: str, change: Figures) -> CellText:
    if metric != "accuracy":
        return interval_cell(change, 4)
    ends = ("estimate", "low", "high")
    scaled = {key: None if change[key] is None else 100 * change[key] for key in ends}
    return interval_cell(scaled, 1, " points")


def _trading(trading: Figures, note: str) -> Table:
    columns = (trading["every_break"], trading["followed"])
    rows: list[tuple[CellText, ...]] = [
        ("trades", *(f"{trades['trades']:,}" for trades in columns))
    ]
    for key, words in (("gross_r", "R a trade before costs"), ("net_r", "R a trade after costs")):
        rows.append((words, *(r_cell(trades, key) for trades in columns)))
    won = (percent_or_dash(trades.get("hit_rate")) for trades in columns)
    falls = (trades.get("drawdown_r") for trades in columns)
    rows.append(("won, after costs", *won))
    rows.append(("deepest fall", *(DASH if fall is None else f"{fall:.1f} R" for fall in falls)))
    head = ("", "every break", "recommended only")
    return Table(head, tuple(rows), "Trading it", note)


def _r_words(net_r: Figures) -> str:
    if not net_r["rows"]:
        return ""
    figures = (net_r["model_mean"], net_r["driftless_mean"], net_r["actual_mean"]["estimate"])
    if any(figure is None for figure in figures):
        return ""
    model, driftless, actual = (signed(figure, 3) for figure in figures)
    words = (
        f"The R model expected {model} R net on the side that broke, a driftless price "
        f"{driftless}; it came to {actual}."
    )
    covered = net_r.get("interval_coverage")
    if covered is None:
        return words
    return f"{words} {percent(covered, 0)} fell inside the stated interval."
