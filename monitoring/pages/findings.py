"""The findings of an evaluation, in sentences and rows that need no statistics to read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ml_core.evidence.evaluation import Evaluation, Trades, Trading
from monitoring.pages.document import Finding
from monitoring.pages.formatting import count_of, interval, is_known, signed

Figures = Mapping[str, Any]

FEW_TRADES = 30
"""With fewer, a bootstrap covers the tails too poorly: one lucky trade would look certain."""

_LABEL = re.compile(r"v\d+-(entry|edge)-(full|half)-rr([\d.]+)-(session_end|next_day_start)$")


def finding(evaluation: Evaluation) -> Finding:
    """Return how the log loss compares with the corridor's; "none" if no difference is shown."""
    change = evaluation.directional.difference["corridor"].log_loss
    if not change.is_known:
        return "none"
    if change.below_zero:
        return "better"
    if change.above_zero:
        return "worse"
    return "same" if change.estimate == 0 else "none"


def money(trading: Trading) -> str:
    """Return in words the result of trading the predictions, after costs."""
    every, followed = trading.every_break, trading.followed
    sentences = []
    if isinstance(every, Trades):
        sentences.append(f"Taking every break {_brought(every)}.")
    if not trading.recommended:
        sentences.append("The model recommended no trade at all.")
    elif not isinstance(followed, Trades):
        sentences.append(
            f"None of its {trading.recommended:,} recommendations became a trade: the ranges "
            "broke the other way or not at all."
        )
    else:
        sentences.append(f"Following its recommendations {_brought(followed)}.")
    return " ".join(sentences)


def _brought(trades: Trades) -> str:
    net = trades.net_r
    if not is_known(net.estimate):
        return "gave an unknown result"
    if trades.trades < FEW_TRADES:
        count = "one trade" if trades.trades == 1 else count_of(trades.trades, "trade")
        came = f"gave {signed(net.estimate, 2)} R a trade after costs"
        return f"{came} over {count}: too few to judge"
    verb = "lost" if net.estimate < 0 else "brought"
    doubt = "" if net.below_zero or net.above_zero else ", so neither a gain nor a loss is shown"
    return (
        f"{verb} {abs(net.estimate):.2f} R a trade after costs ({trades.trades:,} trades, "
        f"95 % interval {interval(net.low, net.high, 2)}{doubt})"
    )


def recovered(evaluation: Evaluation, truth: Figures) -> float | None:
    """Return the model's share of the possible gain in log loss; None without an edge."""
    possible = truth["driftless_log_loss"] - truth["bayes_log_loss"]
    if possible <= 0:
        return None
    scores = evaluation.directional
    return float((scores.corridor.log_loss - scores.model.log_loss) / possible)


def label_words(key: str) -> str:
    """Return in a trader's words which trade a label counts.

    >>> label_words("entry-session-v1-entry-full-rr1-session_end")[:51]
    'Enter at the first 1-minute close outside the range'
    """
    match = _LABEL.search(key)
    if match is None:
        return key
    anchor, stop, rr, scan = match.groups()
    counted = "the entry" if anchor == "entry" else "the broken edge"
    stop_place = "the opposite edge" if stop == "full" else "the range's middle"
    until = "the session's end" if scan == "session_end" else "the next trading day"
    return (
        f"Enter at the first 1-minute close outside the range; stop at {stop_place}; target {rr} "
        f"times the risk, counted from {counted}; until {until}, then marked to the last close; "
        "a bar that touches both stop and target is a loss."
    )
