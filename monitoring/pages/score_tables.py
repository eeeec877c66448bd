"""The tables of figures that reports share, every figure beside its baselines."""

from __future__ import annotations

from monitoring.pages.findings import (
    DASH,
    FEW_TRADES,
    Figures,
    interval_cell,
    score_rows,
)
from monitoring.pages.markup import Html, element, join, table
from monitoring.pages.page_frame import card
from monitoring.pages.plots import percent, signed


def scoreboard(evaluation: Figures) -> Html:
    """Return the headline figures: direction, target before stop, and trading it."""
    summary, quality = evaluation["summary"], evaluation["quality"]
    direction = table(
        ("", "model", "corridor", "majority", "model less corridor"),
        score_rows(evaluation["directional"], ("model", "corridor", "majority")),
        "figures",
    )
    parts = [
        element(
            "p",
            f"{summary['first_day']} to {summary['last_day']}: {summary['rows']:,} opening "
            f"ranges, {summary['breaks']:,} broke up or down, {summary['no_break']:,} did not. "
            "Below each figure its 95 % interval, drawn by whole days.",
        ),
        card("Which way the range breaks", direction),
    ]
    if quality["rows"]:
        rows = score_rows(quality, ("model", "driftless"))
        win = table(("", "model", "driftless", "model less driftless"), rows, "figures")
        words = f"Of {quality['rows']:,} trades that reached target or stop."
        parts.append(card("Target before stop", win, words))
    parts.append(card("Trading it", _trading(evaluation["trading"]), _r_words(evaluation)))
    return join(parts)


def r_cell(trades: Figures, key: str) -> Html | str:
    """Return R a trade with its interval, or say that the trades are too few; a dash for none."""
    if not trades["trades"]:
        return DASH
    return interval_cell(trades[key], 3, few=trades["trades"] < FEW_TRADES)


def share(value: float | None) -> str:
    """Return a share as per cent; a dash for none."""
    return DASH if value is None else percent(value)


def _trading(trading: Figures) -> Html:
    columns = (trading["every_break"], trading["followed"])
    rows: list[tuple[object, ...]] = [("trades", *(f"{each['trades']:,}" for each in columns))]
    for key, words in (("gross_r", "R a trade before costs"), ("net_r", "R a trade after costs")):
        rows.append((words, *(r_cell(each, key) for each in columns)))
    rows.append(("won, after costs", *(share(each.get("hit_rate")) for each in columns)))
    falls = (each.get("drawdown_r") for each in columns)
    rows.append(("deepest fall", *(DASH if each is None else f"{each:.1f} R" for each in falls)))
    return table(("", "every break", "recommended only"), rows, "figures")


def _r_words(evaluation: Figures) -> str:
    said = evaluation["net_r"]
    if not said["rows"]:
        return ""
    figures = (said["model_mean"], said["driftless_mean"], said["actual_mean"]["estimate"])
    if any(each is None for each in figures):
        return ""
    model, driftless, actual = (signed(each, 3) for each in figures)
    words = (
        f"The R model expected {model} R net on the side that broke, a driftless price "
        f"{driftless}; it came to {actual}."
    )
    covered = said.get("interval_coverage")
    return (
        words
        if covered is None
        else f"{words} {percent(covered, 0)} fell inside the stated interval."
    )
