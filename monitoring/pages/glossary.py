"""What a reader must know to understand a report."""

from __future__ import annotations

_READING = """
Opening range
The high and low of the first minutes after a set time, such as 09:00 to 09:05. Price later
closes above it (UP), below it (DOWN), or neither by the session's end (NONE).

Corridor baseline
Where the last price of the window stands inside the range already tells which edge a price
without any drift would reach first: the nearer one. Gamblers' ruin is its name in mathematics.
It is right about 70 % of the time and it is no skill: who bets on it wins nothing, because the
nearer edge is also the smaller move. A model has skill only where it beats the corridor.

Majority
Always saying the direction that was more frequent in training.

Log loss
How surprised a forecaster was, on average; smaller is better, 0.693 is a coin. It counts how
sure the forecast was, so it shows differences that accuracy hides, and the verdict rests on
it.

95 % interval
What the figure might have been, had other days like these been drawn. If the interval of a
difference includes 0, no difference is shown. Days are drawn whole, since ranges of one day
share its fortune.

R
One R is the risk of a trade, from entry to stop. +1 R is a gain as large as the risk; costs
are counted in R too, so a small range makes them large.

Why accuracy is not profit
By the time the break is known, the entry is behind it: being right about the direction is not
yet being paid. From the entry on, a driftless price reaches a target as far away as the stop
half of the time, and costs come off either way. Only net R with an interval above 0 is a claim
about money.
"""

_LIMITS = """
Bars of one minute: the order of prices within a minute is not known.

Costs are the stated commission and slippage. Real fills at a breakout can be worse.

The intervals speak of days like those judged on. Markets change.

One look at one period. Whoever tries twenty recipes will find one that looks good.

A feature that weighs much in the trees was used, which does not make it useful: only the
difference from the baseline says that.
"""

_STUDY = """
Walk-forward
The study repeats what would have happened: train on what was known, answer the months after,
move on, train again. Every answer judged here was given by a version that had not seen its day.

Fold
One step of that walk: a quarter or a month, answered by the version trained just before it.

Purge
An opening range whose outcome was settled only after the next part had begun is taken out of
training: it would have carried news of the days it is judged on.

Embargo
Some days more are left free between training and judging, since neighbouring days are alike.

e-value
The wealth of somebody who began with 1 and bet, day after day, that the model is the better
one. Without skill it reaches 20 in one of twenty lives at most, however often one looks; that is
why it may be looked at every night.

Trials paid for
Whoever asks twenty questions finds a good-looking answer by luck. A question is a market's
definition, a recipe with its label and features, and the code that answers. Every one asked of
this market, or of another market of its family, is counted, and with each the evidence wanted
grows; families share the chance of a false promotion in equal parts.
"""

_STUDY_LIMITS = """
The recipe may have been thought of with these days in mind: a walk keeps the model from seeing
the future, not its author. Only the live record is beyond that.

Each fold is a small sample. Good and bad ones side by side are what chance looks like too.
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
