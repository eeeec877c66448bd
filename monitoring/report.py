"""The report of a model version: one page, whole in itself, the verdict first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from monitoring.charts import chart_cards
from monitoring.findings import (
    DASH,
    FEW_TRADES,
    Figures,
    between,
    finding,
    label_words,
    money,
    recovered,
    require,
    score_rows,
)
from monitoring.guide import LIMITS, READING
from monitoring.markup import Html, element, join, table
from monitoring.plots import percent, signed

_STYLE = Path(__file__).with_name("report.css")
_EVALUATION = (
    "verdict",
    *(f"summary.{key}" for key in ("market", "model", "version", "label", "first_day")),
    *(f"summary.{key}" for key in ("last_day", "rows", "breaks", "no_break")),
    *(f"directional.{key}" for key in ("model", "corridor", "majority", "interval")),
    "directional.difference.corridor.log_loss",
    "directional.reliability.model",
    "directional.reliability.corridor",
    "quality.rows",
    "net_r.rows",
    "by_range",
    "trading.recommended",
    "trading.every_break.trades",
    "trading.followed.trades",
    "equity.days",
)
_TRAINED = ("train", "calibrate", "models", "data_fingerprint", "cost_ticks")
_TRUTH = ("bayes_accuracy", "bayes_log_loss", "driftless_accuracy", "driftless_log_loss")
_RECENT_HEAD = ("range", "UP, said", "UP, corridor", "recommended", "broke", "R net of the break")
MOST_SHOWN = 12
"""Ledger rows shown at once; those before them unfold."""

_PERIODS = {"train": "trained on", "calibrate": "calibrated on"}


def render_report(
    evaluation: Figures,
    *,
    trained: Figures,
    importance: Mapping[str, Mapping[str, float]],
    data: Mapping[str, object] | None = None,
    excluded: Mapping[str, int] | None = None,
    truth: Figures | None = None,
    recent: Sequence[Figures] = (),
    decision: str = "",
    made_at: datetime | None = None,
) -> str:
    """Write the report as one HTML document without scripts, links or outside hosts.

    Parameters
    ----------
    evaluation
        :meth:`ml_core.evidence.evaluate.Evaluation.to_json`.
    trained
        The version's metadata: periods, models, fingerprint.
    importance
        For each model, feature -> share of the trees' gain; empty for baselines.
    data
        What is to be said of the bars, label -> value, in order.
    excluded
        Opening ranges left out of everything, reason -> count.
    truth
        Of a simulated market: its ``Truth.summary()``, and ``edge`` in accuracy points.
    recent
        Predictions of the ledger with outcomes: ``day``, ``opening_range``, ``mode``, ``status``,
        ``reason``, ``p_up``, ``baseline_p_up``, ``recommendation``, ``direction``, ``r_net``.
    decision
        What was done with the version.
    made_at
        Printed at the foot, in UTC; left out, the same inputs give the same bytes.

    Raises
    ------
    NotAnEvaluationError
        Something the report needs is absent.
    """
    require("evaluation", evaluation, *_EVALUATION)
    require("version's metadata", trained, *_TRAINED)
    if truth is not None:
        require("simulated market's truth", truth, *_TRUTH)
    summary = evaluation["summary"]
    parts = [
        _verdict(evaluation, decision, simulated=truth is not None),
        _section("The figures, on days the model never saw", _figures(evaluation)),
        _section("In pictures", chart_cards(evaluation, importance, truth)),
        _section("What could be known", _truth(evaluation, truth)) if truth else Html(),
        _section("Predictions written down before the outcome", _recent(recent)),
        _section("What it was trained on", _training(evaluation, trained)),
        _section("The data", _data(data or {}, excluded or {})),
        _section("Limits", element("ul", *(element("li", each) for each in LIMITS))),
        _section("How to read this", _reading()),
        _foot(summary, made_at),
    ]
    title = f"Orbcast: {summary['market']} {summary['model']} {summary['version']}"
    head = element(
        "head",
        Html('<meta charset="utf-8">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        element("title", title),
        element("style", Html(_STYLE.read_text("utf-8"))),
    )
    page = element("html", head, element("body", element("main", *parts)), lang="en")
    return f"<!doctype html>\n{page}\n"


def _section(title: str, *content: Html) -> Html:
    if not any(content):
        return Html()
    return element("section", element("h2", title), *content)


def _verdict(evaluation: Figures, decision: str, *, simulated: bool) -> Html:
    summary = evaluation["summary"]
    kind = " · simulated market" if simulated else ""
    headline, colon, detail = evaluation["verdict"].partition(": ")
    lines = [
        element("h1", headline + ("." if colon else "")),
        element("p", detail[:1].upper() + detail[1:]) if detail else Html(),
        element("p", money(evaluation["trading"])),
        element("p", decision) if decision else Html(),
    ]
    return element(
        "header",
        element(
            "div", f"Orbcast · {summary['market']} · {summary['model']}{kind}", class_="eyebrow"
        ),
        element("div", *lines, class_=f"verdict {finding(evaluation)}"),
    )


def _figures(evaluation: Figures) -> Html:
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
        _card("Which way the range breaks", direction),
    ]
    if quality["rows"]:
        rows = score_rows(quality, ("model", "driftless"))
        win = table(("", "model", "driftless", "model less driftless"), rows, "figures")
        words = f"Of {quality['rows']:,} trades that reached target or stop."
        parts.append(_card("Target before stop", win, words))
    parts.append(_card("Trading it", _trading(evaluation["trading"]), _r_words(evaluation)))
    return join(parts)


def _card(title: str, content: Html, words: str = "") -> Html:
    note = element("p", words, class_="small") if words else Html()
    style = "margin-bottom:1rem"
    top = element("h3", title) if title else Html()
    return element("div", top, content, note, class_="card", style=style)


def _trading(trading: Figures) -> Html:
    columns = (trading["every_break"], trading["followed"])
    rows: list[tuple[object, ...]] = [("trades", *(f"{each['trades']:,}" for each in columns))]
    for key, words in (("gross_r", "R a trade before costs"), ("net_r", "R a trade after costs")):
        rows.append((words, *(_r(each, key) for each in columns)))
    rows.append(("won, after costs", *(_share(each.get("hit_rate")) for each in columns)))
    falls = (each.get("drawdown_r") for each in columns)
    rows.append(("deepest fall", *("" if each is None else f"{each:.1f} R" for each in falls)))
    return table(("", "every break", "recommended only"), rows, "figures")


def _r(trades: Figures, key: str) -> Html | str:
    interval = trades.get(key)
    if interval is None or interval["estimate"] is None:
        return ""
    few = trades["trades"] < FEW_TRADES
    span = element("span", "too few to judge" if few else between(interval, 3), class_="span")
    return join((signed(interval["estimate"], 3), span))


def _share(value: float | None) -> str:
    return "" if value is None else percent(value)


def _r_words(evaluation: Figures) -> str:
    said = evaluation["net_r"]
    if not said["rows"] or said.get("model_mean") is None:
        return ""
    words = (
        f"The R model expected {signed(said['model_mean'], 3)} R net on the side that broke, a "
        f"driftless price {signed(said['driftless_mean'], 3)}; it came to "
        f"{signed(said['actual_mean']['estimate'], 3)}."
    )
    covered = said.get("interval_coverage")
    return (
        words
        if covered is None
        else f"{words} {percent(covered, 0)} fell inside the stated interval."
    )


def _truth(evaluation: Figures, truth: Figures) -> Html:
    edge = truth.get("edge")
    planted = (
        "No edge is planted: nobody can beat the corridor here, and a report that says otherwise "
        "is wrong."
        if edge == 0
        else "An edge is planted, and its size is known exactly."
        if edge is None
        else f"An edge is planted: who knows it is right {edge * 100:g} points more often."
    )
    rows = [
        ("best possible", percent(truth["bayes_accuracy"]), f"{truth['bayes_log_loss']:.4f}"),
        (
            "best without the edge",
            percent(truth["driftless_accuracy"]),
            f"{truth['driftless_log_loss']:.4f}",
        ),
        *(
            (
                f"{name}, measured",
                percent(evaluation["directional"][name]["accuracy"]),
                f"{evaluation['directional'][name]['log_loss']:.4f}",
            )
            for name in ("model", "corridor")
        ),
    ]
    share = recovered(evaluation, truth)
    found = (
        ""
        if share is None
        else f"The model found {percent(share, 0)} of the log loss there is to gain. What is "
        "known is an expectation; what is measured on some days lies above or below it by luck."
    )
    return join(
        (
            element("p", "This market is simulated, so the answer is known. ", planted),
            _card("Known and measured", table(("", "accuracy", "log loss"), rows), found),
        )
    )


def _recent(rows: Sequence[Figures]) -> Html:
    if not rows:
        return Html()
    cells = []
    for row in rows:
        said = row["status"] == "predicted"
        what = row.get("recommendation") or DASH if said else row.get("reason") or "no answer"
        cells.append(
            (
                f"{row['day']} {row['opening_range']}",
                _share(row.get("p_up")) if said else DASH,
                _share(row.get("baseline_p_up")) if said else DASH,
                what,
                row.get("direction") or "open",
                DASH if row.get("r_net") is None else signed(row["r_net"], 2),
            )
        )
    shown = table(_RECENT_HEAD, cells[-MOST_SHOWN:], "figures")
    if len(cells) > MOST_SHOWN:
        earlier = element("summary", f"{len(cells) - MOST_SHOWN} earlier ones")
        older = table(_RECENT_HEAD, cells[:-MOST_SHOWN], "figures")
        shown = join((shown, element("details", earlier, older)))
    replayed = any(row.get("mode") == "replay" for row in rows)
    note = "Replayed: past days predicted as if live. Replays count for no decision."
    return _card("", shown, note if replayed else "")


def _training(evaluation: Figures, trained: Figures) -> Html:
    summary = evaluation["summary"]
    rows: list[tuple[object, ...]] = [("version", element("code", summary["version"]))]
    for part, words in _PERIODS.items():
        each = trained[part]
        period = f"{each['first_day']} to {each['last_day']}, {each['rows']:,} opening ranges"
        rows.append((words, period))
    rows.append(
        (
            "judged on",
            f"{summary['first_day']} to {summary['last_day']}, {summary['rows']:,} opening ranges",
        )
    )
    rows.append(("a trade is", label_words(summary["label"])))
    rows.append(("costs", f"{trained['cost_ticks']:g} ticks a round trip"))
    for name, each in trained["models"].items():
        learned = f"{each['rounds']} small trees" if each["learned"] else "nothing: its baseline"
        rows.append((f"{name.replace('_', ' ')} model", f"learned {learned}"))
    if not trained["models"]:
        rows.append(("models", "none: the driftless baselines alone"))
    rows.append(("data", element("code", trained["data_fingerprint"][:16])))
    return _card("", table(("", ""), rows, "words"))


def _data(data: Mapping[str, object], excluded: Mapping[str, int]) -> Html:
    rows: list[tuple[object, ...]] = [
        (name, f"{value:,}" if isinstance(value, int) else value) for name, value in data.items()
    ]
    left_out = ", ".join(
        f"{reason.replace('_', ' ')} {count:,}" for reason, count in excluded.items() if count
    )
    if left_out:
        rows.append(("ranges left out", left_out))
    return _card("", table(("", ""), rows, "words")) if rows else Html()


def _reading() -> Html:
    items = [join((element("dt", term), element("dd", words))) for term, words in READING]
    return element("dl", *items)


def _foot(summary: Figures, made_at: datetime | None) -> Html:
    when = "" if made_at is None else f" · made {made_at:%Y-%m-%d %H:%M} UTC"
    words = f"Orbcast · {summary['market']} · {summary['version']}{when}"
    return element("footer", words, " · figures of the past; nothing here places an order.")
