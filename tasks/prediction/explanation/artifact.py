"""The Prefect artifact that explains predictions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from textwrap import shorten

from ml_core.learning.predictions.prediction import Reason
from monitoring import pages
from monitoring.pages.markdown import escaped
from tasks.prediction.explanation.explain import ExplainedPrediction
from tasks.runs.artifacts import bullets, pictures, publish, table

_GATES = {"name": "Gate", "passed": "Passed", "words": "Figure", "change": "Would have sufficed"}
_AXIS = "toward DOWN (left) or UP (right), in log-odds"
_LONGEST = 48
_VALUE = re.compile(r" \([^()]*\)$")
_WORDS = "Contributions toward UP or DOWN, the corridor's first"


def publish_explanation(slot: str, explanations: Sequence[ExplainedPrediction]) -> None:
    """Publish the explanations of a slot's predictions."""
    parts = [part for explanation in explanations for part in _explanation(explanation)]
    key = "explain-" + slot.replace(":", "-")
    publish(key, f"{slot}: {explanations[0].verdict}", *parts)


def _explanation(explanation: ExplainedPrediction) -> list[str]:
    version, reasons = explanation.version, explanation.reasons
    made_by = f"{explanation.model} {version}" if version else "no version"
    who = escaped(f"{explanation.role} ({explanation.mode}): {made_by}")
    return [
        f"**{who}**",
        table(explanation.gates, _GATES),
        f"Reasons for the model's prediction:\n\n{bullets(reasons)}" if reasons else "",
        *reasons_plot(explanation.pushes),
    ]


def reasons_plot(reasons: Sequence[Reason]) -> list[str]:
    """Draw the logged reasons that pushed a prediction; nothing without reasons."""
    if not reasons:
        return []
    shares = {short_words(reason.words): reason.contribution for reason in reasons}
    return pictures(
        [
            pages.document.Chart(
                "reasons", _WORDS, "", pages.plots.scores.importance_plot(shares, _AXIS)
            )
        ]
    )


def short_words(words: str) -> str:
    """Return a reason's words as a bar's label, without the push, which the bar shows.

    >>> short_words("volume of the window's later half against its first (log) (1.25): +0.35")
    "volume of the window's later half against its…"
    >>> short_words("day of the week (sine) (0.975): +0.04")
    'day of the week (sine)'
    """
    name = _VALUE.sub("", words.rpartition(":")[0].partition(";")[0])
    return shorten(name, _LONGEST, placeholder="…")
