"""The report of a walk-forward study: one page, whole in itself, the verdict first."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from monitoring.pages.findings import (
    DASH,
    FEW_TRADES,
    JUDGED,
    Figures,
    interval_cell,
    label_words,
    require,
)
from monitoring.pages.glossary import LIMITS, READING, STUDY_LIMITS, STUDY_READING
from monitoring.pages.markup import Html, element, join, table
from monitoring.pages.page_frame import bullets, card, document, foot, reading, section, verdict
from monitoring.pages.plots import signed
from monitoring.pages.score_tables import r_cell, scoreboard, share
from monitoring.pages.study_plots import study_charts
from monitoring.pages.version_figures import chart_card

_GROUPS = ("by_year", "by_side", "by_fold")
_DECISION = ("verdict", "conditions", "trading")
_STATES = {
    "holds": "\N{CHECK MARK} holds",
    "fails": "\N{MULTIPLICATION SIGN} fails",
    "unknown": "? not known",
}
_SIDES = {"long": "broke up, long", "short": "broke down, short"}
_NOT_KNOWN = "not known"
_START, _END = "the first day that can be judged", "the last there is"
_SETTINGS = {
    *("recipe", "recipe_hash", "refit", "window", "from", "to", "embargo_days", "interval"),
    *("counts", "folds", "not_judged"),
}

# figures that a condition's sentence tells already
_TOLD = {
    *("estimate", "low", "high", "rows", "days", "error", "smaller_is_better"),
    *("ece", "by_chance", "at_most", "at_least", "needed", "missing"),
    *("trials", "z_wanted", "z_least", "wanted", "e_better", "e_worse"),
}

_Cell = Callable[[Figures], object]


def render_study(
    evaluation: Figures,
    *,
    settings: Figures,
    decision: Figures | None = None,
    seeds: Sequence[float | None] | None = None,
    power: Figures | None = None,
    trials: int | None = None,
    not_judged: Sequence[str] = (),
    made_at: datetime | None = None,
) -> str:
    """Write the report as one HTML document without scripts, links or outside hosts.

    What is None or not a number is shown as not known, never as a figure and never as holding.

    Parameters
    ----------
    evaluation
        :meth:`ml_core.evidence.evaluate.Evaluation.to_json` of every fold's answers.
    settings
        How it was made, plain values: ``recipe``, ``recipe_hash``, ``refit``, ``window``,
        ``from``, ``to``, ``embargo_days``, ``interval``, ``counts`` (whether it may count for a
        promotion); others are shown under their names.
    decision
        :meth:`ml_core.evidence.promotion.Decision.to_json`; None if none was made.
    seeds
        Change in log loss against the corridor with each training seed, the judged one first.
    power
        What so many rows can show: ``rows`` judged and ``needed``, for a ``gain`` in log loss
        found with the chance ``power``.
    trials
        Recipes tried on this market so far, this one included.
    not_judged
        Periods asked for that have too little history before them.
    made_at
        Printed at the foot, in UTC; left out, the same inputs give the same bytes.

    Raises
    ------
    NotAnEvaluationError
        Something the report needs is absent.
    """
    require("evaluation", evaluation, *JUDGED, *_GROUPS)
    if decision is not None:
        require("decision", decision, *_DECISION)
    summary = evaluation["summary"]
    recipe = settings.get("recipe") or summary["model"]
    concluded = "" if decision is None else _minus(decision["verdict"])
    charts = (chart_card(each) for each in study_charts(evaluation))
    parts = [
        verdict(evaluation, (summary["market"], recipe, "walk-forward study"), concluded),
        section("The figures, on days no version had seen", scoreboard(evaluation)),
        section("In pictures", element("div", *charts, class_="plots")),
        section("Part by part", _parts(evaluation)),
        section("How the study was made", _made(evaluation, settings, not_judged)),
        section("What stands behind it", _behind(seeds, power, trials)),
        section("Whether it may become champion", _conditions(decision)),
        section("Limits", bullets((*LIMITS, *STUDY_LIMITS))),
        section("How to read this", reading((*STUDY_READING, *READING))),
        foot((summary["market"], summary["version"]), made_at),
    ]
    return document(f"Orbcast: {summary['market']} {recipe} walk-forward study", parts)


def _parts(evaluation: Figures) -> Html:
    money: dict[str, _Cell] = {
        "target before stop": _win,
        "every break, R net": lambda each: r_cell(each["every_break"], "net_r"),
        "recommended, R net": _followed,
    }
    whole: dict[str, _Cell] = {"breaks": _rows, "accuracy": _accuracy, "log loss": _log_loss}
    side: dict[str, _Cell] = {"breaks": _rows, **money}
    sides = [
        {**each, "name": _SIDES.get(each["name"], each["name"])}
        for each in sorted(evaluation["by_side"], key=lambda each: str(each["name"]))
    ]
    cards = [
        _groups("Year by year", evaluation["by_year"], {**whole, **money}),
        _groups(
            "By the side that broke",
            sides,
            side,
            "Direction is not scored by side: who always says UP is right on every break up. Only "
            "both sides together tell skill; the trades can be told apart.",
        ),
        _folded("Every opening range, in figures", evaluation["by_range"], {**whole, **money}),
        _folded("Every fold, in figures", evaluation["by_fold"], {**whole, **money}),
    ]
    note = element(
        "p",
        "Log loss is the model's less the corridor's, and target before stop is log loss less the "
        "driftless entry's: below 0 is better. Many parts, many chances: some stand out by luck.",
    )
    return join((note, *cards))


def _groups(
    title: str, groups: Sequence[Figures], columns: Mapping[str, _Cell], words: str = ""
) -> Html:
    return card(title, _table(groups, columns), words) if groups else Html()


def _folded(title: str, groups: Sequence[Figures], columns: Mapping[str, _Cell]) -> Html:
    if not groups:
        return Html()
    return card("", element("details", element("summary", title), _table(groups, columns)))


def _table(groups: Sequence[Figures], columns: Mapping[str, _Cell]) -> Html:
    rows = [(each["name"], *(cell(each) for cell in columns.values())) for each in groups]
    return table(("", *columns), rows, "figures")


def _rows(each: Figures) -> str:
    return f"{each['rows']:,}"


def _accuracy(each: Figures) -> Html:
    corridor = f"corridor {share(each['corridor']['accuracy'])}"
    return join((share(each["model"]["accuracy"]), element("span", corridor, class_="span")))


def _log_loss(each: Figures) -> Html | str:
    change = each["difference"]["corridor"]["log_loss"]
    return interval_cell(change, 4, few=each["rows"] < FEW_TRADES)


def _win(each: Figures) -> Html | str:
    quality = each["quality"]
    if not quality["rows"]:
        return DASH
    return interval_cell(quality["difference"], 4, few=quality["rows"] < FEW_TRADES)


def _followed(each: Figures) -> Html | str:
    trades = each["followed"]
    if not trades["trades"]:
        return DASH
    count = "1 trade" if trades["trades"] == 1 else f"{trades['trades']:,} trades"
    return join((r_cell(trades, "net_r"), element("span", count, class_="span")))


def _made(evaluation: Figures, settings: Figures, not_judged: Sequence[str]) -> Html:
    summary = evaluation["summary"]
    period = str(settings.get("refit") or "period")
    folds = max(len(evaluation["by_fold"]), 1)
    count = f"1 {period}" if folds == 1 else f"{folds:,} {period}s"
    rows: list[tuple[object, ...]] = [
        ("recipe", join((_said(settings, "recipe"), " ", _hash(settings)))),
        ("asked for", f"{_said(settings, 'from', _START)} to {_said(settings, 'to', _END)}"),
        (
            "judged on",
            f"{summary['first_day']} to {summary['last_day']}, {summary['rows']:,} opening ranges",
        ),
        ("folds", f"{count}; the recipe is trained anew before each and answers that one alone"),
        ("trained on", _window(settings)),
        ("purge", "what was settled only after the next part had begun is left out of training"),
        ("embargo", _embargo(settings)),
        ("stated interval of R", _coverage(settings)),
        ("a trade is", label_words(summary["label"])),
        ("not judged", _left_out(not_judged)),
        *([("counts for a promotion", _counts(settings))] if "counts" in settings else []),
    ]
    rows += [
        (name.replace("_", " "), _plain(value))
        for name, value in settings.items()
        if name not in _SETTINGS
    ]
    return card("", table(("", ""), rows, "words"))


def _plain(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_plain(each) for each in value) or DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _NOT_KNOWN if value is None else str(value)


def _counts(settings: Figures) -> str:
    if settings["counts"] is True:
        return "yes: the recipe's own walk, over every day that can be judged"
    if settings["counts"] is None:
        return _NOT_KNOWN
    return "no: another period or walk than the recipe's own may be picked because it looks good"


def _said(settings: Figures, key: str, otherwise: str = _NOT_KNOWN) -> str:
    value = settings.get(key)
    return otherwise if value is None else str(value)


def _hash(settings: Figures) -> Html:
    found = settings.get("recipe_hash")
    return Html() if found is None else element("code", str(found)[:12])


def _window(settings: Figures) -> str:
    window = _said(settings, "window")
    if window == "expanding":
        return "all days before the fold; the last of them calibrate"
    kind, _, months = window.partition(":")
    if kind == "rolling" and months:
        return f"the latest {months} months before the fold; the last days of them calibrate"
    return window


def _embargo(settings: Figures) -> str:
    days = settings.get("embargo_days")
    if days is None:
        return _NOT_KNOWN
    return f"{days} {'day' if days == 1 else 'days'} between training, calibrating and judging"


def _coverage(settings: Figures) -> str:
    stated = settings.get("interval")
    return _NOT_KNOWN if stated is None else f"meant to hold {100 * stated:g} % of the outcomes"


def _left_out(not_judged: Sequence[str]) -> str:
    if not not_judged:
        return "nothing: every period asked for has enough history before it"
    return f"{', '.join(not_judged)}: too little history before to train on"


def _behind(
    seeds: Sequence[float | None] | None, power: Figures | None, trials: int | None
) -> Html:
    tried = _NOT_KNOWN if trials is None else f"{trials:,} on this market, this one included"
    rows: list[tuple[object, ...]] = [
        ("training seeds", _seeds(seeds)),
        ("enough rows", _power(power)),
        ("recipes tried", tried),
    ]
    return card("", table(("", ""), rows, "words"))


def _seeds(seeds: Sequence[float | None] | None) -> str:
    if not seeds:
        return _NOT_KNOWN
    shown = ", ".join(_number(each) for each in seeds)
    known = [each for each in seeds if each is not None and math.isfinite(each)]
    if len(known) < len(seeds):
        judged = "not all known, so agreement is not shown"
    elif len(known) == 1:
        judged = "one alone shows no agreement"
    elif all(each < 0 for each in known):
        judged = "all better than the corridor"
    else:
        judged = "they do not all beat the corridor"
    return f"log loss less the corridor's {shown}: {judged}"


def _power(power: Figures | None) -> str:
    have, needed = ((power or {}).get(name) for name in ("rows", "needed"))
    if have is None or needed is None:
        return _NOT_KNOWN
    words = f"{have:,} breaks judged, {needed:,} needed"
    gain, chance = ((power or {}).get(name) for name in ("gain", "power"))
    if gain is not None and chance is not None:
        words += f" to find a gain of {gain:g} in log loss {100 * chance:g} % of the time"
    missing = needed - have
    return f"{words}: {f'{missing:,} more are wanted' if missing > 0 else 'enough'}"


def _conditions(decision: Figures | None) -> Html:
    if decision is None:
        return element("p", "Nothing was decided from this study.")
    rows = [_condition(each) for each in decision["conditions"]]
    head = ("condition", "state", "what was found")
    claim = table(head, [_condition(decision["trading"])], "conditions")
    return join(
        (
            element("p", "Every condition must hold; what is not known counts as not shown."),
            card("", table(head, rows, "conditions")),
            card("A claim about money wants this as well", claim),
        )
    )


def _condition(each: Figures) -> tuple[object, ...]:
    status = each["status"] if each["status"] in _STATES else "unknown"
    state = element("span", _STATES[status], class_=f"state {status}")
    figures = "; ".join(_figures(each.get("figures") or {}))
    more = element("span", figures, class_="span") if figures else Html()
    return each["name"], state, join((_minus(each["words"]), more))


def _figures(figures: Figures) -> Iterable[str]:
    """Yield what the condition's sentence leaves out: by seed, by year, by whom it is against."""
    for name, value in figures.items():
        words = name.replace("_", " ")
        shown = _wealth if name == "e_values" else _number
        if isinstance(value, Mapping):
            yield from (f"{words}, {key}: {shown(inner)}" for key, inner in value.items())
        elif name not in _TOLD:
            yield f"{words}: {shown(value)}"


def _wealth(value: object) -> str:
    known = isinstance(value, float) and math.isfinite(value)
    return f"{value:,.3g}" if known else _NOT_KNOWN


def _number(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_number(each) for each in value)
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return _NOT_KNOWN
    return signed(value, 4) if isinstance(value, float) else str(value)


def _minus(words: str) -> str:
    """Write true minuses before figures; dates and names keep their dashes."""
    return re.sub(r"(?<!\w)-(?=\d)", "\N{MINUS SIGN}", words)
