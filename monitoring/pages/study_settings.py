"""The settings of a walk-forward study, as a table to read."""

from __future__ import annotations

from collections.abc import Sequence

from ml_core.evidence.evaluation import Evaluation
from monitoring.pages.document import Cell, CellText, FactTable
from monitoring.pages.findings import Figures, label_words
from monitoring.pages.formatting import NOT_KNOWN, count_of, format_setting

_START, _END = "the first day that can be judged", "the last there is"
_SETTINGS = {
    *("recipe", "recipe_hash", "refit", "window", "from", "to", "embargo_days", "interval"),
    *("counts", "folds", "not_judged"),
}


def settings_table(
    evaluation: Evaluation, settings: Figures, not_judged: Sequence[str]
) -> FactTable:
    """Return the walk, its parts and its settings; unknown values are marked as such."""
    summary = evaluation.summary
    period = str(settings.get("refit") or "period")
    folds = max(len(evaluation.by_fold), 1)
    rows: dict[str, CellText] = {
        "recipe": Cell(_setting(settings, "recipe"), str(settings.get("recipe_hash") or "")[:12]),
        "requested": f"{_setting(settings, 'from', _START)} to {_setting(settings, 'to', _END)}",
        "judged on": (
            f"{summary.first_day} to {summary.last_day}, {summary.rows:,} opening ranges"
        ),
        "folds": (
            f"{count_of(folds, period)}; the recipe is trained again before each and predicts "
            "that one only"
        ),
        "trained on": _window(settings),
        "purge": "what was settled only after the next part had begun is left out of training",
        "embargo": _embargo(settings),
        "stated interval of R": _coverage(settings),
        "a trade is": label_words(summary.label),
        "not judged": _left_out(not_judged),
        **({"counts for a promotion": _counts(settings)} if "counts" in settings else {}),
    }
    others = {
        name.replace("_", " "): format_setting(value)
        for name, value in settings.items()
        if name not in _SETTINGS
    }
    return FactTable(rows | others)


def _counts(settings: Figures) -> str:
    if settings["counts"] is True:
        return "yes: the recipe's own walk, over every day that can be judged"
    if settings["counts"] is None:
        return NOT_KNOWN
    return "no: a period or walk other than the recipe's own may be chosen because it looks good"


def _setting(settings: Figures, key: str, otherwise: str = NOT_KNOWN) -> str:
    value = settings.get(key)
    return otherwise if value is None else str(value)


def _window(settings: Figures) -> str:
    window = _setting(settings, "window")
    if window == "expanding":
        return "all days before the fold; the last of them calibrate"
    kind, _, months = window.partition(":")
    if kind == "rolling" and months:
        return f"the latest {months} months before the fold; the last days of them calibrate"
    return window


def _embargo(settings: Figures) -> str:
    days = settings.get("embargo_days")
    if days is None:
        return NOT_KNOWN
    return f"{count_of(days, 'day')} between training, calibrating and judging"


def _coverage(settings: Figures) -> str:
    stated = settings.get("interval")
    return NOT_KNOWN if stated is None else f"meant to hold {100 * stated:g} % of the outcomes"


def _left_out(not_judged: Sequence[str]) -> str:
    if not not_judged:
        return "nothing: every requested period has enough history before it"
    return f"{', '.join(not_judged)}: too little history before to train on"
