"""The report of a model version: one page, whole in itself, the verdict first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from monitoring.pages.findings import (
    DASH,
    JUDGED,
    Figures,
    label_words,
    recovered,
    require,
)
from monitoring.pages.glossary import LIMITS, READING
from monitoring.pages.markup import Html, element, join, table
from monitoring.pages.page_frame import bullets, card, document, foot, reading, section, verdict
from monitoring.pages.plots import percent, signed
from monitoring.pages.score_tables import scoreboard, share
from monitoring.pages.version_figures import chart_cards

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
    require("evaluation", evaluation, *JUDGED)
    require("version's metadata", trained, *_TRAINED)
    if truth is not None:
        require("simulated market's truth", truth, *_TRUTH)
    summary = evaluation["summary"]
    names = [summary["market"], summary["model"]]
    if truth is not None:
        names.append("simulated market")
    parts = [
        verdict(evaluation, names, decision),
        section("The figures, on days the model never saw", scoreboard(evaluation)),
        section("In pictures", chart_cards(evaluation, importance, truth)),
        section("What could be known", _truth(evaluation, truth)) if truth else Html(),
        section("Predictions written down before the outcome", _recent(recent)),
        section("What it was trained on", _training(evaluation, trained)),
        section("The data", _data(data or {}, excluded or {})),
        section("Limits", bullets(LIMITS)),
        section("How to read this", reading(READING)),
        foot((summary["market"], summary["version"]), made_at),
    ]
    title = f"Orbcast: {summary['market']} {summary['model']} {summary['version']}"
    return document(title, parts)


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
            card("Known and measured", table(("", "accuracy", "log loss"), rows), found),
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
                share(row.get("p_up")) if said else DASH,
                share(row.get("baseline_p_up")) if said else DASH,
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
    return card("", shown, note if replayed else "")


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
    return card("", table(("", ""), rows, "words"))


def _data(data: Mapping[str, object], excluded: Mapping[str, int]) -> Html:
    rows: list[tuple[object, ...]] = [
        (name, f"{value:,}" if isinstance(value, int) else value) for name, value in data.items()
    ]
    left_out = ", ".join(
        f"{reason.replace('_', ' ')} {count:,}" for reason, count in excluded.items() if count
    )
    if left_out:
        rows.append(("ranges left out", left_out))
    return card("", table(("", ""), rows, "words")) if rows else Html()
