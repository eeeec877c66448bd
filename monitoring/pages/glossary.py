"""What a reader must know to understand a report."""

from __future__ import annotations

_READING = """
Opening range
The high and low of the first minutes after a set time, such as 09:00 to 09:05. Price later
closes above it (UP), below it (DOWN), or neither by the session's end (NONE).

Corridor baseline
The position of the window's last price inside the range already shows which edge a price
without any drift would reach first: the nearer one. In mathematics this is gambler's ruin. It
is right about 70 % of the time without any skill: betting on it wins nothing, because the
nearer edge is also the smaller move. A model has skill only where it beats the corridor.

Majority
Always predicting the direction that was more frequent in training.

Log loss
The average penalty for the probability that a prediction gave to what did not occur; smaller
is better, 0.693 is a coin. It counts how certain a prediction was, so it shows differences
that accuracy hides, and it decides the verdict.

95 % interval
The values that the figure could have had on other days like these. If the interval of a
difference includes 0, no difference is shown. Days are drawn whole, since the ranges of one
day depend on one another.

R
One R is the risk of a trade, from entry to stop. +1 R is a gain as large as the risk; costs
are counted in R too, so a small range makes them large.

Why accuracy is not profit
When the break is known, the entry has already passed: a right direction is not yet a profit.
From the entry on, a driftless price reaches a target as far away as the stop
half of the time, and costs come off either way. Only net R with an interval above 0 is a claim
about money.
"""

_LIMITS = """
Bars of one minute: the order of prices within a minute is unknown.

Costs are the stated commission and slippage. Real fills at a breakout can be worse.

The intervals hold for days like those judged on. Markets change.

One test on one period. Of twenty recipes tried, one will look good by chance.

A feature with a large share in the trees was used, which does not make it useful: only the
difference from the baseline shows that.
"""

_STUDY = """
Walk-forward
The study repeats what would have happened: train on what was known, predict the months after,
move on, train again. Every prediction judged here was made by a version that had not seen its
day.

Fold
One step of that walk: a quarter or a month, predicted by the version trained just before it.

Purge
An opening range whose outcome was settled only after the next part had begun is taken out of
training: it would have leaked information about the days it is judged on.

Embargo
Some more days are left out between training and judging, since neighbouring days are alike.

e-value
The wealth after starting with 1 and betting, day after day, that the model is the better one.
Without skill it reaches 20 with a chance of one in twenty at most, however often it is checked;
so it may be checked every night.

Trials paid for
Of twenty questions, one gives a good-looking result by chance. A question is a market's
definition, a recipe with its label and features, and the code that predicts. Every question
tried on this market, or on another market of its family, is counted, and each raises the
evidence needed; families share the chance of a false promotion in equal parts.
"""

_STUDY_LIMITS = """
The recipe may have been designed with these days in mind: a walk keeps the model from seeing
the future, but not its author. Only the live record is free of that.

Each fold is a small sample. Chance alone also gives good and bad ones side by side.
"""


def _joined(text: str) -> list[list[str]]:
    return [block.split("\n") for block in text.strip().split("\n\n")]


def _terms(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((lines[0], " ".join(lines[1:])) for lines in _joined(text))


READING = _terms(_READING)
"""Terms and their meanings."""

STUDY_READING = _terms(_STUDY)
"""Terms of a walk-forward study."""

LIMITS = tuple(" ".join(lines) for lines in _joined(_LIMITS))

STUDY_LIMITS = tuple(" ".join(lines) for lines in _joined(_STUDY_LIMITS))
"""What a study cannot show, besides ``LIMITS``."""
