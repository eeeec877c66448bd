"""The report of a walk-forward study: one self-contained page, the verdict first."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from ml_core.evidence.evaluation import EntryLogLoss, Evaluation, GroupScores
from ml_core.evidence.fills import FillRealism
from ml_core.evidence.promotion.evidence import Condition
from ml_core.evidence.promotion.rule import Decision
from ml_core.evidence.promotion.trial_cost import TrialCost
from monitoring.pages.document import (
    Block,
    BulletList,
    Cell,
    CellText,
    Charts,
    Definitions,
    Document,
    FactTable,
    Paragraph,
    Section,
    State,
    Table,
    split_verdict,
)
from monitoring.pages.fill_table import fill_blocks
from monitoring.pages.findings import (
    FEW_TRADES,
    Figures,
    finding,
    money,
)
from monitoring.pages.formatting import (
    DASH,
    NOT_KNOWN,
    count_of,
    percent_or_dash,
    signed,
    with_true_minuses,
)
from monitoring.pages.glossary import LIMITS, READING, STUDY_LIMITS, STUDY_READING
from monitoring.pages.plots.study import study_charts
from monitoring.pages.score_tables import interval_cell, r_cell, scoreboard
from monitoring.pages.study_settings import settings_table

_STATES: dict[State, str] = {
    "holds": "\N{CHECK MARK} holds",
    "fails": "\N{MULTIPLICATION SIGN} fails",
    "unknown": "? not known",
}
_SIDES = {"long": "broke up, long", "short": "broke down, short"}
_IN_THE_SENTENCE = {
    *("estimate", "low", "high", "rows", "days", "error", "smaller_is_better"),
    *("ece", "by_chance", "at_most", "at_least", "needed", "least"),
    *("needed_error", "gain", "power", "power_now"),
    *("trials", "families", "z_wanted", "z_least", "wanted", "e_better", "e_worse"),
}
"""Figures that a condition's sentence already contains."""

_Column = Callable[[GroupScores], CellText]


def study_report(
    evaluation: Evaluation,
    *,
    settings: Figures,
    decision: Decision | None = None,
    seeds: Sequence[float | None] | None = None,
    power: Figures | None = None,
    cost: TrialCost | None = None,
    fills: FillRealism | None = None,
    not_judged: Sequence[str] = (),
    made_at: datetime | None = None,
) -> Document:
    """Return the study's report, the verdict first.

    None or NaN is shown as not known, never as a figure and never as a condition that is met.

    Parameters
    ----------
    evaluation
        The evaluation of every fold's predictions.
    settings
        The study's settings as plain values: ``recipe``, ``recipe_hash``, ``refit``, ``window``,
        ``from``, ``to``, ``embargo_days``, ``interval``, ``counts`` (whether it may count for a
        promotion); others are shown by name.
    decision
        The decision on the study; None if none was made.
    seeds
        Change in log loss against the corridor with each training seed, the judged one first.
    power
        What this number of rows can show: ``rows`` judged and ``needed``, for a ``gain`` in log
        loss that is found with probability ``power``.
    cost
        The questions asked so far of this family of markets, and their cost.
    fills
        How realistic the labels' assumed fills are, on this market's own bars.
    not_judged
        Requested periods with too little history before them.
    made_at
        Printed at the foot, in UTC; without it, the same inputs give the same bytes.

    """
    summary = evaluation.summary
    recipe = settings.get("recipe") or summary.model
    headline, detail = split_verdict(evaluation.verdict)
    name = (summary.market, str(recipe), "walk-forward study")
    return Document(
        title=f"Orbcast: {' '.join(name)}",
        names=name,
        verdict=headline,
        lines=(
            detail,
            money(evaluation.trading),
            "" if decision is None else with_true_minuses(decision.verdict),
            "" if cost is None else f"{cost.words}.",
        ),
        finding=finding(evaluation),
        sections=(
            Section("Figures on unseen days", scoreboard(evaluation)),
            Section("Charts", (Charts(study_charts(evaluation)),)),
            Section("By part", _parts(evaluation)),
            Section("Fills", fill_blocks(fills)),
            Section("Method", (settings_table(evaluation, settings, not_judged),)),
            Section("Evidence", (_support(seeds, power, cost),)),
            Section("Promotion rule", _conditions(decision)),
            Section("Limits", (BulletList((*LIMITS, *STUDY_LIMITS)),)),
            Section("How to read this", (Definitions((*STUDY_READING, *READING)),)),
        ),
        made_at=made_at,
    )


def _parts(evaluation: Evaluation) -> tuple[Block, ...]:
    money_columns: dict[str, _Column] = {
        "target before stop": _win,
        "every break, R net": lambda part: r_cell(part.every_break, "after costs"),
        "recommended, R net": _followed,
    }
    columns: dict[str, _Column] = {
        "breaks": _rows,
        "accuracy": _accuracy,
        "log loss": _log_loss,
        **money_columns,
    }
    sides = [
        replace(part, name=_SIDES.get(part.name, part.name))
        for part in sorted(evaluation.by_side, key=lambda part: part.name)
    ]
    tables = (
        _groups("Year by year", evaluation.by_year, columns),
        _groups(
            "By the side that broke",
            sides,
            {"breaks": _rows, **money_columns},
            "Direction is not scored by side: a model that always predicts UP is right on "
            "every break up. Only both sides together show skill; trades can be judged by side.",
        ),
        _groups("Every opening range, in figures", evaluation.by_range, columns, folded=True),
        _groups("Every fold, in figures", evaluation.by_fold, columns, folded=True),
    )
    note = (
        "Log loss is the model's less the corridor's, and target before stop is log loss less the "
        "driftless entry's: below 0 is better. With many parts, some differ by chance."
    )
    return (Paragraph(note), *(table for table in tables if table.rows))


def _groups(
    title: str,
    groups: Sequence[GroupScores],
    columns: Mapping[str, _Column],
    note: str = "",
    *,
    folded: bool = False,
) -> Table:
    rows = tuple((part.name, *(cell(part) for cell in columns.values())) for part in groups)
    return Table(("", *columns), rows, title, note, folded=folded)


def _rows(part: GroupScores) -> str:
    return f"{part.rows:,}"


def _accuracy(part: GroupScores) -> Cell:
    corridor = f"corridor {percent_or_dash(part.corridor.accuracy)}"
    return Cell(percent_or_dash(part.model.accuracy), corridor)


def _log_loss(part: GroupScores) -> CellText:
    change = part.difference["corridor"].log_loss
    return interval_cell(change, 4, few=part.rows < FEW_TRADES)


def _win(part: GroupScores) -> CellText:
    quality = part.quality
    if not isinstance(quality, EntryLogLoss):
        return DASH
    return interval_cell(quality.difference, 4, few=quality.rows < FEW_TRADES)


def _followed(part: GroupScores) -> CellText:
    trades = part.followed
    cell = r_cell(trades, "after costs")
    count = count_of(trades.trades, "trade")
    if isinstance(cell, str):
        return Cell(cell, count) if trades.trades else cell
    return Cell(cell.text, f"{cell.detail}, {count}")


def _support(
    seeds: Sequence[float | None] | None, power: Figures | None, cost: TrialCost | None
) -> FactTable:
    questions = NOT_KNOWN if cost is None else f"{cost.words}; this one is included"
    rows = {"training seeds": _seeds(seeds), "enough rows": _power(power), "questions": questions}
    return FactTable(rows)


def _seeds(seeds: Sequence[float | None] | None) -> str:
    if not seeds:
        return NOT_KNOWN
    changes = ", ".join(map(_number, seeds))
    changes_known = [change for change in seeds if change is not None and math.isfinite(change)]
    if len(changes_known) < len(seeds):
        judged = "some unknown, so agreement is not shown"
    elif len(changes_known) == 1:
        judged = "one alone shows no agreement"
    elif all(change < 0 for change in changes_known):
        judged = "all better than the corridor"
    else:
        judged = "they do not all beat the corridor"
    return f"log loss less the corridor's {changes}: {judged}"


def _power(power: Figures | None) -> str:
    have, needed = ((power or {}).get(name) for name in ("rows", "needed"))
    if have is None or needed is None:
        return NOT_KNOWN
    words = f"{have:,} breaks judged, {needed:,} needed by the whole rule"
    gain, chance = ((power or {}).get(name) for name in ("gain", "power"))
    if gain is not None and chance is not None:
        words += f" to find a gain of {gain:g} in log loss {100 * chance:g} % of the time"
    missing = needed - have
    return f"{words}: {f'{missing:,} more are needed' if missing > 0 else 'enough'}"


def _conditions(decision: Decision | None) -> tuple[Block, ...]:
    if decision is None:
        return (Paragraph("No decision was made from this study."),)
    head = ("condition", "state", "finding")
    rows = tuple(map(_condition, decision.conditions))
    claim = "Needed as well for a claim about money"
    return (
        Paragraph("Every condition must hold; an unknown one counts as not met."),
        Table(head, rows, is_text=True),
        Table(head, (_condition(decision.trading),), claim, is_text=True),
    )


def _condition(condition: Condition) -> tuple[CellText, ...]:
    figures = "; ".join(_figures(condition.figures))
    words = with_true_minuses(condition.words)
    state = Cell(_STATES[condition.status], state=condition.status)
    return condition.name, state, Cell(words, figures)


def _figures(figures: Figures) -> Iterable[str]:
    """Yield the figures that a condition's sentence does not contain: by seed, year, opponent."""
    for name, value in figures.items():
        words = name.replace("_", " ")
        write = _wealth if name == "e_values" else _number
        if isinstance(value, Mapping):
            yield from (f"{words}, {key}: {write(inner)}" for key, inner in value.items())
        elif name not in _IN_THE_SENTENCE:
            yield f"{words}: {write(value)}"


def _wealth(value: object) -> str:
    is_known = isinstance(value, float) and math.isfinite(value)
    return f"{value:,.3g}" if is_known else NOT_KNOWN


def _number(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_number, value))
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return NOT_KNOWN
    return signed(value, 4) if isinstance(value, float) else str(value)
