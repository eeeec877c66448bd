"""What an evaluation shows, in sentences and rows that need no statistician."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ml_core.errors import InputError
from monitoring.pages.document import Finding
from monitoring.pages.formatting import count_of, interval, signed

Figures = Mapping[str, Any]

FEW_TRADES = 30
"""With fewer, a bootstrap knows too little of the tails: one lucky trade would look certain."""

JUDGED = (
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
"""What an evaluation must hold for any report of it."""

_LABEL = re.compile(r"v\d+-(entry|edge)-(full|half)-rr([\d.]+)-(session_end|next_day_start)$")


class NotAnEvaluationError(InputError):
    """Figures that are not what an evaluation writes."""

    what: str
    missing: tuple[str, ...]
    template = (
        "the {what} lacks {missing:, }: it was written by another release or edited; retrain to "
        "write it anew"
    )


def require(what: str, figures: Figures, *paths: str) -> None:
    """Refuse figures in which something a report needs is absent.

    Raises
    ------
    NotAnEvaluationError
        Names every absent path.
    """
    missing = []
    for path in paths:
        here: Any = figures
        for key in path.split("."):
            if not isinstance(here, Mapping) or key not in here:
                missing.append(path)
                break
            here = here[key]
    if missing:
        raise NotAnEvaluationError(what, tuple(missing))


def finding(evaluation: Figures) -> Finding:
    """Return what the interval of the log loss against the corridor shows; unknown is no skill."""
    change = evaluation["directional"]["difference"]["corridor"]["log_loss"]
    if change["low"] is None or change["high"] is None:
        return "none"
    if change["high"] < 0:
        return "better"
    if change["low"] > 0:
        return "worse"
    return "same" if change["estimate"] == 0 else "none"


def money(trading: Figures) -> str:
    """Return what trading it would have brought, after costs."""
    every, followed = trading["every_break"], trading["followed"]
    sentences = []
    if every["trades"]:
        sentences.append(f"Taking every break {_brought(every)}.")
    if not trading["recommended"]:
        sentences.append("The model recommended no trade at all.")
    elif not followed["trades"]:
        sentences.append(
            f"None of its {trading['recommended']:,} recommendations became a trade: the ranges "
            "broke the other way or not at all."
        )
    else:
        sentences.append(f"Following its recommendations {_brought(followed)}.")
    return " ".join(sentences)


def _brought(trades: Figures) -> str:
    net = trades["net_r"]
    if net["estimate"] is None:
        return "came to a figure that is not known"
    if trades["trades"] < FEW_TRADES:
        count = "one trade" if trades["trades"] == 1 else count_of(trades["trades"], "trade")
        came = f"came to {signed(net['estimate'], 2)} R a trade after costs"
        return f"{came} over {count}: too few to judge"
    verb = "lost" if net["estimate"] < 0 else "brought"
    crosses = net["low"] is None or net["low"] <= 0 <= net["high"]
    doubt = ", so nothing is shown either way" if crosses else ""
    return (
        f"{verb} {abs(net['estimate']):.2f} R a trade after costs ({trades['trades']:,} trades, "
        f"95 % interval {interval(net, 2)}{doubt})"
    )


def recovered(evaluation: Figures, truth: Figures) -> float | None:
    """Return the share of the possible gain in log loss the model found; None without an edge."""
    possible = truth["driftless_log_loss"] - truth["bayes_log_loss"]
    if possible <= 0:
        return None
    scores = evaluation["directional"]
    gained = scores["corridor"]["log_loss"] - scores["model"]["log_loss"]
    return float(gained / possible)


def label_words(key: str) -> str:
    """Return what a label counts, for a trader.

    >>> label_words("entry-session-v1-entry-full-rr1-session_end")[:51]
    'Enter at the first 1-minute close outside the range'
    """
    found = _LABEL.search(key)
    if found is None:
        return key
    anchor, stop, rr, scan = found.groups()
    counted = "the entry" if anchor == "entry" else "the broken edge"
    where = "the opposite edge" if stop == "full" else "the range's middle"
    until = "the session's end" if scan == "session_end" else "the next trading day"
    return (
        f"Enter at the first 1-minute close outside the range; stop at {where}; target {rr} times "
        f"the risk, counted from {counted}; until {until}, then marked to the last close; a bar "
        "that touches both stop and target is a loss."
    )
